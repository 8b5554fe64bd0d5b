import copyWgsl from "../../shaders/bench_copy.wgsl?raw";
import fmaWgsl from "../../shaders/bench_fma.wgsl?raw";
import directWgsl from "../../shaders/bench_matmul_direct.wgsl?raw";
import subgroupWgsl from "../../shaders/bench_matmul_subgroup.wgsl?raw";
import workgroupWgsl from "../../shaders/bench_matmul_workgroup.wgsl?raw";
import { compile } from "../compile.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { PlanRunner } from "../gpu/plan-runner.ts";
import { defineOp, type Op, type Target } from "../graph/define.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import { StateTable } from "../plan/state-table.ts";
import { relativeError } from "./agreement.ts";
import { type BenchArray, workloadArrays } from "./arrays.ts";
import { minimum } from "./statistics.ts";
import type { MatmulSize } from "./workload.ts";

/** What an adapter can do at best, measured. */
export interface Ceilings {
  /** Multiply-adds in registers, counted as two. Units  GFLOP/s */
  readonly fma: number;
  /** Bytes read and written by a copy. Units  GB/s */
  readonly copy: number;
}

/** A hand-written product at one size. */
export interface HandTiled {
  readonly kernel: string;
  readonly ms: number;
}

const gradient = { none: "it measures" };

const CHAINS = 8;
const REPEATS = 4;

const fma = defineOp<"x", "y", { threads: number; loops: number }>({
  name: "bench_fma",
  inputs: ["x"],
  outputs: ["y"],
  shape: (_, { threads }) => ({ y: [threads] }),
  lowerings: [
    {
      name: "bench_fma",
      wgsl: fmaWgsl,
      launch: ({ attrs: { threads, loops } }) => ({
        grid: [threads / 64],
        const: { CHAINS, REPEATS, LOOPS: loops },
      }),
    },
  ],
  gradient,
  cost: ({ attrs: { threads, loops } }) => ({ flops: 8 * CHAINS * REPEATS * loops * threads }),
});

const ITEMS = 4;

const copy = defineOp<"x", "y">({
  name: "bench_copy",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    {
      name: "bench_copy",
      wgsl: copyWgsl,
      launch: ({ shape }) => {
        const threads = shape.x[0]! / 4 / ITEMS;
        return { grid: [threads / 64], const: { ITEMS, THREADS: threads } };
      },
    },
  ],
  gradient,
});

type Names = "a" | "b" | "y";

/** A hand-written product: when it fits, and its launch. */
interface HandKernel {
  readonly name: string;
  readonly wgsl: string;
  fits(size: MatmulSize, target: Target): boolean;
  launch(size: MatmulSize): { readonly grid: [number, number?]; readonly const: Record<string, number> };
}

function tiledKernel(threadM: number, threadN: number, tileK: number): HandKernel {
  const [tileM, tileN] = [16 * threadM, 64 * threadN];
  return {
    name: `workgroup ${tileM}x${tileN}`,
    wgsl: workgroupWgsl,
    fits: ({ m, n, k }, target) =>
      m % tileM === 0 &&
      n % tileN === 0 &&
      k % tileK === 0 &&
      target.maxComputeInvocationsPerWorkgroup >= 256 &&
      target.maxComputeWorkgroupStorageSize >= 4 * tileK * (tileM + tileN),
    launch: ({ m, n, k }) => ({
      grid: [n / tileN, m / tileM],
      const: { THREAD_M: threadM, THREAD_N: threadN, TILE_K: tileK, N: n, K: k },
    }),
  };
}

/** The small set whose best is called hand-tiled. */
const HAND_KERNELS: readonly HandKernel[] = [
  {
    name: "direct 8x8",
    wgsl: directWgsl,
    fits: ({ m, n, k }) => m % 8 === 0 && n % 8 === 0 && k % 4 === 0 && ((m / 8) * (n / 8)) % 32 === 0,
    launch: ({ m, n, k }) => ({ grid: [((m / 8) * (n / 8)) / 32], const: { ROWS: 8, N: n, K: k } }),
  },
  {
    name: "subgroup 8x8",
    wgsl: subgroupWgsl,
    fits: ({ m, n, k }, { subgroupMinSize, subgroupMaxSize }) =>
      subgroupMinSize === 4 && subgroupMaxSize === 4 && m % 16 === 0 && n % 32 === 0 && k % 4 === 0,
    launch: ({ m, n, k }) => ({ grid: [((m / 8) * (n / 8)) / 8], const: { N: n, K: k } }),
  },
  tiledKernel(4, 1, 16),
  tiledKernel(8, 2, 8),
];

