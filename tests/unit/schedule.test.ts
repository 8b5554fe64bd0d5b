import { describe, expect, it } from "vitest";
import { type OneCycleOptions, oneCycle } from "../../src/optim/schedule.ts";
import schedules from "../golden/schedules.json";

interface Table {
  readonly kind: string;
  readonly indexing?: "fastai" | "torch";
  readonly totalSteps: number;
  readonly lr?: readonly number[];
  readonly momentum?: readonly number[];
  readonly error?: string;
  readonly [option: string]: unknown;
}

const tables = (schedules.tables as unknown as Table[]).filter((table) => table.kind === "oneCycle");

describe("oneCycle against recorded tables", () => {
  it.each(tables.map((table, i) => [`${table.indexing} ${table.totalSteps} #${i}`, table] as const))(
    "%s",
    (_, table) => {
      const { kind: _kind, lr, momentum, error, ...options } = table;
      if (error || !lr || !momentum) return;
      const schedule = oneCycle(goldenOptions(options));
      lr.forEach((expected, step) => {
        const got = schedule(step);
        expect(Math.abs(got.lr - expected)).toBeLessThanOrEqual(1e-6 * Math.max(expected, 1e-3));
        expect(Math.abs(got.momentum - momentum[step]!)).toBeLessThanOrEqual(1e-6);
      });
    },
  );

  it("covers both indexings", () => {
    expect(new Set(tables.map((table) => table.indexing))).toEqual(new Set(["fastai", "torch"]));
  });
});

it("refuses numbers that make no schedule", () => {
  expect(() => oneCycle({ totalSteps: 0, lrMax: 0.1 })).toThrow(
    "totalSteps: expected a positive integer, got 0",
  );
  expect(() => oneCycle({ totalSteps: 10, lrMax: 0.1, pctStart: 2 })).toThrow("pctStart");
});

function goldenOptions(options: Record<string, unknown>): OneCycleOptions {
  const { moms, ...rest } = options;
  return { ...rest, ...(moms !== undefined && { momentum: moms }) } as unknown as OneCycleOptions;
}
