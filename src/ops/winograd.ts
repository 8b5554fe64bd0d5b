import { ceilDiv, type Shape } from "../core/shape.ts";
import type { Parts, Target } from "../graph/define.ts";
import { hasQuads } from "../graph/target.ts";
import type { ConvAttrs } from "./conv-geometry.ts";
import type { InputGradientAttrs } from "./conv2d-dense.ts";
import type { WeightGradientAttrs } from "./conv2d-weight-kernels.ts";
import { type WindowAttrs, winogradInput } from "./winograd-input.ts";
import { winogradMatmul } from "./winograd-matmul.ts";
import { winogradMatmulTransposed } from "./winograd-matmul-transposed.ts";
import { winogradOutput } from "./winograd-output.ts";
import { winogradOutputGradient } from "./winograd-output-gradient.ts";
import { PLACES, tileCount, tilesOf } from "./winograd-tiles.ts";
import { winogradWeight } from "./winograd-weight.ts";
import { winogradWeightGradient } from "./winograd-weight-gradient.ts";

/** A convolution as Winograd's method sees it, whichever pass it belongs to. */
interface Problem {
  /** Shape of the image that is cut into tiles. */
  readonly output: Shape;
  /** Channels on both sides. */
  readonly channels: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly attrs: ConvAttrs;
  readonly target: Target;
}

/** Bytes of each of the two arrays of transformed tiles. */
function workspace({ output, channels }: Problem): number[] {
  const tiles = tileCount(output[0]!, tilesOf(output, 0, 0));
  return channels.map((count) => 4 * PLACES * tiles * 4 * ceilDiv(count, 4));
}

/** True for what F(4×4, 3×3) computes: 3×3 kernels that move pixel by pixel over all channels. */
function applies(problem: Problem): boolean {
  const { strideH, strideW, dilationH, dilationW, groups } = problem.attrs;
  const ones = [strideH, strideW, dilationH, dilationW, groups].every((value) => value === 1);
  const square3 = problem.kernel.every((size) => size === 3);
  const { maxStorageBufferBindingSize: most } = problem.target;
  return ones && square3 && workspace(problem).every((bytes) => bytes <= most);
}

/**
 * Whether to take Winograd unmeasured ("default"), to measure it ("tried"), or neither ("never"). It saves arithmetic
 * (36 products for 16 pixels in place of 144) and pays with memory traffic (2.25 numbers a pixel, written and read),
 * so it needs channels. Where four lanes form a subgroup, arithmetic is slow against memory: measured against the direct
 * kernels, 8 channels gave 0.7 to 1.2 times their speed, 16 gave 1.5, 32 gave 2.2, 128 gave 2.8 to 3.6. Elsewhere the
 * bound is 2.67 × FLOP/s ÷ bytes/s, 24 to 80 channels (calculated, not measured).
 * Tiles that reach over the edge are wasted, and few tiles do not pay for transforming the kernels. A quarter of the
 * largest buffer bounds the memory.
 */
export function worth(problem: Problem): "default" | "tried" | "never" {
  const [n, , p, q] = problem.output as [number, number, number, number];
  const tiles = tileCount(n, tilesOf(problem.output, 0, 0));
  const bytes = workspace(problem).reduce((a, b) => a + b, 0);
  if (tiles < 16 || n * p * q < 0.6 * 16 * tiles || bytes > problem.target.maxBufferSize / 4) return "never";
  const [certain, possible] = hasQuads(problem.target) ? [16, 8] : [64, 24];
  const channels = Math.min(...problem.channels);
  // Below some ten million products a step gains less than compiling four more pipelines costs in a hundred.
  const products = PLACES * tiles * problem.channels[0] * problem.channels[1];
  if (channels >= certain && products >= 8e6) return "default";
  return channels >= possible ? "tried" : "never";
}

/** Fewest threads that the sums over tiles should give work to. */
const FEW_THREADS = 1024;

/** Ranges of tiles that are summed apart: more than one where the kernels are few, of at least 64 tiles each. */
function splitsOf(tiles: number, c: number, k: number): number {
  const threads = PLACES * ceilDiv(c, 8) * ceilDiv(k, 8);
  return Math.max(1, Math.min(ceilDiv(FEW_THREADS, threads), Math.floor(tiles / 64)));
}

type Forward = Parts<"x" | "weight", "y", ConvAttrs>;
type InputGradient = Parts<"dy" | "weight", "dx", InputGradientAttrs>;
type WeightGradient = Parts<"x" | "dy", "dweight", WeightGradientAttrs>;

function forwardProblem({
  shape: { x, weight, y },
  attrs,
  target,
}: Parameters<NonNullable<Forward["when"]>>[0]) {
  return { output: y, channels: [x[1]!, y[1]!], kernel: [weight[2]!, weight[3]!], attrs, target } as const;
}

