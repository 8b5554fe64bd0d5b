import { describe, expect, test } from "vitest";
import type { GroupHypers } from "../../src/core/hypers.ts";
import { flat } from "../../src/graph/leaf.ts";
import type { Value } from "../../src/graph/value.ts";
import {
  type AdamUpdateOptions,
  accumulateGradients,
  adamUpdate,
  clipScale,
  gradientNorm,
  type SgdUpdateOptions,
  sgdUpdate,
} from "../../src/ops/index.ts";
import type { StepRow } from "../../src/plan/step-row.ts";
import { Random } from "../reference/tensor.ts";
import { BLOCKS, FLAT, runFlat, USED } from "./flat-run.ts";

const FROZEN = 0xffffffff;
/** Group of the bias is 1, of the weight 0. */
const blocks = Uint32Array.of(1, 0, 0);

/** Random numbers where parameters lie, zeros in the padding. */
function filled(seed: number, scale = 1, positive = false): Float32Array {
  const random = new Random(seed);
  const data = new Float32Array(FLAT);
  for (const i of USED) {
    const value = random.normal() * scale;
    data[i] = positive ? Math.abs(value) : value;
  }
  return data;
}

const params = filled(1, 0.5);
const grads = filled(2, 0.1);

/** Every element within 2e-6 of the magnitude of its terms (or `relative`), and 1e-7. */
function expectClose(got: Float32Array, want: (i: number) => readonly number[], relative = 2e-6): void {
  expect(got.length).toBe(FLAT);
  const used = new Set(USED);
  const off: string[] = [];
  for (let i = 0; i < FLAT; i++) {
    const terms = used.has(i) ? want(i) : [0];
    const expected = terms.reduce((a, b) => a + b, 0);
    const tolerance = used.has(i) ? relative * terms.reduce((a, b) => a + Math.abs(b), 0) + 1e-7 : 0;
    if (!(Math.abs(got[i]! - expected) <= tolerance)) off.push(`[${i}] expected ${expected}, got ${got[i]}`);
  }
  expect(off.slice(0, 5)).toEqual([]);
}

const common = () => ({ params: flat("params"), grads: flat("grads"), blocks: flat("blocks") });

interface SgdCase {
  readonly name: string;
  readonly momentum?: boolean;
  readonly options?: SgdUpdateOptions;
  readonly groups: readonly [GroupHypers, GroupHypers];
  readonly row?: Partial<StepRow>;
}

const sgdCases: readonly SgdCase[] = [
  {
    name: "plain",
    groups: [
      { lr: 0.1, momentum: 0 },
      { lr: 0.01, momentum: 0 },
    ],
  },
  {
    name: "weight decay",
    groups: [
      { lr: 0.1, momentum: 0, weightDecay: 0.3 },
      { lr: 1, momentum: 0 },
    ],
  },
  {
    name: "cut",
    options: { clipValue: 0.05 },
    groups: [
      { lr: 1, momentum: 0 },
      { lr: 1, momentum: 0 },
    ],
  },
  {
    name: "momentum, first step",
    momentum: true,
    row: { step: 9, optimizerStep: 0 },
    groups: [
      { lr: 0.1, momentum: 0.9, dampening: 0.4 },
      { lr: 0.1, momentum: 0.9 },
    ],
  },
  {
    name: "momentum, dampening and decay, later",
    momentum: true,
    row: { optimizerStep: 3 },
    groups: [
      { lr: 0.1, momentum: 0.9, dampening: 0.4, weightDecay: 0.2 },
      { lr: 0.05, momentum: 0.5 },
    ],
  },
  {
    name: "nesterov",
    momentum: true,
    options: { nesterov: true },
    row: { optimizerStep: 1 },
    groups: [
      { lr: 0.1, momentum: 0.9, weightDecay: 0.1 },
      { lr: 0.1, momentum: 0 },
    ],
  },
];

