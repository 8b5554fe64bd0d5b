import type { StepPlan } from "../../src/plan/step-plan.ts";

/** Mistakes of the kind a kernel is written with, each with the operator cases that must notice it. */

/** A case of tests/ops/<file>.ts: its operator and its name, or how its name begins. */
export type CaseName = readonly [file: string, op: string, name: string];

export interface PlantedMistake {
  readonly name: string;
  /** The plan with the mistake in it. Errors  throws where the plan has nothing to plant it in */
  plant(plan: StepPlan): StepPlan;
  /** Kernels to plant it in, by op, where the case's default is another one. */
  readonly lowerings?: Readonly<Record<string, string>>;
  readonly caughtBy: readonly CaseName[];
}

type Change = readonly [from: string | RegExp, to: string];

/** Changes the text of every pipeline of a kernel; each pattern has to occur in it, or nothing would be tested. */
function text(kernel: string, ...changes: readonly Change[]): PlantedMistake["plant"] {
  return (plan) => {
    const found = new Set<Change>();
    const pipelines = plan.pipelines.map((pipeline) => {
      if (pipeline.entryPoint !== kernel) return pipeline;
      let { code } = pipeline;
      for (const change of changes) {
        const [from, to] = change;
        const changed = code.replaceAll(typeof from === "string" ? from : new RegExp(from, "g"), to);
        if (changed !== code) found.add(change);
        code = changed;
      }
      return { ...pipeline, code };
    });
    const missing = changes.find((change) => !found.has(change));
    if (missing) throw new Error(`nothing to plant in ${kernel}: ${missing[0]} does not occur`);
    return { ...plan, pipelines };
  };
}

/** Leaves out every dispatch of a kernel. */
function without(kernel: string): PlantedMistake["plant"] {
  return (plan) => {
    const dispatches = plan.dispatches.filter(
      ({ pipeline }) => plan.pipelines[pipeline]!.entryPoint !== kernel,
    );
    if (dispatches.length === plan.dispatches.length) throw new Error(`no dispatch of ${kernel}`);
    return { ...plan, dispatches };
  };
}

/** Gives a kernel its first two operands the other way round. */
function swapped(kernel: string): PlantedMistake["plant"] {
  const other = [1, 0] as const;
  return (plan) => {
    let found = false;
    const dispatches = plan.dispatches.map((dispatch) => {
      if (plan.pipelines[dispatch.pipeline]!.entryPoint !== kernel) return dispatch;
      found = true;
      const bindings = dispatch.bindings.map((bound) =>
        bound.group === 0 && bound.binding < 2 ? { ...bound, binding: other[bound.binding]! } : bound,
      );
      return { ...dispatch, bindings };
    });
    if (!found) throw new Error(`no dispatch of ${kernel}`);
    return { ...plan, dispatches };
  };
}

const conv2d = (name: string): CaseName => ["conv2d", "conv2d", name];
const matmul = (name: string): CaseName => ["matmul", "matmul", name];
const batchNorm = (name: string): CaseName => ["batch-norm", "batchNorm", name];
const maxPool2d = (name: string): CaseName => ["max-pool2d", "maxPool2d", name];
const avgPool2d = (name: string): CaseName => ["avg-pool2d", "avgPool2d", name];

