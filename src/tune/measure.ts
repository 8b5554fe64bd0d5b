import { compile } from "../compile.ts";
import { type HostArray, hostArray } from "../core/dtype.ts";
import { unpack } from "../core/layout.ts";
import { numel } from "../core/shape.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { PlanRunner } from "../gpu/plan-runner.ts";
import { typedArray } from "../gpu/run-once.ts";
import { apply, type Lowering } from "../graph/define.ts";
import type { Graph } from "../graph/graph.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { nodeKey } from "../passes/choose.ts";
import { StateTable } from "../plan/state-table.ts";
import { plainKernel, type Tunable } from "./tunable.ts";

/** Time of one candidate, or why it was left out. */
export interface CandidateResult {
  readonly name: string;
  /** Units  milliseconds of one run, the least of all rounds; NaN for a candidate that was left out. */
  readonly ms: number;
  /** "wrong: …" or "does not compile: …"; undefined for one that may win. */
  readonly rejected?: string;
}

/** Rounds in which the candidates take turns. */
const ROUNDS = 3;
/** Device time of one sample: long against the clock's resolution and the cost of a submit. Units  milliseconds */
const SAMPLE_MS = 3;
/** A candidate this much slower than the best takes no part in further rounds. */
const HOPELESS = 2;
/** A candidate replaces the default only where it is faster by more than the noise of a measurement. */
const MARGIN = 0.97;
/** Tolerances against the plain kernel on positive numbers, where nothing cancels. */
const TOLERANCE = { exact: 1e-5, fast: 1e-4 };

interface Contender {
  readonly lowering: Lowering;
  readonly runner: PlanRunner;
  /** Dispatches but the conversions of its inputs, which in a whole step belong to other nodes. */
  readonly own: readonly number[];
  times: number;
  ms: number;
}

/**
 * Times every candidate of a node in turns, after each has been held against the plain kernel.
 * The first of the results is the default's.
 */
export async function measureNode(context: DeviceContext, tunable: Tunable): Promise<CandidateResult[]> {
  const { graph, arrays } = nodeAlone(tunable);
  const expected = await referenceOutputs(context, tunable, graph, arrays);
  const results: CandidateResult[] = [];
  const contenders: Contender[] = [];
  try {
    for (const lowering of tunable.candidates) {
      const outcome = await prepare(context, lowering, graph, arrays, expected);
      if (typeof outcome === "string") {
        results.push({ name: lowering.name, ms: Number.NaN, rejected: outcome });
      } else contenders.push(outcome);
    }
    await takeTurns(contenders);
  } finally {
    for (const { runner } of contenders) runner.destroy();
  }
  const timed = contenders.map(({ lowering, ms }) => ({ name: lowering.name, ms }));
  const order = tunable.candidates.map(({ name }) => name);
  return [...timed, ...results].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** The name to choose: the default, unless another candidate is clearly faster. */
export function winner(results: readonly CandidateResult[]): string | undefined {
  const valid = results.filter(({ rejected }) => rejected === undefined);
  const best = valid.reduce<CandidateResult | undefined>((a, b) => (a && a.ms <= b.ms ? a : b), undefined);
  const first = results[0];
  if (!best || !first) return undefined;
  if (first.rejected !== undefined) return best.name;
  return best.ms < MARGIN * first.ms ? best.name : first.name;
}

/** The node as a graph of its own on arrays of positive numbers; integers are zeros, valid as labels and places. */
function nodeAlone({ node }: Tunable): { graph: Graph; arrays: Record<string, HostArray> } {
  const arrays: Record<string, HostArray> = {};
  const graph = trace("train", () => {
    const replaced = new Map<Value, Value>();
    const inputs = Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => {
        if (value.source.kind === "constant") return [name, value];
        const known = replaced.get(value);
        if (known) return [name, known];
        const leaf = input(name, value.shape, value.dtype);
        const data = hostArray(value.dtype, numel(value.shape));
        if (data instanceof Float32Array) for (let i = 0; i < data.length; i++) data[i] = 0.5 + fraction(i);
        arrays[name] = data;
        replaced.set(value, leaf);
        return [name, leaf];
      }),
    );
    return { outputs: apply(node.op, inputs, node.attrs) };
  });
  return { graph, arrays };
}