describe("sgdUpdate", () => {
  test.each(sgdCases)("$name", async ({ momentum, options = {}, groups, row = {} }) => {
    const velocity = filled(3);
    const { flat: got } = await runFlat(
      () => {
        sgdUpdate({ ...common(), ...(momentum && { velocity: flat("optimizer.velocity") }) }, options);
        return undefined;
      },
      { params, grads, blocks, "optimizer.velocity": velocity },
      { groups, ...row },
    );
    const limit = options.clipValue ?? Number.POSITIVE_INFINITY;
    const first = (row.optimizerStep ?? 0) === 0;
    const at = (i: number) => {
      const hyper = groups[blocks[Math.floor(i / 256)]!]!;
      const { weightDecay = 0, dampening = 0 } = hyper;
      const g = Math.min(limit, Math.max(-limit, grads[i]!)) + weightDecay * params[i]!;
      const v = first || !momentum ? g : hyper.momentum * velocity[i]! + (1 - dampening) * g;
      return { hyper, g, v };
    };
    if (momentum) expectClose(got["optimizer.velocity"]!, (i) => [at(i).v]);
    expectClose(got.params!, (i) => {
      const { hyper, g, v } = at(i);
      return [params[i]!, -hyper.lr * (options.nesterov ? g + hyper.momentum * v : v)];
    });
  });

  test("frozen blocks stay as they are", async () => {
    const { flat: got } = await runFlat(
      () => {
        sgdUpdate({ ...common(), velocity: flat("optimizer.velocity") });
        return undefined;
      },
      { params, grads, blocks: Uint32Array.of(0, FROZEN, FROZEN), "optimizer.velocity": params },
      { groups: [{ lr: 1, momentum: 0 }] },
    );
    for (const name of ["params", "optimizer.velocity"]) {
      expect([...got[name]!.slice(256)]).toEqual([...params.slice(256)]);
    }
    expect(got.params![0]).not.toBe(params[0]);
  });

  test("a NaN gradient is not cut away", async () => {
    const { flat: got } = await runFlat(
      () => {
        sgdUpdate(common(), { clipValue: 1 });
        return undefined;
      },
      { params, grads: new Float32Array(FLAT).fill(Number.NaN), blocks },
      {
        groups: [
          { lr: 1, momentum: 0 },
          { lr: 1, momentum: 0 },
        ],
      },
    );
    expect(got.params!.every(Number.isNaN)).toBe(true);
  });
});

interface AdamCase {
  readonly name: string;
  readonly options?: AdamUpdateOptions;
  readonly groups: readonly [GroupHypers, GroupHypers];
  readonly row?: Partial<StepRow>;
}

const usual = { lr: 1e-3, momentum: 0.9, beta2: 0.999, eps: 1e-8 };
const adamCases: readonly AdamCase[] = [
  { name: "first step", groups: [usual, { ...usual, eps: 0 }], row: { optimizerStep: 0 } },
  { name: "second step", groups: [usual, usual], row: { optimizerStep: 1 } },
  { name: "step 50,000", groups: [usual, usual], row: { optimizerStep: 49_999 } },
  {
    name: "decay",
    groups: [
      { ...usual, weightDecay: 0.3 },
      { ...usual, lr: 0.1 },
    ],
    row: { optimizerStep: 4 },
  },
  {
    name: "decoupled decay",
    options: { decoupled: true },
    groups: [
      { ...usual, weightDecay: 0.3 },
      { ...usual, momentum: 0.85, beta2: 0.99, eps: 1e-3 },
    ],
    row: { optimizerStep: 4 },
  },
  { name: "cut", options: { clipValue: 0.03 }, groups: [usual, usual], row: { optimizerStep: 0 } },
];

