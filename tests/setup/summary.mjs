import { runCommand } from "./command.mjs";

await runCommand("summary", ({ summaryCommand, summaryOptions }) => ({
  command: summaryCommand,
  convert: summaryOptions,
}));
