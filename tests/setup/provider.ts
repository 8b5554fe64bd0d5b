import { defineBrowserProvider } from "@vitest/browser";
import puppeteer, { type Browser, type CDPSession, type Page } from "puppeteer";
import type { BrowserProvider } from "vitest/node";
import { findBrowser, launchOptions, noBrowserMessage } from "./browser.mjs";

/** Vitest browser provider: one headless Chromium for the whole run, driven by puppeteer. */
class ChromiumProvider implements BrowserProvider {
  readonly name = "chromium";
  readonly supportsParallelism = false;
  #browser: Promise<Browser> | undefined;
  readonly #pages = new Map<string, Page>();

  getCommandsContext(): Record<string, unknown> {
    return {};
  }

  async openPage(sessionId: string, url: string): Promise<void> {
    this.#browser ??= launch();
    const browser = await this.#browser;
    await this.#pages.get(sessionId)?.close();
    const page = await browser.newPage();
    this.#pages.set(sessionId, page);
    page.on("error", (error) => console.error(`the test page crashed: ${error.message}`));
    await page.goto(url, { waitUntil: "domcontentloaded", timeout: 60_000 });
  }

  async getCDPSession(sessionId: string): ReturnType<NonNullable<BrowserProvider["getCDPSession"]>> {
    const page = this.#pages.get(sessionId);
    if (!page) throw new Error(`no page for session ${sessionId}`);
    const session: CDPSession = await page.createCDPSession();
    return {
      send: (method: string, params?: Record<string, unknown>) =>
        session.send(method as "Page.enable", params as never),
      on: (event: string, listener: (...args: unknown[]) => void) => void session.on(event, listener),
      once: (event: string, listener: (...args: unknown[]) => void) => void session.once(event, listener),
      off: (event: string, listener: (...args: unknown[]) => void) => void session.off(event, listener),
    };
  }

  async close(): Promise<void> {
    const browser = await this.#browser?.catch(() => undefined);
    this.#browser = undefined;
    this.#pages.clear();
    await browser?.close();
  }
}

async function launch(): Promise<Browser> {
  const executable = await findBrowser();
  if (!executable) throw new Error(noBrowserMessage({ platform: process.platform }));
  return puppeteer.launch(launchOptions(executable));
}

/** The `browser.provider` of a Vitest project. */
export const chromium = defineBrowserProvider({
  name: "chromium",
  providerFactory: () => new ChromiumProvider(),
});
