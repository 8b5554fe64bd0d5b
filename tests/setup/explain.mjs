import { runCommand } from "./command.mjs";

await runCommand("explain", ({ explainCommand, explainOptions }) => ({
  command: explainCommand,
  convert: explainOptions,
}));