function stemOf(wgsl: string): string {
  return /fn (bench_\w+)\(/.exec(wgsl)![1]!;
}

function productOp(kernel: HandKernel, size: MatmulSize): Op<"a" | "b", "y", object> {
  const launch = kernel.launch(size);
  return defineOp<"a" | "b", "y">({
    name: stemOf(kernel.wgsl),
    inputs: ["a", "b"],
    outputs: ["y"],
    shape: () => ({ y: [size.m, size.n] }),
    lowerings: [{ name: stemOf(kernel.wgsl), wgsl: kernel.wgsl, launch: () => launch }],
    gradient,
    cost: () => ({ flops: 2 * size.m * size.n * size.k }),
  }) as Op<Exclude<Names, "y">, "y", object>;
}

async function runnerOf(
  context: DeviceContext,
  arrays: Readonly<Record<string, BenchArray>>,
  body: (values: Record<string, ReturnType<typeof input>>) => { y: ReturnType<typeof input> },
): Promise<PlanRunner> {
  const graph = trace("train", () => ({
    outputs: body(
      Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, input(name, shape)])),
    ),
  }));
  const plan = compile(graph, { target: context.target, states: new StateTable() });
  const inputs = Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data]));
  return PlanRunner.create(context, plan, { inputs });
}

/** Least time of a run, repeated until a sample takes `sampleMs`. */
async function leastTime(runner: PlanRunner, rounds: number, sampleMs: number): Promise<number> {
  await runner.run(1);
  const times = Math.max(1, Math.min(200, Math.round(sampleMs / (await runner.run(1)))));
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) samples.push((await runner.run(times)) / times);
  return minimum(samples);
}

/** Size of the multiply-add loop: a tenth of a second on a processor, far more threads than a large GPU holds. */
const FMA = { threads: 1 << 18, loops: 64 };
/** Elements copied: 64 MB, beyond every cache but the largest. */
const COPIED = 1 << 24;

/** Measures the arithmetic and the memory ceiling of an adapter. */
export async function measureCeilings(
  context: DeviceContext,
  rounds: number,
  sampleMs: number,
): Promise<Ceilings> {
  const pair: BenchArray = { shape: [4], data: Float32Array.of(0.999, 0.001, 0, 0) };
  const adding = await runnerOf(context, { x: pair }, ({ x }) => fma({ x: x! }, FMA));
  const fmaMs = await leastTime(adding, rounds, sampleMs);
  const { flops } = adding.plan.dispatches[0]!;
  adding.destroy();
  const source: BenchArray = { shape: [COPIED], data: new Float32Array(COPIED).fill(1) };
  const copying = await runnerOf(context, { x: source }, ({ x }) => copy({ x: x! }, {}));
  const copyMs = await leastTime(copying, rounds, sampleMs);
  copying.destroy();
  return { fma: flops / fmaMs / 1e6, copy: (2 * 4 * COPIED) / copyMs / 1e6 };
}

/** A hand-written product ready to run, its result checked. */
export interface HandRunner {
  readonly kernel: string;
  readonly runner: PlanRunner;
}

/**
 * The hand-written products that fit a size, each checked against `expected`.
 * Errors  throws where one is wrong: a yardstick must be right
 */
export async function handRunners(
  context: DeviceContext,
  size: MatmulSize,
  expected: Float32Array,
): Promise<HandRunner[]> {
  const { a, b } = workloadArrays({ kind: "matmul", ...size });
  const found: HandRunner[] = [];
  for (const kernel of HAND_KERNELS.filter((one) => one.fits(size, context.target))) {
    const product = productOp(kernel, size);
    const runner = await runnerOf(context, { a: a!, b: b! }, (v) => product({ a: v.a!, b: v.b! }, {}));
    await runner.run(1);
    const y = new Float32Array((await runner.outputs()).y!).slice(0, size.m * size.n);
    const error = relativeError(y, expected);
    if (!(error <= 1e-4)) throw new Error(`the hand-tiled product ${kernel.name} is off by ${error}`);
    found.push({ kernel: kernel.name, runner });
  }
  return found;
}