const convolution: PlantedMistake[] = [
  {
    name: "convolution: the right edge is one column late",
    plant: text("conv2d_forward", ["w < W", "w <= W"]),
    lowerings: { conv2d: "conv2d_forward" },
    caughtBy: [conv2d("5x5 image"), conv2d("fill: one tap")],
  },
  {
    name: "convolution: the strides of height and width are swapped",
    plant: text(
      "conv2d_forward",
      ["% P * STRIDE_H", "% P * STRIDE_V"],
      ["% Q * STRIDE_W", "% Q * STRIDE_H"],
      ["STRIDE_V", "STRIDE_W"],
    ),
    lowerings: { conv2d: "conv2d_forward" },
    caughtBy: [conv2d("pairs 8 ")],
  },
  {
    name: "convolution: dilation is ignored",
    plant: text("conv2d_forward", [/(tap % S) \* DILATION_W/, "$1"]),
    lowerings: { conv2d: "conv2d_forward" },
    caughtBy: [conv2d("pairs 20 ")],
  },
  {
    name: "convolution: every group reads the first one's channels",
    plant: text("conv2d_forward", ["let c0 = k0 / GROUP_K4 * GROUP_C4;", "let c0 = 0u;"]),
    lowerings: { conv2d: "conv2d_forward" },
    caughtBy: [conv2d("four groups of four")],
  },
  {
    name: "convolution: padding lanes are not masked",
    plant: text("conv2d_forward", [/(fn a_load\([^{]*\{) return select\([^}]*\}/, "$1 return x[i]; }"]),
    lowerings: { conv2d: "conv2d_forward" },
    caughtBy: [conv2d("pairs 3 ")],
  },
  {
    name: "convolution: the input's gradient flips the kernel",
    plant: text("conv2d_backward_input", ["(r * S + s) * GROUP_C4", "(r * S + S - 1u - s) * GROUP_C4"]),
    lowerings: { conv2d_backward_input: "conv2d_backward_input" },
    caughtBy: [conv2d("5x5 image"), ["conv-transpose2d", "convTranspose2d", "doubles the image: "]],
  },
  {
    name: "convolution: the weight's gradient misses the last pixel of a row",
    plant: text("conv2d_backward_weight", ["q < end", "q + 1u < end"]),
    lowerings: { conv2d_backward_weight: "conv2d_backward_weight" },
    caughtBy: [conv2d("5x5 image")],
  },
  {
    name: "split sums: the last range is not added",
    plant: text("add_splits", ["s < SPLITS", "s + 1u < SPLITS"]),
    caughtBy: [conv2d("16x16 image"), matmul("[5,1102] · [1102,5]")],
  },
  {
    name: "split sums: the second pass does not run",
    plant: without("add_splits"),
    caughtBy: [conv2d("16x16 image")],
  },
];

const products: PlantedMistake[] = [
  {
    name: "matmul: a transposed operand is read as if it were not",
    plant: text("matmul", ["const B_TRANSPOSED: bool = true;", "const B_TRANSPOSED: bool = false;"]),
    caughtBy: [matmul("[3,7] · [5,7]ᵀ"), matmul("[16,8] · [16,8]ᵀ")],
  },
  {
    name: "matmul: no guard at the tail of the summed axis",
    plant: text("matmul", ["const K_EDGE: bool = true;", "const K_EDGE: bool = false;"]),
    caughtBy: [matmul("[3,7] · [5,7]ᵀ")],
  },
  {
    name: "matmul: the operands are bound the other way round",
    plant: swapped("matmul"),
    caughtBy: [matmul("[8,8] · [8,8]")],
  },
  {
    name: "broadcasting: along the height instead of the channels",
    plant: text("pointwise", ["(i / 21u) % 5u", "(i / 7u) % 5u"]),
    caughtBy: [["binary", "add", "[C,1,1] over 5 channels"]],
  },
];

const norms: PlantedMistake[] = [
  {
    name: "batch norm: the running variance is the biased one",
    plant: text("batch_norm_finalise", ["f32(max(POSITIONS, 2u) - 1u)", "f32(POSITIONS)"]),
    caughtBy: [batchNorm("everything given: 3x5x7x5 train"), batchNorm("first step")],
  },
  {
    name: "batch norm: the input's gradient lacks the mean of the upstream one",
    plant: text("pointwise", ["(dy - share - ", "(dy - "]),
    caughtBy: [batchNorm("nothing but x"), batchNorm("rank 2: 5x7 train")],
  },
  {
    name: "batch norm: the variance is E[x²] − E[x]²",
    plant: text("batch_norm_moments", ["let shift = x[address(first, c)];", "let shift = Elem();"]),
    caughtBy: [batchNorm("mean 1e4, deviation 1: "), batchNorm("rank 2, mean 1e4")],
  },
  {
    name: "batch norm: the running mean keeps the batch's share and takes the past's",
    plant: text("batch_norm_finalise", [
      /running_mean\[c\] = \(1\.0 - ([^)]+)\)[^;]*;/,
      "running_mean[c] = $1 * running_mean[c] + (1.0 - $1) * batch_mean;",
    ]),
    caughtBy: [batchNorm("no counter"), batchNorm("first step")],
  },
  {
    name: "batch norm: eps is left out",
    plant: text("batch_norm_finalise", [/const EPSILON: f32 = [^;]*;/, "const EPSILON: f32 = 0.0;"]),
    caughtBy: [batchNorm("deviation 1e-3, where eps counts")],
  },
  {
    name: "batch norm: no guard at the last chunk of positions",
    plant: text("batch_norm_moments", ["min(first + CHUNK, POSITIONS)", "first + CHUNK"]),
    caughtBy: [batchNorm("no affine: 3x5x7x5 train")],
  },
];

const windows: PlantedMistake[] = [
  {
    name: "max pool: on a tie the gradient goes to the last maximum",
    plant: text("max_pool2d_backward", ["v >= largest", "v > largest"]),
    lowerings: { max_pool2d_backward: "max_pool2d_backward" },
    caughtBy: [maxPool2d("halves, ties"), maxPool2d("all values alike")],
  },
  {
    name: "max pool: padding counts as 0",
    plant: text("max_pool2d", [/let lowest = [^;]*;/, "let lowest = vec4<f32>();"]),
    caughtBy: [maxPool2d("overlapping")],
  },
  {
    name: "average pool: padding counts in the divisor though it should not",
    plant: text("avg_pool2d", ["if (INCLUDE_PAD)", "if (true)"]),
    caughtBy: [avgPool2d("padding not counted")],
  },
];

const others: PlantedMistake[] = [
  {
    name: "cross-entropy: ignoreIndex is ignored",
    plant: text("cross_entropy_with_gradient", ["label == IGNORED", "false"]),
    caughtBy: [["cross-entropy", "crossEntropy", "indices, a class ignored"]],
  },
  {
    name: "cross-entropy by position: ignoreIndex is ignored",
    plant: text("cross_entropy_forward", ["label == IGNORED", "false"]),
    caughtBy: [["cross-entropy", "crossEntropy", "indices, -100 ignored, none"]],
  },
  {
    name: "cross-entropy: the gradient forgets label smoothing",
    plant: text("cross_entropy_with_gradient", ["SMOOTHING / f32(CLASSES)", "0.0"]),
    caughtBy: [["cross-entropy", "crossEntropy", "indices, smoothing"]],
  },
  {
    name: "softmax: the maximum is not subtracted",
    plant: text("softmax", [" - largest", ""]),
    caughtBy: [
      ["softmax", "softmax", "large logits"],
      ["softmax", "logSoftmax", "large negative logits"],
    ],
  },
  {
    name: "dropout: what is kept is not scaled",
    plant: text("dropout", ["x[i] * SCALE", "x[i]"]),
    caughtBy: [["dropout", "dropout", "[2,5,3,7], p 0.2, train"]],
  },
  {
    name: "sum: the last element is missing",
    plant: text("reduce", ["r3 < REDUCED_SIZE_3", "r3 + 1u < REDUCED_SIZE_3"]),
    caughtBy: [["reduce", "sum", "17 elements"]],
  },
  {
    name: "maximum: it starts from 0",
    plant: text("reduce", [/(fn start\([^{]*\{)[^}]*\}/, "$1 return 0.0; }"]),
    caughtBy: [["reduce", "max", "channels, 5"]],
  },
];

export const planted: readonly PlantedMistake[] = [
  ...convolution,
  ...products,
  ...norms,
  ...windows,
  ...others,
];
