import { runCommand } from "./command.mjs";

await runCommand("profile", ({ profileCommand, profileOptions }) => ({
  command: profileCommand,
  convert: profileOptions,
}));
