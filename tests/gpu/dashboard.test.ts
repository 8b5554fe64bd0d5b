import { afterEach, describe, expect, test, vi } from "vitest";
import { FASTAI_BINS } from "../../src/core/histogram.ts";
import { countColor } from "../../src/dashboard/color-map.ts";
import { MAX_COLUMNS } from "../../src/dashboard/heatmap.ts";
import { RunData, type WgfitChart, type WgfitColordim, type WgfitDashboard } from "../../src/element.ts";
import { randomMessages, randomRun } from "../setup/random-run.ts";

const added: Element[] = [];

afterEach(() => {
  for (const element of added.splice(0)) element.remove();
});

function add<T extends HTMLElement>(tag: string, properties: Partial<T>, width = 800): T {
  const element = Object.assign(document.createElement(tag), properties) as T;
  element.style.width = `${width}px`;
  document.body.append(element);
  added.push(element);
  return element;
}

const frames = async (count = 3) => {
  for (let i = 0; i < count; i++) await new Promise(requestAnimationFrame);
};

/** RGBA words of a canvas. */
function pixels(canvas: HTMLCanvasElement): Uint32Array {
  const { width, height } = canvas;
  return new Uint32Array(canvas.getContext("2d")!.getImageData(0, 0, width, height).data.buffer);
}

const inside = (element: HTMLElement, selector: string) =>
  element.shadowRoot!.querySelector<HTMLElement>(selector)!;

describe("wgfit-colordim", () => {
  test("every cell of the canvas has the colour of its count, low magnitudes at the bottom", async () => {
    const run = randomRun({ steps: 60, every: 3 });
    const element = add<WgfitColordim>("wgfit-colordim", { run });
    await frames(5);
    const canvases = [...element.shadowRoot!.querySelectorAll("canvas")];
    expect(canvases.map((canvas) => canvas.dataset.layer)).toEqual(["block1.relu", "block2.relu"]);
    for (const canvas of canvases) {
      const log = run.statistics.get("activations")!;
      const { counts, bins } = log.colorDim(canvas.dataset.layer!);
      const columns = counts.length / bins;
      const words = pixels(canvas);
      const total = log.series(canvas.dataset.layer!, "count")[0]!;
      const seen = Array.from({ length: counts.length }, (_, i) => {
        const x = Math.floor(((Math.floor(i / bins) + 0.5) * canvas.width) / columns);
        const y = Math.floor(((bins - 1 - (i % bins) + 0.5) * canvas.height) / bins);
        return words[y * canvas.width + x];
      });
      expect(seen).toEqual([...counts].map((count) => countColor(count, total)));
    }
  });

  test("goes on where it stopped: histograms that come later are painted beside the earlier ones", async () => {
    const whole = randomRun({ steps: 300, every: 1 });
    const grown = new RunData();
    const one = add<WgfitColordim>("wgfit-colordim", { run: grown });
    const messages = randomMessages({ steps: 300, every: 1 });
    for (const [i, message] of messages.entries()) {
      grown.apply(message);
      if (i % 97 === 0) await frames(2);
    }
    const two = add<WgfitColordim>("wgfit-colordim", { run: whole });
    await frames(6);
    const [left, right] = [one, two].map((e) => pixels(e.shadowRoot!.querySelector("canvas")!));
    expect(new Set(left).size).toBeGreaterThan(20);
    expect(left).toEqual(right);
  });

  test("more histograms than columns: neighbours are pooled, and no outlier is lost", async () => {
    const run = randomRun({ steps: MAX_COLUMNS + 100, every: 1, outlier: { step: 401, bin: 39 } });
    const element = add<WgfitColordim>("wgfit-colordim", { run });
    await frames(5);
    const canvas = element.shadowRoot!.querySelector("canvas")!;
    const columns = Math.ceil((MAX_COLUMNS + 100) / 2);
    const x = Math.floor(((200 + 0.5) * canvas.width) / columns);
    expect(pixels(canvas)[x]).toBe(countColor(500, 1000));
  });

  test("hover and arrow keys tell batch, bin and count", async () => {
    const run = randomRun({ steps: 60, every: 3 });
    const element = add<WgfitColordim>("wgfit-colordim", { run });
    await frames(5);
    const canvas = element.shadowRoot!.querySelector("canvas")!;
    const { counts, bins } = run.statistics.get("activations")!.colorDim("block1.relu");
    const box = canvas.getBoundingClientRect();
    const clientX = box.left + (2.5 / 20) * box.width;
    const clientY = box.bottom - (4.5 / bins) * box.height;
    canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY }));
    await frames();
    const reading = () => inside(element, ".reading").textContent;
    expect(reading()).toBe(`batch 6, |x| 1.00 to 1.25: ${counts[2 * bins + 4]}`);
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
    await frames();
    expect(reading()).toBe(`batch 9, |x| 1.25 to 1.50: ${counts[3 * bins + 5]}`);
    expect(canvas.getAttribute("aria-label")).toBe(`block1.relu: ${reading()}`);
  });
});

