import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { SetupError } from "./errors.mjs";
import { runProgram, say } from "./process.mjs";
import { root } from "./root.mjs";

/** @typedef {{ packages?: Record<string, { version?: string, optional?: boolean, peer?: boolean, link?: boolean }> }} Lock */

/**
 * Compare what is installed with the lock file.
 * @param {Lock} wanted package-lock.json
 * @param {Lock | null} installed node_modules/.package-lock.json, null if there is none
 * @returns {string | null} the first difference in words, null if there is none
 */
export function packageDifference(wanted, installed) {
  if (!installed) return "no packages are installed";
  for (const [place, { version, optional }] of Object.entries(wanted.packages ?? {})) {
    if (place === "") continue;
    const found = installed.packages?.[place]?.version;
    // Binaries of other platforms are in the lock file and not on the disk.
    if (found === undefined && optional) continue;
    if (found !== version)
      return `${place.replace(/^.*node_modules\//, "")} is ${found ?? "missing"}, not ${version}`;
  }
  return null;
}

/** Install the packages of the lock file unless they are there. */
export async function ensurePackages() {
  const wanted = readJson("package-lock.json");
  if (!wanted)
    throw new SetupError('package-lock.json is missing or damaged: type "git checkout package-lock.json".');
  const difference = packageDifference(wanted, readJson("node_modules/.package-lock.json"));
  if (!difference) return;
  say(`Installing packages (${difference}) ...`);
  const args = ["ci", "--no-audit", "--no-fund"];
  // npm tells its scripts where it lives; else the PATH has it (on Windows as npm.cmd, which needs a shell).
  const npm = process.env.npm_execpath;
  const env = { ...process.env, PUPPETEER_SKIP_DOWNLOAD: "1" };
  const options = { env, waiting: "still installing" };
  const code = npm?.endsWith("npm-cli.js")
    ? await runProgram(process.execPath, [npm, ...args], options)
    : await runProgram("npm", args, { ...options, shell: process.platform === "win32" });
  if (code === 0) return;
  throw new SetupError(
    'the packages could not be installed (npm\'s message is above): check the network and type "npm ci", then the command again.',
  );
}

/**
 * @param {string} file relative to the checkout
 * @returns {Lock | null}
 */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), "utf8"));
  } catch {
    return null;
  }
}
