import { describe, expect, test } from "vitest";
import { type EvaluateOptions, evaluate } from "../../src/evaluate.ts";
import type { Value } from "../../src/graph/value.ts";
import * as ops from "../../src/ops/index.ts";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import { batchNormReference } from "../reference/norm.ts";
import * as pointwise from "../reference/pointwise.ts";
import { avgPool2dReference, globalAvgPool2dReference, maxPool2dReference } from "../reference/pool.ts";
import type { Attrs, InputSpec, OpCase, Reference, Tensors } from "../reference/types.ts";
import { testDevice } from "../setup/gpu.ts";
import { caseMismatches, describeMismatches } from "./sweep.ts";

/** Batch norm, activation and pooling fused with each other, forward and backward, against chained references. */

/** One step of a chain: an op of one value and its reference. */
interface Step {
  readonly reference: Reference;
  readonly attrs: Attrs;
  run(x: Value): Value;
}

const step = (reference: Reference, run: (x: Value) => Value, attrs: Attrs = {}): Step => ({
  reference,
  attrs,
  run,
});
const relu = step(pointwise.relu, ops.relu);
const gelu = step(pointwise.gelu, (x) => ops.gelu(x));
const leaky = step(pointwise.leakyRelu, (x) => ops.leakyRelu(x));
const globalMean = step(globalAvgPool2dReference, (x) => ops.globalAvgPool2d(x));
const maxPool = (attrs: Parameters<typeof ops.maxPool2d>[1]) =>
  step(maxPool2dReference, (x) => ops.maxPool2d(x, attrs), attrs);
const avgPool = (attrs: Parameters<typeof ops.avgPool2d>[1]) =>
  step(avgPool2dReference, (x) => ops.avgPool2d(x, attrs), attrs);

/** Batch norm, then the steps; gradients run backwards through the chain in float64. */
function chained(steps: readonly Step[]): Reference {
  const training = { training: true };
  const values = (inputs: Tensors) => {
    const all = [batchNormReference.forward(inputs, training).y!];
    for (const { reference, attrs } of steps) all.push(reference.forward({ x: all.at(-1)! }, attrs).y!);
    return all;
  };
  return {
    forward: (inputs) => {
      const all = values(inputs);
      const [normalised, y] = [all[0]!, all.at(-1)!];
      // The rounding of the norm's terms goes through every later step, none of which enlarges it by much.
      const most = normalised.magnitude!.reduce((a, b) => Math.max(a, b));
      return { y: { ...y, magnitude: y.data.map((value) => Math.abs(value) + most) } };
    },
    backward: (inputs, _, upstream) => {
      const all = values(inputs);
      let dy = upstream.y!;
      steps.toReversed().forEach(({ reference, attrs }, back) => {
        dy = reference.backward({ x: all[steps.length - 1 - back]! }, attrs, { y: dy }).x!;
      });
      return batchNormReference.backward(inputs, training, { y: dy });
    },
  };
}

function chain(
  name: string,
  shape: readonly number[],
  steps: readonly Step[],
  x?: Partial<InputSpec>,
): OpCase {
  const channel = { shape: [shape[1]!] };
  return {
    op: "batch norm",
    name: `${name}: ${shape.join("x")}`,
    inputs: {
      x: { shape, fill: "distinct", ...x },
      weight: { ...channel, shift: 1, scale: 0.5 },
      bias: { ...channel, scale: 0.3 },
    },
    attrs: {},
    mode: "train",
    run: ({ x: input, weight, bias }) => ({
      y: steps.reduce(
        (value, { run }) => run(value),
        ops.batchNorm(input!, { weight: weight!, bias: bias! }),
      ),
    }),
    reference: chained(steps),
  };
}

