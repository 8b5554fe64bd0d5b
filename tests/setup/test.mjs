import "./node-version.mjs";
import process from "node:process";
import { getBrowser } from "./browser.mjs";
import { runMain } from "./errors.mjs";
import { helpText, parseOptions } from "./options.mjs";
import { ensurePackages } from "./packages.mjs";
import { runNode, say } from "./process.mjs";

/** @type {import("./options.mjs").CommandSpec} */
const command = {
  name: "test",
  summary: "Run the tests: unit tests in Node, gpu tests in a headless Chrome with a software adapter.",
  positionals: "part of a file name ...",
  options: {
    full: { type: "boolean", help: "the longer sweeps as well (npm run test:full)" },
    project: { type: "string", value: "unit|gpu", help: "one of the two only (default both)" },
    testNamePattern: { type: "string", short: "t", value: "PATTERN", help: "only tests whose name matches" },
    watch: { type: "boolean", short: "w", help: "keep running and test again after a change" },
    update: { type: "boolean", short: "u", help: "write new snapshots" },
    bail: { type: "string", value: "N", help: "stop after N failures" },
    reporter: { type: "string", value: "NAME", help: "how to report: default, verbose, dot, json, junit" },
    outputFile: { type: "string", value: "FILE", help: "where json and junit are written" },
    retry: { type: "string", value: "N", help: "run a failing test up to N times more" },
    testTimeout: { type: "string", value: "MS", help: "limit of one test in milliseconds" },
    shard: { type: "string", value: "I/N", help: "the I-th of N parts" },
    silent: { type: "boolean", help: "without console output of the tests" },
  },
  examples: [
    "npm test -- conv2d                 files with conv2d in their name",
    "npm test -- --project unit         without a browser",
    "CHROME=/path/to/chrome npm test    in that browser",
    "GPU=hardware npm test              on this machine's GPU",
  ],
};

await runMain(async () => {
  const argv = process.argv.slice(2);
  const parsed = parseOptions(command, argv);
  if (!parsed) {
    process.stdout.write(helpText(command));
    return 0;
  }
  await ensurePackages();
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, WGFIT_FULL: parsed.values.full ? "1" : "" };
  if (parsed.values.project !== "unit") {
    env.CHROME = await getBrowser();
    say(`Testing in ${env.CHROME}${process.env.GPU === "hardware" ? " on this machine's GPU" : ""}`);
  }
  const passed = argv.filter((arg) => arg !== "--full");
  const mode = parsed.values.watch ? "watch" : "run";
  process.exit(await runNode(["node_modules/vitest/vitest.mjs", mode, ...passed], env));
});
