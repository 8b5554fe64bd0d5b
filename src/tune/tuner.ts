import { contextOf, type DeviceContext } from "../gpu/context.ts";
import { describeAdapter } from "../gpu/request-device.ts";
import type { Graph } from "../graph/graph.ts";
import type { Choices } from "../passes/choose.ts";
import { type CandidateResult, measureNode, winner } from "./measure.ts";
import { type ChoiceStore, defaultStore, type StoredChoice } from "./store.ts";
import { type Tunable, type TunableOptions, tunables } from "./tunable.ts";

export interface TuneOptions extends TunableOptions {
  /** Where results are kept by adapter. Default: the browser's IndexedDB, or memory where there is none. */
  readonly store?: ChoiceStore;
  /** Takes only what the store knows and measures nothing. Default false. */
  readonly onlyKnown?: boolean;
  /** True ends tuning before the next measurement; what was found so far is kept. */
  isCancelled?(): boolean;
  /** Hears of every node measured. */
  onResult?(result: NodeResult): void;
}

/** What was measured for one node. */
export interface NodeResult {
  readonly op: string;
  readonly path: string;
  readonly entry: string;
  readonly chosen: string;
  /** The default first. */
  readonly candidates: readonly CandidateResult[];
}

export interface Tuning {
  readonly choices: Choices;
  /** Nodes measured now; those that the store knew are not among them. */
  readonly measured: readonly NodeResult[];
  /** Nodes whose choice the store knew. */
  readonly remembered: number;
}

/** Bumped when a kernel changes in a way that its text does not show. */
const FAMILY = 1;

/** Two passes: nodes of the graph, then those inside of the parts that were chosen for them. */
const DEPTH = 2;

/**
 * Finds for every node of a graph the lowering that is fastest on a device. Each candidate must first give what the
 * plain kernel gives; the default stays unless another is at least 3 % faster.
 */
export async function tune(device: GPUDevice, graph: Graph, options: TuneOptions = {}): Promise<Tuning> {
  const context = contextOf(device);
  const store = options.store ?? defaultStore();
  const adapter = adapterKey(device, context);
  const known: Record<string, StoredChoice> = { ...(await store.load(adapter).catch(() => ({}))) };
  const fresh: Record<string, StoredChoice> = {};
  const choices: Record<string, string> = {};
  const measured: NodeResult[] = [];
  let remembered = 0;
  for (let level = 0; level < DEPTH; level++) {
    for (const tunable of tunables(graph, context.target, choices, options)) {
      let choice = known[tunable.entry];
      if (choice && tunable.candidates.some(({ name }) => name === choice?.name)) remembered++;
      else {
        if (options.onlyKnown || options.isCancelled?.()) continue;
        const result = await measure(context, tunable);
        measured.push(result);
        choice = storedChoice(result);
        known[tunable.entry] = choice;
        fresh[tunable.entry] = choice;
        options.onResult?.(result);
      }
      choices[tunable.key] = choice.name;
    }
  }
  if (measured.length) await store.save(adapter, fresh).catch(() => {});
  return { choices, measured, remembered };
}

async function measure(context: DeviceContext, tunable: Tunable): Promise<NodeResult> {
  const results = await measureNode(context, tunable);
  const { node, entry } = tunable;
  const chosen = winner(results) ?? tunable.candidates[0]!.name;
  return { op: node.op.name, path: node.path, entry, chosen, candidates: results };
}

function storedChoice({ chosen, candidates }: NodeResult): StoredChoice {
  const ms = (name: string) => candidates.find((one) => one.name === name)?.ms ?? Number.NaN;
  return { name: chosen, defaultMs: ms(candidates[0]!.name), ms: ms(chosen) };
}

/** What results depend on beside the node: the adapter, and what of it kernels use. */
function adapterKey(device: GPUDevice, { target }: DeviceContext): string {
  const { vendor, architecture, description } = describeAdapter(device);
  const subgroups = `${target.subgroupMinSize}-${target.subgroupMaxSize}`;
  return [vendor, architecture, description, subgroups, target.features.join("+"), `family ${FAMILY}`].join(
    "|",
  );
}
