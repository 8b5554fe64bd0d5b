import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { root } from "./root.mjs";

/** Beside the installed packages, where git does not look; `npm ci` removes it, and the next bench fills it again. */
const folder = path.join(root, "node_modules/.cache/wgfit-bench");

/** What a peer consists of. @type {Record<string, { packages: Record<string, string>, files: string[] }>} */
const PEERS = {
  "jax-js": {
    packages: { "@jax-js/jax": "latest" },
    files: ["@jax-js/jax/dist/index.js"],
  },
  tfjs: {
    packages: { "@tensorflow/tfjs": "~4.22.0", "@tensorflow/tfjs-backend-webgpu": "~4.22.0" },
    files: [
      "@tensorflow/tfjs/dist/tf.min.js",
      "@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js",
    ],
  },
};

/** Longest that npm may take. */
const INSTALL_MS = 180_000;

/**
 * The peers' packages, installed where they are not yet; those that cannot be had are left out.
 * @param {readonly string[]} names
 * @param {(text: string) => void} say
 * @returns {Promise<import("../../src/cli/bench-result.ts").PeerPackage[]>}
 */
export async function installPeers(names, say) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length > 0) {
    say(`Installing ${missing.join(" and ")} for the comparison (not part of the package) ...`);
    const specs = missing.flatMap((name) =>
      Object.entries(PEERS[name]?.packages ?? {}).map(([id, range]) => `${id}@${range}`),
    );
    const problem = await npmInstall(specs);
    if (problem) say(`They cannot be installed: ${problem}`);
  }
  return names.filter(isInstalled).map(describe);
}

/** @param {string} name */
function isInstalled(name) {
  return PEERS[name]?.files.every((file) => existsSync(path.join(folder, "node_modules", file))) ?? false;
}

/**
 * @param {string} name
 * @returns {import("../../src/cli/bench-result.ts").PeerPackage}
 */
function describe(name) {
  const { packages, files } = /** @type {typeof PEERS[string]} */ (PEERS[name]);
  const [first = ""] = Object.keys(packages);
  const text = readFileSync(path.join(folder, "node_modules", first, "package.json"), "utf8");
  return {
    name: /** @type {import("../../src/bench/peers/peer.ts").PeerName} */ (name),
    version: JSON.parse(text).version,
    urls: files.map((file) => `/node_modules/.cache/wgfit-bench/node_modules/${file}`),
  };
}

/**
 * @param {string[]} specs
 * @returns {Promise<string | null>} what went wrong, in one line
 */
function npmInstall(specs) {
  mkdirSync(folder, { recursive: true });
  const manifest = path.join(folder, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...specs];
  const npm = process.env.npm_execpath?.endsWith("npm-cli.js") ? process.env.npm_execpath : null;
  const [command, given] = npm ? [process.execPath, [npm, ...args]] : ["npm", args];
  return new Promise((resolve) => {
    const child = spawn(command, given, {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      shell: !npm && process.platform === "win32",
      timeout: INSTALL_MS,
    });
    let errors = "";
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => {
      if (code === 0) return resolve(null);
      const line = errors.split("\n").find((text) => /code E|errno|error/i.test(text));
      resolve(signal ? "npm took too long" : (line ?? `npm ended with code ${code}`).trim());
    });
  });
}
