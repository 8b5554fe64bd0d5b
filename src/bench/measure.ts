import { compile } from "../compile.ts";
import type { DeviceContext } from "../gpu/context.ts";
import { forgetPeak, meterBytes, meterCounts } from "../gpu/meter.ts";
import { StateTable } from "../plan/state-table.ts";
import { stepGraph } from "../train/graphs.ts";
import { type Agreement, compareResults } from "./agreement.ts";
import type { BenchCase } from "./cases.ts";
import { handRunners } from "./ceilings.ts";
import type { Contender, Results } from "./contender.ts";
import { singleDispatchChoices } from "./lowerings.ts";
import { OurStep, stepData, stepRecipe } from "./our-step.ts";
import { kernelGraph, OurKernel } from "./ours.ts";
import type { Peer } from "./peers/peer.ts";
import { type Entrant, type TurnOptions, takeTurns } from "./turns.ts";
import { workloadCost } from "./workload.ts";

/** What one contender measured in one case. */
export interface ContenderResult {
  readonly name: string;
  /** Milliseconds of a run, one number a sample; none where the results disagree. */
  readonly samples: readonly number[];
  /** From nothing to the first finished run: building, compiling, running, reading. Units  milliseconds */
  readonly firstMs: number;
  /** In one warm run. */
  readonly dispatches: number;
  readonly submits: number;
  readonly buffers: number;
  /** Most bytes of GPU buffers at one time, data and staging included; null where it failed. */
  readonly bytes: number | null;
  /** Results beside ours; empty for ourselves. */
  readonly agreement: readonly Agreement[];
  /** Why there are no numbers. */
  readonly error?: string;
}

/** One measured case. */
export interface CaseResult {
  readonly name: string;
  readonly group: BenchCase["group"];
  readonly bound: BenchCase["bound"];
  readonly flops: number;
  readonly bytes: number;
  /** Ourselves first. */
  readonly contenders: readonly ContenderResult[];
  /** The hand-written products of a matmul case. */
  readonly handTiled: readonly { readonly name: string; readonly samples: readonly number[] }[];
  /** Dispatches of our plan if every node takes a single one; null where that is the plan's own count anyway. */
  readonly singleDispatches: number | null;
  /** Work memory of our plan and the largest live set. Units  bytes */
  readonly planned: number;
  readonly lowerBound: number;
}

/** What to measure with. */
export interface MeasureOptions extends TurnOptions {
  readonly peers: readonly Peer[];
}

/** A contender made ready, or why not. */
interface Ready extends Entrant {
  readonly result: Omit<ContenderResult, "samples">;
  readonly results: Results;
}

/** First run and second run of a contender; the second, warm, is counted, and compared with ours. */
async function makeReady(contender: Contender, device: GPUDevice, ours?: Results): Promise<Ready> {
  forgetPeak(device);
  const { live } = meterBytes(device);
  const started = performance.now();
  const first = await contender.first();
  const firstMs = performance.now() - started;
  const before = meterCounts();
  const warmMs = await contender.run(1);
  const after = meterCounts();
  const results = { ...first, ...(await contender.latest?.()) };
  const result = {
    name: contender.name,
    firstMs,
    dispatches: after.dispatches - before.dispatches,
    submits: after.submits - before.submits,
    buffers: after.buffers - before.buffers,
    bytes: meterBytes(device).peak - live,
    agreement: ours ? compareResults(ours, results) : [],
  };
  return { contender, warmMs, results, result };
}

function failed(name: string, error: unknown): ContenderResult {
  const message = error instanceof Error ? error.message : String(error);
  const nothing = {
    samples: [],
    firstMs: Number.NaN,
    dispatches: 0,
    submits: 0,
    buffers: 0,
    bytes: null,
    agreement: [],
  };
  return { name, ...nothing, error: message.split("\n")[0]!.slice(0, 200) };
}

/** Makes a peer ready, or says why it cannot take part: it fails, or its results are others than ours. */
async function enterPeer(peer: Peer, one: BenchCase, ours: Results): Promise<Ready | ContenderResult> {
  let contender: Contender | undefined;
  try {
    contender = peer.contender(one.workload);
    const ready = await makeReady(contender, peer.device, ours);
    await peer.check();
    if (ready.result.agreement.every(({ agrees }) => agrees)) return ready;
    contender.dispose();
    return { ...ready.result, samples: [] };
  } catch (error) {
    return failed(peer.name, error);
  }
}

function isReady(entered: Ready | ContenderResult): entered is Ready {
  return "contender" in entered;
}

/** Dispatches of the workload's plan with single-dispatch lowerings. */
function singleDispatches(context: DeviceContext, { workload }: BenchCase): number | null {
  const { target } = context;
  if (workload.kind === "optimizer") return null;
  const graph =
    workload.kind === "step"
      ? stepGraph(stepRecipe(workload), stepData(workload), workload.batch)
      : kernelGraph(workload).graph;
  const choices = singleDispatchChoices(graph, target);
  return compile(graph, { target, states: new StateTable(), choices }).dispatches.length;
}

/** The hand-tiled products of a matmul case, for the ceiling. */
async function handTiled(context: DeviceContext, { workload }: BenchCase, ours: Results): Promise<Entrant[]> {
  if (workload.kind !== "matmul") return [];
  const found = await handRunners(context, workload, ours.y!);
  return found.map(({ kernel, runner }) => ({
    contender: {
      name: `hand-tiled ${kernel}`,
      first: async () => ({}),
      run: (times) => runner.run(times),
      dispose: () => runner.destroy(),
    },
  }));
}

/**
 * Measures one case: our results, then each peer's beside them, then the times in turns. The meter must be installed.
 * Errors  what our own side throws; a peer that fails is reported in its row
 */
export async function measureCase(
  context: DeviceContext,
  one: BenchCase,
  { peers, ...turns }: MeasureOptions,
): Promise<CaseResult> {
  const { workload } = one;
  const ours = workload.kind === "step" ? new OurStep(context, workload) : new OurKernel(context, workload);
  const first = await makeReady(ours, context.device);
  const entered: (Ready | ContenderResult)[] = [first];
  for (const peer of peers) entered.push(await enterPeer(peer, one, first.results));
  const hand = await handTiled(context, one, first.results);
  const racing = [...entered.filter(isReady), ...hand];
  const samples = await takeTurns(racing, turns);
  const { plan } = ours;
  const cost = workloadCost(workload) ?? {
    flops: plan.dispatches.reduce((sum, { flops }) => sum + flops, 0),
    bytes: plan.dispatches.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  for (const { contender } of racing) contender.dispose();
  return {
    name: one.name,
    group: one.group,
    bound: one.bound,
    ...cost,
    contenders: entered.map((entry) =>
      isReady(entry) ? { ...entry.result, samples: samples[racing.indexOf(entry)]! } : entry,
    ),
    handTiled: hand.map((entry) => ({
      name: entry.contender.name,
      samples: samples[racing.indexOf(entry as Ready)]!,
    })),
    singleDispatches: singleDispatches(context, one),
    planned: plan.memory.planned,
    lowerBound: plan.memory.lowerBound,
  };
}