/** Spreads indices over [0, 1): the fractional parts of multiples of the golden ratio. */
function fraction(i: number): number {
  return (i * 0.6180339887498949) % 1;
}

async function runnerOf(
  context: DeviceContext,
  lowering: Lowering,
  graph: Graph,
  arrays: Record<string, HostArray>,
): Promise<PlanRunner> {
  const plan = compile(graph, {
    target: context.target,
    states: new StateTable(),
    choices: { [nodeKey(graph.nodes[0]!)]: lowering.name },
  });
  return PlanRunner.create(context, plan, { inputs: arrays });
}

type Outputs = Record<string, HostArray>;

async function outputsOf(runner: PlanRunner): Promise<Outputs> {
  await runner.run(1);
  const bytes = await runner.outputs();
  return Object.fromEntries(
    Object.entries(runner.plan.outputs).map(([name, output]) => [
      name,
      unpack(typedArray(bytes[name]!, output), output.physical),
    ]),
  );
}

async function referenceOutputs(
  context: DeviceContext,
  tunable: Tunable,
  graph: Graph,
  arrays: Record<string, HostArray>,
): Promise<Outputs> {
  const runner = await runnerOf(context, plainKernel(tunable, context.target), graph, arrays);
  try {
    return await outputsOf(runner);
  } finally {
    runner.destroy();
  }
}

/** A candidate ready to be timed, or why it is left out. */
async function prepare(
  context: DeviceContext,
  lowering: Lowering,
  graph: Graph,
  arrays: Record<string, HostArray>,
  expected: Outputs,
): Promise<Contender | string> {
  let runner: PlanRunner;
  try {
    runner = await runnerOf(context, lowering, graph, arrays);
  } catch (error) {
    return `does not compile: ${error instanceof Error ? error.message : error}`;
  }
  const difference = disagreement(
    await outputsOf(runner),
    expected,
    TOLERANCE[lowering.precision ?? "exact"],
  );
  if (difference) {
    runner.destroy();
    return `wrong: ${difference}`;
  }
  const own = runner.plan.dispatches.flatMap(({ label }, i) => (label === "convert_layout" ? [] : [i]));
  return { lowering, runner, own, times: 1, ms: Number.POSITIVE_INFINITY };
}

/** Where outputs are further apart than `relative` of themselves and the mean, in words; undefined if nowhere. */
export function disagreement(got: Outputs, want: Outputs, relative: number): string | undefined {
  for (const [name, expected] of Object.entries(want)) {
    const values = got[name]!;
    let sum = 0;
    for (const value of expected) sum += Math.abs(value);
    const mean = sum / Math.max(1, expected.length);
    for (let i = 0; i < expected.length; i++) {
      const [a, b] = [values[i]!, expected[i]!];
      if (Object.is(a, b) || Math.abs(a - b) <= relative * (Math.abs(b) + mean)) continue;
      return `${name}[${i}] is ${a}, the plain kernel gives ${b}`;
    }
  }
  return undefined;
}

async function takeTurns(contenders: readonly Contender[]): Promise<void> {
  for (const contender of contenders) {
    const once = await contender.runner.run(1, contender.own);
    contender.times = Math.max(1, Math.ceil(SAMPLE_MS / Math.max(once, 0.05)));
  }
  for (let round = 0; round < ROUNDS; round++) {
    const best = Math.min(...contenders.map(({ ms }) => ms));
    for (const contender of contenders) {
      if (contender.ms > HOPELESS * best) continue;
      const ms = (await contender.runner.run(contender.times, contender.own)) / contender.times;
      contender.ms = Math.min(contender.ms, ms);
    }
  }
}
