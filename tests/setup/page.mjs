import path from "node:path";
import { getBrowser, launchOptions } from "./browser.mjs";
import { root } from "./root.mjs";

const PAGE = "/@command-page";

/**
 * Serve the checkout, open a page in headless Chrome that loads one module, and let it call back.
 * @param {import("../../src/cli/context.ts").PageOptions} options
 * @returns {Promise<import("../../src/cli/context.ts").CommandPage>}
 */
export async function openPage({ module, folders = {}, expose = {}, browserArgs = [] }) {
  const executable = await getBrowser();
  const server = await serve(module, folders);
  const { default: puppeteer } = await import("puppeteer");
  /** @type {import("puppeteer").Browser | undefined} */
  let browser;
  const close = async () => {
    await browser?.close();
    await server.close();
  };
  try {
    // Ctrl-C is the command's: it says what became of the work, then closes the page.
    const launch = launchOptions(executable);
    launch.args.push(...browserArgs);
    browser = await puppeteer.launch({ ...launch, handleSIGINT: false });
    const page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") process.stderr.write(`[page] ${message.text()}\n`);
    });
    /** @type {Promise<never>} */
    const gone = new Promise((_, reject) => {
      page.on("pageerror", (error) => reject(error));
      page.on("error", (error) => reject(new Error(`the page crashed: ${error.message}`)));
      browser?.on("disconnected", () => reject(new Error("the browser went away")));
    });
    gone.catch(() => {});
    for (const [name, run] of Object.entries(expose)) await page.exposeFunction(name, run);
    const { href } = new URL(PAGE, server.resolvedUrls?.local[0]);
    await page.goto(href);
    return {
      close,
      reload: () => Promise.race([gone, page.goto(href).then(() => {})]),
      call: (name, argument) => Promise.race([gone, page.evaluate(callExport, module, name, argument)]),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Runs in the page.
 * @param {string} module
 * @param {string} name
 * @param {unknown} argument
 * @returns {Promise<unknown>}
 */
async function callExport(module, name, argument) {
  const loaded = await import(module);
  if (typeof loaded[name] !== "function") throw new Error(`${module} has no export ${name}`);
  return loaded[name](argument);
}

/**
 * @param {string} module
 * @param {Readonly<Record<string, string>>} folders
 */
async function serve(module, folders) {
  const vite = await import("vite");
  const { module: plugins } = await vite.runnerImport(path.join(root, "tests/setup/serve-folder.ts"));
  const { serveFolder } = /** @type {typeof import("./serve-folder.ts")} */ (plugins);
  const server = await vite.createServer({
    configFile: path.join(root, "vite.config.ts"),
    root,
    logLevel: "error",
    server: { host: "localhost", port: 0, hmr: false, watch: null, fs: { allow: [root] } },
    plugins: [
      ...Object.entries(folders).map(([prefix, folder]) => serveFolder(prefix, folder)),
      {
        name: "command-page",
        configureServer({ middlewares }) {
          middlewares.use(PAGE, (_request, response) => {
            response.setHeader("content-type", "text/html");
            response.end(
              `<!doctype html><title>wgfit</title><link rel="icon" href="data:,"><script type="module" src="${module}"></script>`,
            );
          });
        },
      },
    ],
  });
  await server.listen();
  return server;
}

/** The context a command gets. @type {import("../../src/cli/context.ts").CommandContext} */
export const context = {
  cwd: process.env.INIT_CWD ?? process.cwd(),
  interactive: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text) => void process.stdout.write(text),
  openPage,
};
