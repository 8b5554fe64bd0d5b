import { runCommand } from "./command.mjs";

await runCommand("train", ({ trainCommand, trainOptions }) => ({
  command: trainCommand,
  convert: trainOptions,
}));
