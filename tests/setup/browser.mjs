import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { SetupError } from "./errors.mjs";
import { runProgram, say } from "./process.mjs";

/** WebGPU on Linux and its software adapter work from about here. */
const OLDEST_CHROME = 120;

/** A download that makes no progress for so long is given up. */
const STALL_MS = 60_000;

const NAMES = [
  "google-chrome",
  "google-chrome-stable",
  "chrome",
  "chromium",
  "chromium-browser",
  "msedge",
  "microsoft-edge",
  "microsoft-edge-stable",
];

/**
 * What the search looks at; tests replace every part of it.
 * @typedef {object} Surroundings
 * @property {NodeJS.ProcessEnv} env
 * @property {NodeJS.Platform} platform
 * @property {boolean} isRoot
 * @property {(file: string) => boolean} exists
 * @property {(file: string) => string | null} version what the program answers to --version, null if it does not run
 * @property {() => Promise<string[]>} downloaded browsers in puppeteer's cache
 */

/** @returns {Surroundings} */
export function surroundings() {
  return {
    env: process.env,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    exists: existsSync,
    version: askVersion,
    downloaded: downloadedBrowsers,
  };
}

/**
 * The browser to test in: CHROME, then the PATH, the usual places, puppeteer's cache.
 * @param {Surroundings} [around]
 * @returns {Promise<string | null>} its path, null if there is none
 */
export async function findBrowser(around = surroundings()) {
  const { env, exists } = around;
  if (env.CHROME) {
    if (exists(env.CHROME)) return env.CHROME;
    throw new SetupError(
      `the environment variable CHROME names ${env.CHROME}, which does not exist: set it to the path of Chrome or Chromium, or unset it.`,
    );
  }
  const candidates = [...pathCandidates(around), ...usualPlaces(around)];
  for (const file of candidates) if (exists(file) && usable(around, file)) return file;
  for (const file of await around.downloaded()) if (exists(file) && usable(around, file)) return file;
  return null;
}

/**
 * The browser to test in, fetched if there is none: puppeteer's download, then the distribution's package.
 * @returns {Promise<string>} its path
 */
export async function getBrowser() {
  const around = surroundings();
  const found = await findBrowser(around);
  if (found) return found;
  say("No Chrome or Chromium found; downloading one for the tests (about 150 MB) ...");
  await download();
  const downloaded = await findBrowser(around);
  if (downloaded) return downloaded;
  if (around.isRoot && around.platform === "linux" && existsSync("/usr/bin/apt-get")) {
    say("The download did not give a browser that runs; installing the distribution's chromium package ...");
    const installed = await aptInstall();
    const packaged = installed ? await findBrowser(around) : null;
    if (packaged) return packaged;
  }
  throw new SetupError(noBrowserMessage(around));
}

/**
 * @param {Pick<Surroundings, "platform">} around
 * @returns {string} one sentence: what is missing and what to type
 */
export function noBrowserMessage({ platform }) {
  const missing = "no Chrome or Chromium was found and none could be downloaded";
  if (platform === "linux")
    return `${missing}: type "sudo apt-get install -y chromium" (or your distribution's command), or set CHROME to a browser's path, then type the command again.`;
  if (platform === "darwin")
    return `${missing}: type "brew install --cask google-chrome", or set CHROME to a browser's path, then type the command again.`;
  return `${missing}: install Chrome from https://www.google.com/chrome or set CHROME to a browser's path, then type the command again.`;
}

/**
 * Options for puppeteer.launch: headless, WebGPU on, quiet. GPU=hardware takes the machine's own adapter.
 * @param {string} executablePath
 * @param {Pick<Surroundings, "env" | "isRoot" | "platform">} [around]
 */
