import type { Value } from "../../src/graph/value.ts";
import { dropout, dropout2d } from "../../src/ops/index.ts";
import * as reference from "../reference/dropout.ts";
import type { OpCase, Reference } from "../reference/types.ts";

type Call = (x: Value, options: { readonly p?: number }) => Value;
type Mode = "train" | "eval";
type Plan = readonly [shape: readonly number[], p?: number, mode?: Mode];

function casesOf(op: string, call: Call, reference: Reference, plans: readonly Plan[]): OpCase[] {
  return plans.map(([shape, p, mode = "train"]) => ({
    op,
    name: `[${shape.join(",")}], p ${p ?? "by default"}, ${mode}`,
    inputs: { x: { shape } },
    attrs: { ...(p !== undefined && { p }), training: mode === "train" },
    mode,
    run: (values, { training: _, ...options }) => ({ y: call(values.x!, options) }),
    reference,
  }));
}

const five = [2, 5, 3, 7];
const eight = [2, 8, 3, 4];

export const cases: OpCase[] = [
  ...casesOf("dropout", dropout, reference.dropout, [
    [five],
    [eight],
    [five, 0.2],
    [[2, 3, 5], 0.3],
    [[3, 4], 0.75],
    [[17], 0.1],
    [[1], 0.5],
    [five, 0],
    [[3, 1100], 0.25],
    [[3, 1100], 0.99],
    [five, 0.5, "eval"],
    [[17], 0.9, "eval"],
  ]),
  ...casesOf("dropout2d", dropout2d, reference.dropout2d, [
    [five],
    [eight],
    [five, 0.2],
    [eight, 0.75],
    [eight, 0],
    [[3, 33, 2, 2], 0.9],
    [[5, 64, 1, 1], 0.97],
    [five, 0.5, "eval"],
    [eight, 0.9, "eval"],
  ]),
];
