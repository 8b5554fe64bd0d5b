import { runCommand } from "./command.mjs";

await runCommand(
  "bench",
  ({ benchCommand, benchOptions }) => ({ command: benchCommand, convert: benchOptions }),
  async () => ({ ...(await import("./peers.mjs")), ...(await import("./bundle.mjs")) }),
);