describe("adamUpdate", () => {
  test.each(adamCases)("$name", async ({ options = {}, groups, row = {} }) => {
    const m0 = filled(4, 0.1);
    const v0 = filled(5, 0.01, true);
    const { flat: got } = await runFlat(
      () => {
        const firstMoment = flat("optimizer.firstMoment");
        adamUpdate({ ...common(), firstMoment, secondMoment: flat("optimizer.secondMoment") }, options);
        return undefined;
      },
      { params, grads, blocks, "optimizer.firstMoment": m0, "optimizer.secondMoment": v0 },
      { groups, ...row },
    );
    const limit = options.clipValue ?? Number.POSITIVE_INFINITY;
    const t = (row.optimizerStep ?? 0) + 1;
    const at = (i: number) => {
      const hyper = groups[blocks[Math.floor(i / 256)]!]!;
      const { momentum: b1, beta2: b2 = 0, weightDecay = 0, lr, eps = 0 } = hyper;
      const w = params[i]!;
      const g = Math.min(limit, Math.max(-limit, grads[i]!)) + (options.decoupled ? 0 : weightDecay * w);
      const m = t === 1 ? [(1 - b1) * g] : [b1 * m0[i]!, (1 - b1) * g];
      const v = (t === 1 ? 0 : b2 * v0[i]!) + (1 - b2) * g * g;
      const size = Math.sqrt(v) / Math.sqrt(1 - b2 ** t) + eps;
      const steps = m.map((part) => (-lr * part) / (1 - b1 ** t) / size);
      return { m, v, w: [w, options.decoupled ? -lr * weightDecay * w : 0, ...steps] };
    };
    expectClose(got["optimizer.firstMoment"]!, (i) => at(i).m);
    expectClose(got["optimizer.secondMoment"]!, (i) => [at(i).v]);
    expectClose(got.params!, (i) => at(i).w);
  });
});

describe("clipping by norm", () => {
  const norm = (skip: number) => Math.sqrt(USED.reduce((s, i) => (i < skip ? s : s + grads[i]! ** 2), 0));
  const clippedStep = (frozenBias: boolean, most: number) =>
    runFlat(
      () => {
        const total = gradientNorm({ grads: flat("grads"), blocks: flat("blocks") });
        const scale: Value = clipScale(total, most);
        sgdUpdate({ ...common(), scale });
        return { total, scale };
      },
      { params, grads, blocks: Uint32Array.of(frozenBias ? FROZEN : 1, 0, 0) },
      {
        groups: [
          { lr: 1, momentum: 0 },
          { lr: 1, momentum: 0 },
        ],
      },
    );

  test("a norm above the limit is brought down to it", async () => {
    const { outputs, flat: got } = await clippedStep(false, 0.5);
    expect(outputs.total![0]).toBeCloseTo(norm(0), 6);
    const scale = 0.5 / (norm(0) + 1e-6);
    expect(outputs.scale![0]! / scale).toBeCloseTo(1, 6);
    expectClose(got.params!, (i) => [params[i]!, -scale * grads[i]!]);
  });

  test("a norm below the limit changes nothing; frozen parameters do not count", async () => {
    const { outputs, flat: got } = await clippedStep(true, 1e4);
    expect(outputs.total![0]).toBeCloseTo(norm(256), 6);
    expect(outputs.scale![0]).toBe(1);
    expectClose(got.params!, (i) => [params[i]!, i < 256 ? 0 : -grads[i]!]);
  });
});

describe("accumulateGradients", () => {
  test.each([false, true])("adds to what is there: %s", async (accumulate) => {
    const before = filled(6);
    const { flat: got } = await runFlat(
      () => {
        accumulateGradients();
        return undefined;
      },
      { grads, "optimizer.accumulated": accumulate ? before : new Float32Array(FLAT).fill(Number.NaN) },
      { accumulate },
    );
    expectClose(got["optimizer.accumulated"]!, (i) => [grads[i]!, accumulate ? before[i]! : 0]);
  });
});

test("flat buffers have a group for each block", () => {
  expect(blocks.length).toBe(BLOCKS);
  expect(USED.length).toBe(307);
});