export function launchOptions(executablePath, around = surroundings()) {
  const args = [
    "--enable-unsafe-webgpu",
    "--enable-webgpu-developer-features",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
  ];
  // Chrome refuses to run its sandbox as root.
  if (around.isRoot) args.unshift("--no-sandbox");
  if (around.env.GPU !== "hardware") args.push("--use-webgpu-adapter=swiftshader");
  else if (around.platform === "linux") args.push("--enable-features=Vulkan", "--use-angle=vulkan");
  // Training and compiling may take minutes inside one call: no protocol time limit.
  return { executablePath, args, headless: true, protocolTimeout: 0, timeout: 60_000 };
}

/** @param {Surroundings} around */
function pathCandidates({ env, platform }) {
  const windows = platform === "win32";
  const folders = (env.PATH ?? env.Path ?? "").split(windows ? ";" : ":").filter(Boolean);
  const join = windows ? path.win32.join : path.posix.join;
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, windows ? `${name}.exe` : name)));
}

/** @param {Surroundings} around */
function usualPlaces({ env, platform }) {
  if (platform === "darwin") {
    const apps = ["Google Chrome", "Chromium", "Microsoft Edge"];
    const folders = ["/Applications", `${env.HOME ?? ""}/Applications`];
    return apps.flatMap((app) => folders.map((folder) => `${folder}/${app}.app/Contents/MacOS/${app}`));
  }
  if (platform === "win32") {
    const folders = [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA].filter(
      (f) => f !== undefined,
    );
    const programs = ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"];
    return programs.flatMap((program) => folders.map((folder) => path.win32.join(folder, program)));
  }
  return ["/opt/google/chrome/chrome", "/usr/lib/chromium/chromium", "/snap/bin/chromium"];
}

/**
 * @param {Surroundings} around
 * @param {string} file
 */
function usable({ platform, version }, file) {
  // On Windows "chrome --version" opens a window instead of answering.
  if (platform === "win32") return true;
  const major = /(\d+)\.\d+/.exec(version(file) ?? "")?.[1];
  return major !== undefined && Number(major) >= OLDEST_CHROME;
}

/** @param {string} file */
function askVersion(file) {
  const { status, stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 20_000 });
  return status === 0 ? stdout : null;
}

/** @returns {Promise<string[]>} */
async function downloadedBrowsers() {
  try {
    // Comes with puppeteer; absent until packages are installed.
    const { getInstalledBrowsers } = await import("@puppeteer/browsers");
    return (await getInstalledBrowsers({ cacheDir: cacheDir() })).map((browser) => browser.executablePath);
  } catch {
    return [];
  }
}

function cacheDir() {
  return process.env.PUPPETEER_CACHE_DIR ?? path.join(os.homedir(), ".cache", "puppeteer");
}

/** Download the Chrome that this puppeteer was made for into its cache; says why where that fails. */
async function download() {
  const { Browser, install } = await import("@puppeteer/browsers");
  const { PUPPETEER_REVISIONS } = await import("puppeteer-core/internal/revisions.js");
  let shown = Date.now();
  let moved = Date.now();
  const downloadProgressCallback = (/** @type {number} */ done, /** @type {number} */ total) => {
    moved = Date.now();
    if (moved - shown < 3000) return;
    shown = moved;
    say(`  downloading: ${Math.round((100 * done) / total)} % of ${Math.round(total / 1e6)} MB`);
  };
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const stalled = new Promise((_, reject) => {
    timer = setInterval(() => {
      if (Date.now() - moved > STALL_MS) reject(new Error(`nothing arrived for ${STALL_MS / 1000} s`));
    }, 1000);
  });
  const options = { browser: Browser.CHROME, buildId: PUPPETEER_REVISIONS.chrome, cacheDir: cacheDir() };
  try {
    await Promise.race([install({ ...options, downloadProgressCallback }), stalled]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say(
      `  no download: ${reason
        .split("\n")
        .slice(-1)[0]
        ?.replace(/^\s*- /, "")}`,
    );
  } finally {
    clearInterval(timer);
  }
}

async function aptInstall() {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, waiting: "still installing" };
  await runProgram("apt-get", ["update", "-qq"], options);
  return (await runProgram("apt-get", ["install", "-y", "-qq", "chromium"], options)) === 0;
}
