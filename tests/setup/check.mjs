import "./node-version.mjs";
import process from "node:process";
import { runMain } from "./errors.mjs";
import { helpText, parseOptions } from "./options.mjs";
import { ensurePackages } from "./packages.mjs";
import { runNode, say } from "./process.mjs";

/** @type {import("./options.mjs").CommandSpec} */
const command = {
  name: "check",
  summary: "Check types (TypeScript), then lint and format (Biome).",
  options: { fix: { type: "boolean", help: "repair what can be repaired" } },
};

await runMain(async () => {
  const parsed = parseOptions(command, process.argv.slice(2));
  if (!parsed) {
    process.stdout.write(helpText(command));
    return 0;
  }
  await ensurePackages();
  say("types ...");
  const types = await runNode(["node_modules/typescript/bin/tsc", "--noEmit"]);
  say("lint and format ...");
  const write = parsed.values.fix ? ["--write"] : [];
  const lint = await runNode([
    "node_modules/@biomejs/biome/bin/biome",
    "check",
    "--error-on-warnings",
    ...write,
  ]);
  return types || lint;
});
