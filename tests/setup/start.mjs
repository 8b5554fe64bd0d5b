import "./node-version.mjs";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { runMain, SetupError } from "./errors.mjs";
import { helpText, parseOptions } from "./options.mjs";
import { ensurePackages } from "./packages.mjs";
import { say } from "./process.mjs";
import { root } from "./root.mjs";

/** @type {import("./options.mjs").CommandSpec} */
const command = {
  name: "start",
  summary: "Serve the demo page and open it in your browser.",
  options: {
    port: {
      type: "string",
      value: "N",
      help: "port to try first (default 5173; the next one if it is taken)",
    },
    host: { type: "string", value: "NAME", help: "address to listen on (default localhost)" },
    "no-open": {
      type: "boolean",
      help: "do not open a browser (nor is one opened under CI or without a display)",
    },
  },
};

/**
 * Whether a browser window can appear here.
 * @param {NodeJS.ProcessEnv} env
 * @param {NodeJS.Platform} platform
 */
function hasDisplay(env, platform) {
  if (env.CI || env.SSH_CONNECTION) return false;
  return platform !== "linux" || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/** @param {string | boolean | string[] | undefined} text */
function portNumber(text) {
  if (text === undefined) return 5173;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new SetupError(`npm start: --port must be a whole number from 1 to 65535, got "${text}".`);
}

await runMain(async () => {
  const parsed = parseOptions(command, process.argv.slice(2));
  if (!parsed) {
    process.stdout.write(helpText(command));
    return 0;
  }
  const port = portNumber(parsed.values.port);
  const host = typeof parsed.values.host === "string" ? parsed.values.host : "localhost";
  const demo = path.join(root, "demo");
  if (!existsSync(path.join(demo, "index.html")))
    throw new SetupError('demo/index.html is missing: type "git checkout demo" and the command again.');
  await ensurePackages();
  const { createServer } = await import("vite");
  const server = await createServer({
    configFile: path.join(root, "vite.config.ts"),
    root: demo,
    server: {
      port,
      host,
      fs: { allow: [root] },
      open: !parsed.values["no-open"] && hasDisplay(process.env, process.platform),
    },
  });
  await server.listen();
  const address = server.resolvedUrls?.local[0] ?? server.resolvedUrls?.network[0];
  say(`\n  wgfit demo: ${address}\n  Ctrl-C stops it.\n`);
  return 0;
});