function forward(place: "default" | "tried"): Forward {
  return {
    name: "winograd",
    precision: "fast",
    when: (context) => applies(forwardProblem(context)),
    suits: (context) => worth(forwardProblem(context)) === place,
    parts: ({ x, weight }, { pad }) => {
      const [n, , h, w] = x.shape as [number, number, number, number];
      const shape = [n, weight.shape[0]!, h + pad.top + pad.bottom - 2, w + pad.left + pad.right - 2];
      const tiles = tilesOf(shape, pad.top, pad.left);
      const { v } = winogradInput({ x }, { ...tiles, keptFrom: "forward" });
      const { u } = winogradWeight({ weight }, { exchanged: false });
      const { y: m } = winogradMatmul({ a: v, b: u }, {});
      return { y: winogradOutput({ m }, { ...tiles, shape }).y };
    },
  };
}

function inputProblem({ shape, attrs, target }: Parameters<NonNullable<InputGradient["when"]>>[0]) {
  const { dy, weight, dx } = shape;
  return { output: dx, channels: [dx[1]!, dy[1]!], kernel: [weight[2]!, weight[3]!], attrs, target } as const;
}

function inputGradient(place: "default" | "tried"): InputGradient {
  return {
    name: "winograd",
    precision: "fast",
    when: (context) => applies(inputProblem(context)),
    suits: (context) => worth(inputProblem(context)) === place,
    parts: ({ dy, weight }, { pad, height, width }) => {
      const shape = [dy.shape[0]!, weight.shape[1]!, height, width];
      const tiles = tilesOf(shape, 2 - pad.top, 2 - pad.left);
      const { v } = winogradInput({ x: dy }, { ...tiles, keptFrom: "backward" });
      const { u } = winogradWeight({ weight }, { exchanged: true });
      const { y: m } = winogradMatmul({ a: v, b: u }, {});
      return { dx: winogradOutput({ m }, { ...tiles, shape }).y };
    },
  };
}

function weightProblem({ shape, attrs, target }: Parameters<NonNullable<WeightGradient["when"]>>[0]) {
  const { x, dy } = shape;
  const kernel = [attrs.kernelH, attrs.kernelW] as const;
  return { output: dy, channels: [x[1]!, dy[1]!], kernel, attrs, target } as const;
}

function weightGradient(keptFrom: WindowAttrs["keptFrom"]): WeightGradient["parts"] {
  return ({ x, dy }, { pad }) => {
    const [k, c] = [dy.shape[1]!, x.shape[1]!];
    const tiles = tilesOf(dy.shape, pad.top, pad.left);
    const { v } = winogradInput({ x }, { ...tiles, keptFrom });
    const { dm } = winogradOutputGradient({ dy }, tiles);
    const { y: du } = winogradMatmulTransposed({ a: v, b: dm }, { splits: splitsOf(v.shape[1]!, c, k) });
    return { dweight: winogradWeightGradient({ du }, { shape: [k, c, 3, 3] }).dweight };
  };
}

/**
 * conv2d as F(4×4, 3×3).   y = Aᵀ [Σ_c (G w Gᵀ) ⊙ (Bᵀ x B)] A for every tile of 4×4 pixels
 * Default where it surely wins; the twin further down a list of lowerings is there to be measured.
 * Source  Lavin and Gray 2016 (arXiv:1509.09308) §4
 */
export const winogradForward = { default: forward("default"), tried: forward("tried") };

/**
 * The input gradient as F(4×4, 3×3): a convolution of dy with the kernels turned by 180° and their channels exchanged.
 * Source  Lavin and Gray 2016 (arXiv:1509.09308) §4
 */
export const winogradInputGradient = { default: inputGradient("default"), tried: inputGradient("tried") };

const weightTerms = {
  precision: "fast" as const,
  when: (context: Parameters<NonNullable<WeightGradient["when"]>>[0]) => applies(weightProblem(context)),
};

function weightGradientAt(place: "default" | "tried"): WeightGradient {
  return {
    name: "winograd",
    ...weightTerms,
    suits: (context) => worth(weightProblem(context)) === place,
    parts: weightGradient("backward"),
  };
}

/**
 * The kernel gradient as the adjoint of F(4×4, 3×3).   dw = Gᵀ [Σ_tiles (Bᵀ x B) ⊙ (A dy Aᵀ)] G
 * `kept` holds the windows of the forward pass until then, which saves 3 to 10 % of the time and more than doubles the
 * memory that a layer's input takes; time alone must not decide that, so it is taken by name only.
 * Source  transposes of the three transforms, Lavin and Gray 2016 (arXiv:1509.09308) §4
 */
export const winogradKernelGradient = {
  default: weightGradientAt("default"),
  tried: weightGradientAt("tried"),
  kept: { name: "winograd_kept", ...weightTerms, suits: () => false, parts: weightGradient("forward") },
} satisfies Record<string, WeightGradient>;