describe("wgfit-chart", () => {
  test("its curves are the run's numbers", async () => {
    const run = randomRun({ steps: 90, every: 10 });
    const element = add<WgfitChart>("wgfit-chart", { run });
    await frames(5);
    const { step, loss, smoothLoss, lr, momentum } = run.columns;
    expect(element.columnsOf("loss")?.slice(0, 3)).toEqual([step, loss, smoothLoss]);
    expect(element.columnsOf("lr")).toEqual([step, lr]);
    expect(element.columnsOf("momentum")).toEqual([step, momentum]);
    expect(element.columnsOf("accuracy")).toEqual([
      run.epochEnds,
      run.epochs.map(({ metrics }) => metrics.accuracy),
    ]);
  });

  test("10,000 steps are drawn by few points with the least and the largest loss among them", async () => {
    const run = randomRun({ steps: 10_000, every: 10_000 });
    run.columns.loss[5003] = 97;
    run.columns.loss[7777] = 1e-5;
    const element = add<WgfitChart>("wgfit-chart", { run });
    await frames(5);
    const [steps, losses] = element.columnsOf("loss")!;
    expect(steps!.length).toBeLessThan(2000);
    expect(losses![steps!.indexOf(5003)]).toBe(97);
    expect(losses![steps!.indexOf(7777)]).toBe(1e-5);
  });

  test("the table shows the numbers; keys move the cursor and the label tells what it reads", async () => {
    const run = randomRun({ steps: 90, every: 10 });
    const element = add<WgfitChart>("wgfit-chart", { run });
    await frames(5);
    const plot = inside(element, "#loss");
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    const value = run.columns.loss[1]!.toPrecision(3);
    expect(plot.ariaLabel).toContain(`Loss: step 1: ${value}, `);
    element.table = true;
    await element.updateComplete;
    const rows = element.shadowRoot!.querySelectorAll("tbody tr");
    expect(rows).toHaveLength(90);
    expect(rows[1]!.textContent).toContain(value);
  });

  test("is not drawn by Lit for every step, and draws once a frame", async () => {
    const run = new RunData();
    const element = add<WgfitChart>("wgfit-chart", { run });
    await frames(5);
    const update = vi.spyOn(element, "requestUpdate");
    const draw = vi.spyOn(element as unknown as { draw(): void }, "draw");
    for (let step = 0; step < 500; step++) {
      run.apply({ type: "steps", records: [{ step, epoch: 0, loss: 1, lr: 0.1, momentum: 0.9 }] });
    }
    await frames(2);
    expect(update).not.toHaveBeenCalled();
    expect(draw.mock.calls.length).toBeLessThanOrEqual(2);
    expect(element.columnsOf("lr")![0]!.length).toBeGreaterThan(100);
  });
});

describe("wgfit-dashboard", () => {
  test("takes the run of another element, moves, leaves and comes back", async () => {
    const source = add<WgfitDashboard>("wgfit-dashboard", { run: randomRun({ steps: 40, every: 10 }) });
    source.id = "source";
    const element = add<WgfitDashboard>("wgfit-dashboard", { for: "source" });
    await frames(4);
    expect(element.run).toBe(source.run);
    const next = randomRun({ steps: 20, every: 10 });
    source.run = next;
    await frames(4);
    expect(element.run).toBe(next);
    const home = document.createElement("div");
    document.body.append(home);
    added.push(home);
    home.append(element);
    await frames(4);
    element.remove();
    next.apply({ type: "steps", records: [{ step: 20, epoch: 0, loss: 0.5, lr: 0.1, momentum: 0.9 }] });
    await frames(4);
    home.append(element);
    await frames(5);
    const chart = inside(element, "wgfit-chart") as WgfitChart;
    expect(chart.columnsOf("loss")![0]).toHaveLength(21);
  });

  test("plays a recorded run from its address, and says what is wrong with one it cannot read", async () => {
    const json = JSON.stringify(randomRun({ steps: 40, every: 10 }));
    const src = URL.createObjectURL(new Blob([json], { type: "application/json" }));
    const element = add<WgfitDashboard>("wgfit-dashboard", { src });
    await vi.waitUntil(() => element.run, { timeout: 5000 });
    expect(JSON.stringify(element.run)).toBe(json);
    element.src = URL.createObjectURL(new Blob(["{"]));
    await vi.waitUntil(() => element.problem, { timeout: 5000 });
    expect(inside(element, "[role=alert]").textContent).toMatch(/^The recorded run cannot be read: /);
  });

  test("fits 320 px, and follows the page's colours", async () => {
    const run = randomRun({ steps: 40, every: 10 });
    const element = add<WgfitDashboard>("wgfit-dashboard", { run }, 320);
    await frames(5);
    const right = element.getBoundingClientRect().right;
    for (const part of element.shadowRoot!.querySelectorAll("section > *")) {
      expect(part.getBoundingClientRect().right).toBeLessThanOrEqual(right);
      for (const inner of part.shadowRoot?.querySelectorAll(".bar, figure, canvas, .scroll, dl") ?? [])
        expect(inner.getBoundingClientRect().right).toBeLessThanOrEqual(right + 0.5);
    }
    const canvas = inside(inside(element, "wgfit-chart"), "#lr canvas") as HTMLCanvasElement;
    const before = pixels(canvas);
    document.documentElement.style.colorScheme = "dark";
    await frames(4);
    const after = pixels(canvas);
    document.documentElement.style.colorScheme = "";
    expect(after).not.toEqual(before);
  });
});

test("the bins of a random run are fastai's", () => {
  expect(randomRun({ steps: 1, every: 1 }).statistics.get("activations")!.histogram).toEqual(FASTAI_BINS);
});
