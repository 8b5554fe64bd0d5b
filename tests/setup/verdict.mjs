import { runCommand } from "./command.mjs";

await runCommand("verdict", ({ verdictCommand, verdictOptions }) => ({
  command: verdictCommand,
  convert: verdictOptions,
}));