const halves = maxPool({ kernel: 2 });
const cases: OpCase[] = [
  chain("relu, max 2", [3, 8, 8, 6], [relu, halves]),
  chain("relu, max 2, odd image", [3, 4, 7, 5], [relu, halves]),
  chain("relu, max 2, one channel", [2, 1, 6, 7], [relu, halves]),
  chain("relu, max 2, three channels", [2, 3, 5, 6], [relu, halves]),
  chain("relu, max 2, five channels, mean 1e3", [2, 5, 6, 6], [relu, halves], { shift: 1e3 }),
  chain("leaky relu, max 3x2, seventeen channels", [2, 17, 7, 5], [leaky, maxPool({ kernel: [3, 2] })]),
  chain("max 2 without an activation", [2, 5, 4, 6], [halves]),
  chain("gelu, max 2 a stride of 3 apart", [2, 4, 8, 7], [gelu, maxPool({ kernel: 2, stride: 3 })]),
  chain("relu, overlapping max", [2, 4, 7, 7], [relu, maxPool({ kernel: 3, stride: 2, padding: 1 })]),
  chain("max 2, then relu", [2, 5, 6, 4], [halves, relu]),
  chain("relu, average 2", [2, 5, 6, 7], [relu, avgPool({ kernel: 2 })]),
  chain("relu, overlapping average", [2, 3, 6, 7], [relu, avgPool({ kernel: 3, stride: 1, padding: 1 })]),
  chain("relu, global mean", [3, 5, 3, 7], [relu, globalMean]),
  chain("global mean of the norm", [3, 8, 3, 5], [globalMean]),
  chain("gelu alone", [2, 5, 3, 7], [gelu]),
  chain("relu twice", [2, 6, 3, 5], [relu, relu]),
  chain("more windows than one chunk holds", [4, 4, 34, 18], [relu, halves]),
  chain("several windows a thread, five vectors of channels", [4, 20, 32, 35], [relu, halves]),
  chain("several averages a thread, three vectors of channels", [4, 12, 33, 34], [avgPool({ kernel: 2 })]),
];

const off: EvaluateOptions = { skip: ["fuseWindows", "fusePrologue"] };

describe.each(cases)("$name", (one) => {
  test("fused", async () => {
    const found = await caseMismatches(one);
    expect(found.length, describeMismatches(found)).toBe(0);
  });
});

describe("without the passes", () => {
  test.each(cases.slice(0, 3))("$name", async (one) => {
    const found = await caseMismatches(one, off);
    expect(found.length, describeMismatches(found)).toBe(0);
  });
});

/** Labels of the dispatches of x → batch norm → relu → `after`, forward and backward. */
async function labels(after: (x: Value) => Record<string, Value>, options: EvaluateOptions = {}) {
  const shape = [2, 4, 4, 4];
  const data = Array.from({ length: 128 }, (_, i) => Math.sin(7 * i));
  let plan: StepPlan | undefined;
  const { gradients, outputs } = await evaluate(
    await testDevice(),
    ({ x }) => after(ops.relu(ops.batchNorm(x!))),
    { x: { data, shape } },
    {
      mode: "train",
      upstream: { pooled: { data: data.slice(0, 32), shape: [2, 4, 2, 2] } },
      onPlan: (compiled) => {
        plan = compiled;
        return undefined;
      },
      ...options,
    },
  );
  return { labels: plan!.dispatches.map(({ label }) => label), gradients, outputs };
}

test("relu and max pooling leave no dispatch of their own, but for one kernel each way", async () => {
  const pooled = (x: Value) => ({ pooled: ops.maxPool2d(x, { kernel: 2 }) });
  const fused = await labels(pooled);
  expect(fused.labels.filter((label) => label !== "convert_layout")).toEqual([
    "batch_norm_moments",
    "batch_norm_finalise",
    "max_pool2d_windows",
    "batch_norm_backward_reduce_windows",
    "batch_norm_backward_sum",
    "max_pool2d_backward_windows",
  ]);
});

test("an activation that is also an output is stored, and read by pooling", async () => {
  const both = (x: Value) => ({ pooled: ops.maxPool2d(x, { kernel: 2 }), activation: x });
  const fused = await labels(both);
  const apart = await labels(both, off);
  expect(fused.labels).toContain("pointwise");
  expect([...fused.outputs.activation!.data]).toEqual([...apart.outputs.activation!.data]);
  const [got, want] = [fused.gradients.x!.data, apart.gradients.x!.data];
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i]!, 5);
});
