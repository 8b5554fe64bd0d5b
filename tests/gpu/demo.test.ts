import { afterEach, expect, test, vi } from "vitest";
import type { WgfitDashboard, WgfitTrainer } from "../../src/element.ts";

let frame: HTMLIFrameElement | undefined;

afterEach(() => {
  frame?.remove();
  frame = undefined;
});

/** The demo page in a frame, with what went wrong in it. */
async function openDemo(search: string) {
  frame = document.createElement("iframe");
  frame.src = `/demo/index.html${search}`;
  frame.width = "390";
  frame.height = "800";
  const problems: string[] = [];
  document.body.append(frame);
  await new Promise((resolve) => frame?.addEventListener("load", resolve, { once: true }));
  const page = frame.contentWindow as Window & typeof globalThis;
  page.addEventListener("error", ({ message }) => problems.push(message));
  page.addEventListener("unhandledrejection", ({ reason }) => problems.push(String(reason)));
  page.console.error = (...args: unknown[]) => problems.push(args.map(String).join(" "));
  const trainer = page.document.querySelector("wgfit-trainer") as WgfitTrainer;
  const dashboard = page.document.querySelector("wgfit-dashboard") as WgfitDashboard;
  return { page, problems, trainer, dashboard };
}

test("the demo trains at load in a worker as its address says, and another preset by one click", async () => {
  const { page, problems, trainer, dashboard } = await openDemo("?preset=bad&epochs=1");
  await vi.waitUntil(() => (trainer.run?.length ?? 0) >= 2, { timeout: 50_000, interval: 50 });
  expect([trainer.model, trainer.schedule, trainer.lr, trainer.epochs]).toEqual([
    ...["book-plain", "constant", 0.6, 1],
  ]);
  expect([trainer.host, trainer.state]).toEqual(["worker", "running"]);
  expect(dashboard.run).toBe(trainer.run);
  expect(page.document.getElementById("adapter")?.textContent).toMatch(/^Adapter: \S/);
  expect(page.document.documentElement.scrollWidth).toBe(390);
  page.document.querySelector<HTMLAnchorElement>('[data-preset="good"]')!.click();
  expect(page.location.search).toBe("?preset=good");
  expect([trainer.model, trainer.lr, trainer.run?.length]).toEqual(["book", 0.06, 0]);
  trainer.reset();
  expect(problems).toEqual([]);
});
