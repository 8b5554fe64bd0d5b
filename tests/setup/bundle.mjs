import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { getBrowser, launchOptions } from "./browser.mjs";
import { root } from "./root.mjs";

const TYPES = /** @type {Record<string, string>} */ ({
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
});

/**
 * Build a page that runs `entry`, load it in a browser with a profile of its own, and wait for its result.
 * @param {string} entry module source; it imports from the checkout as "wgfit/src/..." and sets `globalThis.result`
 * @param {readonly string[]} browserArgs
 * @param {number} times
 * @returns {Promise<import("../../src/cli/bench-result.ts").PageMeasurement>}
 */
export async function measurePage(entry, browserArgs, times) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wgfit-bench-"));
  try {
    await writeFile(path.join(folder, "entry.js"), entry);
    await writeFile(
      path.join(folder, "index.html"),
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./entry.js"></script>',
    );
    await buildPage(folder);
    const dist = path.join(folder, "dist");
    /** @type {Set<string>} */
    const served = new Set();
    const runs = [];
    for (let i = 0; i < times; i++) runs.push(await loadOnce(dist, browserArgs, served));
    return { files: await sizes(dist, served), runs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function buildPage(folder) {
  const { build, runnerImport } = await import("vite");
  const { module } = await runnerImport(path.join(root, "tests/setup/shader-comments.ts"));
  const { shaderComments } = /** @type {typeof import("./shader-comments.ts")} */ (module);
  await build({
    configFile: false,
    root: folder,
    base: "./",
    logLevel: "error",
    plugins: [shaderComments()],
    resolve: { alias: { wgfit: root } },
    build: { target: "esnext", outDir: "dist", modulePreload: false },
  });
}

/**
 * Sizes of the scripts that a page loaded until its first step; chunks for what it does not use stay away.
 * @param {string} dist
 * @param {ReadonlySet<string>} served
 */
async function sizes(dist, served) {
  const files = [];
  for (const name of [...served].filter((one) => one.endsWith(".js"))) {
    const bytes = await readFile(path.join(dist, name));
    files.push({
      name: path.basename(name),
      bytes: bytes.length,
      gzip: gzipSync(bytes, { level: 9 }).length,
    });
  }
  return files;
}

/**
 * @param {string} dist
 * @param {readonly string[]} browserArgs
 * @param {Set<string>} served paths that the page asked for
 * @returns {Promise<{ ms: number, result: unknown }>} from the start of navigation to the result, as the page's clock counts
 */
async function loadOnce(dist, browserArgs, served) {
  const server = createServer(async (request, response) => {
    const name = new URL(request.url ?? "/", "http://localhost").pathname.replace(/\/$/, "/index.html");
    const bytes = await readFile(path.join(dist, name)).catch(() => null);
    if (bytes) served.add(name);
    response.writeHead(bytes ? 200 : 404, {
      "content-type": TYPES[path.extname(name)] ?? "application/octet-stream",
    });
    response.end(bytes ?? "");
  });
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(undefined)));
  const { default: puppeteer } = await import("puppeteer");
  const launch = launchOptions(await getBrowser());
  launch.args.push(...browserArgs);
  // Puppeteer gives every browser a fresh profile: no cache of pages or shaders.
  const browser = await puppeteer.launch(launch);
  try {
    const page = await browser.newPage();
    const address = /** @type {import("node:net").AddressInfo} */ (server.address());
    const failed = new Promise((_, reject) => page.on("pageerror", reject));
    failed.catch(() => {});
    await page.goto(`http://localhost:${address.port}/`);
    const done = page.waitForFunction("globalThis.result", { timeout: 120_000, polling: 20 });
    const handle = /** @type {import("puppeteer").JSHandle} */ (await Promise.race([done, failed]));
    return await handle.jsonValue();
  } finally {
    await browser.close();
    server.close();
  }
}
