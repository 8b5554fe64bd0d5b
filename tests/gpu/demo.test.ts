import { afterEach, expect, test, vi } from "vitest";

let frame: HTMLIFrameElement | undefined;

afterEach(() => {
  frame?.remove();
  frame = undefined;
});

/** The demo page in a frame, with what went wrong in it. */
async function openDemo() {
  frame = document.createElement("iframe");
  frame.src = "/demo/index.html";
  frame.width = "800";
  frame.height = "600";
  const problems: string[] = [];
  document.body.append(frame);
  await new Promise((resolve) => frame?.addEventListener("load", resolve, { once: true }));
  const page = frame.contentWindow as Window & typeof globalThis;
  page.addEventListener("error", ({ message }) => problems.push(message));
  page.addEventListener("unhandledrejection", ({ reason }) => problems.push(String(reason)));
  page.console.error = (...args: unknown[]) => problems.push(args.map(String).join(" "));
  const text = (id: string) => page.document.getElementById(id)?.textContent ?? "";
  const click = (id: string) => (page.document.getElementById(id) as HTMLButtonElement).click();
  return { page, problems, text, click };
}

test("the demo trains at load, pauses, goes on and resets", async () => {
  const { page, problems, text, click } = await openDemo();
  const step = () => Number.parseInt(text("step"), 10);
  const until = (check: () => boolean) => vi.waitUntil(check, { timeout: 40_000, interval: 50 });

  await until(() => step() >= 2);
  expect(text("status")).toBe("Training.");
  expect(text("adapter")).toMatch(/^Adapter: \S/);
  expect(Number(text("loss"))).toBeGreaterThan(0.5);

  click("pause");
  expect(text("status")).toBe("Paused.");
  // Steps already sent still arrive.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const paused = step();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(step()).toBe(paused);

  click("start");
  await until(() => step() > paused);
  click("reset");
  await until(() => text("status") === "Ready.");
  expect(text("step")).toBe("–");
  expect((page.document.getElementById("error") as HTMLElement).hidden).toBe(true);
  expect(problems).toEqual([]);
});
