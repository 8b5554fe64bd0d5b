import type { Value } from "../graph/value.ts";
import * as ops from "../ops/index.ts";
import type { Call, Runner } from "./call.ts";
import type { Operand } from "./tensors.ts";

/** Losses of ai.onnx, and the updates of ai.onnx.preview.training as the arithmetic they are. */

function classOptions(call: Call) {
  const ignore = call.node.attributes.has("ignore_index") ? call.int("ignore_index") : undefined;
  const reduction = call.text("reduction", "mean");
  if (reduction !== "mean" && reduction !== "sum" && reduction !== "none") {
    return call.fail("reduction", "mean, sum or none", reduction);
  }
  const weight = call.optional(2);
  return {
    reduction,
    ...(weight && { weight }),
    ...(ignore !== undefined && { ignoreIndex: ignore }),
  } as const;
}

/** Class indices: integers that are fed when the model runs. */
function labels(call: Call): Value {
  const value = call.operand(1);
  if ("source" in value && value.dtype === "i32") return value;
  return call.fail("labels", "integers fed to the graph", "floats or constants");
}

const crossEntropy: Runner = (call) => [
  ops.crossEntropy(call.value(0), labels(call), classOptions(call)),
  ops.logSoftmax(call.value(0), { axis: 1 }),
];

const nll: Runner = (call) => [ops.nll(call.value(0), labels(call), classOptions(call))];

export const LOSSES: Readonly<Record<string, Runner>> = {
  SoftmaxCrossEntropyLoss: crossEntropy,
  NegativeLogLikelihoodLoss: nll,
};

/** Rate, number of updates so far, and for every kind of tensor the list of them. */
interface Update {
  readonly rate: Value;
  readonly count: number;
  readonly tensors: readonly (readonly Value[])[];
}

function updateOf(call: Call, kinds: number): Update {
  const count = call.host(1).data[0]!;
  const each = (call.count - 2) / kinds;
  if (!Number.isInteger(each) || each < 1)
    call.fail("inputs", `2 and a multiple of ${kinds}`, `${call.count}`);
  const list = (kind: number) => Array.from({ length: each }, (_, i) => call.value(2 + kind * each + i));
  return { rate: call.value(0), count, tensors: Array.from({ length: kinds }, (_, kind) => list(kind)) };
}

/** New values of every tensor of the first kind, then of the second, and so on: the order of the outputs. */
function outputs(rows: readonly (readonly Value[])[]): Operand[] {
  return rows[0]!.flatMap((_, kind) => rows.map((row) => row[kind]!));
}

function regularised(call: Call, x: Value, g: Value): Value {
  const decay = call.float("norm_coefficient", 0);
  return decay === 0 ? g : ops.add(ops.mul(x, decay), g);
}

/** V ← α·V + β·G (β = 1 in the first update); X ← X − r·V, or r·(G + α·V) with Nesterov. */
const momentum: Runner = (call) => {
  const { rate, count, tensors } = updateOf(call, 3);
  const [xs, gs, vs] = tensors as [readonly Value[], readonly Value[], readonly Value[]];
  const [alpha, beta] = [call.float("alpha", 0), count > 0 ? call.float("beta", 1) : 1];
  const rows = xs.map((x, i) => {
    const g = regularised(call, x, gs[i]!);
    const v = ops.add(ops.mul(vs[i]!, alpha), ops.mul(g, beta));
    const along = call.text("mode", "standard") === "nesterov" ? ops.add(g, ops.mul(v, alpha)) : v;
    return [ops.sub(x, ops.mul(along, rate)), v];
  });
  return outputs(rows);
};

/** H ← H + G²; X ← X − r/(1 + t·decay)·G/(√H + ε) */
const adagrad: Runner = (call) => {
  const { rate, count, tensors } = updateOf(call, 3);
  const [xs, gs, hs] = tensors as [readonly Value[], readonly Value[], readonly Value[]];
  const slowed = ops.div(rate, 1 + count * call.float("decay_factor", 0));
  const rows = xs.map((x, i) => {
    const g = regularised(call, x, gs[i]!);
    const h = ops.add(hs[i]!, ops.mul(g, g));
    const step = ops.div(g, ops.add(ops.sqrt(h), call.float("epsilon", 0)));
    return [ops.sub(x, ops.mul(step, slowed)), h];
  });
  return outputs(rows);
};

/** V ← α·V + (1 − α)·G; H ← β·H + (1 − β)·G²; X ← (1 − post)·(X − r'·V/(√H + ε)), r' with both corrections. */
const adam: Runner = (call) => {
  const { rate, count, tensors } = updateOf(call, 4);
  const [xs, gs, vs, hs] = tensors as [
    readonly Value[],
    readonly Value[],
    readonly Value[],
    readonly Value[],
  ];
  const [alpha, beta] = [call.float("alpha", 0.9), call.float("beta", 0.999)];
  const correction = count > 0 ? Math.sqrt(1 - beta ** count) / (1 - alpha ** count) : 1;
  const keep = 1 - call.float("norm_coefficient_post", 0);
  const rows = xs.map((x, i) => {
    const g = regularised(call, x, gs[i]!);
    const v = ops.add(ops.mul(vs[i]!, alpha), ops.mul(g, 1 - alpha));
    const h = ops.add(ops.mul(hs[i]!, beta), ops.mul(ops.mul(g, g), 1 - beta));
    const step = ops.div(v, ops.add(ops.sqrt(h), call.float("epsilon", 0)));
    return [ops.mul(ops.sub(x, ops.mul(ops.mul(step, rate), correction)), keep), v, h];
  });
  return outputs(rows);
};

export const UPDATES: Readonly<Record<string, Runner>> = { Momentum: momentum, Adagrad: adagrad, Adam: adam };
