import { describe, expect, test } from "vitest";
import { colorAt, colorMap, oklch } from "../../src/dashboard/color-map.ts";
import { extremeIndices, firstAtLeast } from "../../src/dashboard/downsample.ts";
import { RunData } from "../../src/dashboard/run-data.ts";
import { randomRun } from "../setup/random-run.ts";

describe("extremeIndices", () => {
  const values = Float64Array.from({ length: 9973 }, (_, i) => Math.sin(i / 50) + ((i * 7919) % 101) / 300);

  test("keeps the least and the largest of every group, first, last and what is not finite", () => {
    const broken = Float64Array.from(values);
    broken[4321] = Number.NaN;
    const kept = extremeIndices(broken, 0, broken.length, 100);
    expect(kept.length).toBeLessThanOrEqual(302);
    expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
    expect([kept[0], kept.at(-1), kept.includes(4321)]).toEqual([0, 9972, true]);
    const shown = kept.map((i) => broken[i]!).filter(Number.isFinite);
    const all = [...broken].filter(Number.isFinite);
    expect([Math.min(...shown), Math.max(...shown)]).toEqual([Math.min(...all), Math.max(...all)]);
    for (let group = 0; group < 100; group++) {
      const [start, end] = [Math.floor((group * 9973) / 100), Math.floor(((group + 1) * 9973) / 100)];
      const own = [...broken.subarray(start, end)].filter(Number.isFinite);
      const seen = kept.filter((i) => i >= start && i < end).map((i) => broken[i]!);
      expect(seen).toContain(Math.max(...own));
      expect(seen).toContain(Math.min(...own));
    }
  });

  test("leaves few values as they are, within the stretch", () => {
    expect(extremeIndices(values, 5, 9, 10)).toEqual([5, 6, 7, 8]);
    expect(extremeIndices(values, 5, 5, 10)).toEqual([]);
  });

  test("firstAtLeast is the place of a value in a column that rises", () => {
    const steps = [0, 2, 4, 8];
    expect([-1, 0, 1, 4, 5, 8, 9].map((value) => firstAtLeast(steps, value))).toEqual([0, 0, 1, 2, 3, 3, 4]);
  });
});

describe("the colour map", () => {
  /** Relative luminance. */
  const luminance = (rgb: readonly number[]) => {
    const [r, g, b] = rgb.map((byte) => {
      const c = byte / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };

  test("gets lighter with every step, from nearly black to nearly white", () => {
    const shares = Array.from({ length: 256 }, (_, i) => luminance(colorAt(i / 255)));
    for (let i = 4; i < 256; i++) expect(shares[i]!).toBeGreaterThan(shares[i - 4]!);
    expect(shares[0]!).toBeLessThan(0.02);
    expect(shares[255]!).toBeGreaterThan(0.7);
  });

  test("OKLCH without chroma is grey, and white at full lightness", () => {
    expect(oklch(1, 0, 0)).toEqual([255, 255, 255]);
    expect(oklch(0, 0, 0)).toEqual([0, 0, 0]);
    expect(new Set(oklch(0.5, 0, 120)).size).toBe(1);
    expect(oklch(0.62796, 0.25768, 29.234)).toEqual([255, 0, 0]);
  });

  test("words are opaque", () => {
    expect([...colorMap].every((word) => word >>> 24 === 255)).toBe(true);
  });
});

describe("RunData", () => {
  test("JSON brings everything back, NaN and infinities too", () => {
    const run = randomRun({ steps: 70, every: 5 });
    const step = { step: 70, epoch: 2, loss: Number.NaN, lr: Number.POSITIVE_INFINITY, momentum: 0.9 };
    run.apply({ type: "steps", records: [step] });
    run.apply({ type: "info", info: { title: "a run", totalSteps: 90 } });
    const text = JSON.stringify(run);
    const read = RunData.fromJSON(JSON.parse(text));
    expect(JSON.stringify(read)).toBe(text);
    expect(read.columns).toEqual(run.columns);
    expect([read.epochs, read.epochEnds]).toEqual([run.epochs, run.epochEnds]);
    const [a, b] = [read, run].map(
      (one) => one.statistics.get("activations")!.colorDim("block1.relu").counts,
    );
    expect(a).toEqual(b);
  });

  test("the smoothed loss is the weighted mean of all losses so far", () => {
    const { loss, smoothLoss } = randomRun({ steps: 25, every: 5 }).columns;
    const weights = loss.map((_, i) => 0.98 ** (24 - i));
    const sum = loss.reduce((all, value, i) => all + value * weights[i]!, 0);
    expect(smoothLoss[24]).toBeCloseTo(sum / weights.reduce((all, weight) => all + weight), 12);
  });

  test("listeners hear what is told until they leave", () => {
    const run = new RunData();
    const heard: string[] = [];
    const leave = run.subscribe(({ type }) => heard.push(type));
    run.apply({ type: "info", info: { epochs: 3 } });
    leave();
    run.apply({ type: "info", info: { epochs: 4 } });
    expect([heard, run.info]).toEqual([["info"], { epochs: 4 }]);
  });
});

test("the elements load where there is no page, as a server does, and touch nothing there", async () => {
  expect(typeof document).toBe("undefined");
  const elements = await import("../../src/element.ts");
  expect(customElements.get("wgfit-dashboard")).toBe(elements.WgfitDashboard);
  for (const name of [
    "WgfitChart",
    "WgfitColordim",
    "WgfitStats",
    "WgfitSummary",
    "WgfitVerdict",
    "WgfitTrainer",
  ] as const) {
    const element = new elements[name]() as unknown as { render(): { strings: readonly string[] } };
    expect(element.render().strings.join("")).toContain("<");
  }
});
