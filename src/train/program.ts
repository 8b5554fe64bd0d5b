import { compile } from "../compile.ts";
import type { HostArray } from "../core/dtype.ts";
import { PLAIN } from "../core/layout.ts";
import { hashString, streamKey } from "../core/random.ts";
import { checkClasses, type DataSet } from "../data/data-set.ts";
import { contextOf } from "../gpu/context.ts";
import { Engine } from "../gpu/engine.ts";
import type { Graph } from "../graph/graph.ts";
import { producer, type State } from "../graph/value.ts";
import { groupOf, momentBuffers } from "../optim/optimizer.ts";
import type { Choices } from "../passes/choose.ts";
import { BLOCK, StateTable } from "../plan/state-table.ts";
import type { StepPlan } from "../plan/step-plan.ts";
import type { StorageForm } from "../wgsl/storage.ts";
import { DATA, drawGraph } from "./batch.ts";
import {
  evaluateGraph,
  examplesGraph,
  microGraph,
  predictGraph,
  type Recipe,
  stepGraph,
  updateGraph,
  type WantedProbes,
} from "./graphs.ts";
import { requestsKey } from "./probe-set.ts";
import type { PlannedProbe, ProbeRequest } from "./probes.ts";
import { changesKey, type StepChange } from "./step-changes.ts";

/** Marks a block of parameters that the update leaves alone. */
const FROZEN = 0xffffffff;

/** One way of computing a program: a choice vector, and the number that tells its plans from those of another. */
export interface Variant {
  readonly version: number;
  readonly choices: Choices;
}

/** A model's plans and memory on a device: compiles what is asked for, once per batch size and set of frozen layers. */
export class Program {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly #seed: number;
  readonly #moments: readonly string[];
  readonly #planned = new Map<string, ReadonlyMap<string, PlannedProbe>>();
  #blocksKey: string | undefined;
  #initialised = false;
  #versions = 0;
  #variant: Variant = { version: 0, choices: {} };

  constructor(device: GPUDevice, recipe: Recipe, seed: number) {
    this.recipe = recipe;
    this.#seed = seed;
    this.#moments = [...momentBuffers(recipe.optimizer), ...(recipe.accumulate > 1 ? ["accumulated"] : [])];
    this.engine = new Engine(contextOf(device), new StateTable(), this.#moments);
  }

  /** What callbacks add to the training step, from the next plan on. */
  changes: readonly StepChange[] = [];

  /** Form in memory of activations and their gradients, of the plans made from now on; absent: f32. */
  storage: StorageForm | undefined;

  /** The variant in use. */
  get variant(): Variant {
    return this.#variant;
  }

  /** A new variant, whose plans can be made ready beside the ones in use. */
  newVariant(choices: Choices): Variant {
    return { version: ++this.#versions, choices };
  }

  /** Goes over to a variant; what only the others needed is freed. */
  adopt(variant: Variant): void {
    this.#variant = variant;
    this.engine.keepOnly((key) => key.endsWith(ending(variant)));
  }

  /** The graph of the training step (or micro-step). */
  stepGraph(data: DataSet, batch: number, wanted?: WantedProbes): Graph {
    const recipe = { ...this.recipe, changes: this.changes };
    return (recipe.accumulate > 1 ? microGraph : stepGraph)(recipe, data, batch, wanted);
  }

  /** Key of the training step (or micro-step) of a data set for a batch size, with the statistics of some requests. */
  async step(
    split: string,
    data: DataSet,
    batch: number,
    variant = this.#variant,
    requests: readonly ProbeRequest[] = [],
  ): Promise<string> {
    const kind = this.recipe.accumulate > 1 ? "micro" : "step";
    const name = `${kind} ${split} ${batch} ${this.#stepKey()}${probeKey(requests)}`;
    const build = () => this.stepGraph(data, batch, this.#wanted(name, variant, requests));
    const key = await this.#ensure(name, variant, build, split, data);
    this.#writeBlocks();
    return key;
  }

  /** Key of the update alone, for accumulated gradients. */
  async update(variant = this.#variant): Promise<string> {
    const build = () => updateGraph({ ...this.recipe, changes: this.changes });
    return this.#ensure(`update ${this.#stepKey()}`, variant, build);
  }

  /** What a training step depends on beside its data: frozen layers, and what callbacks add. */
  #stepKey(): string {
    return `${this.recipe.model.frozenKey()}${changesKey(this.changes)}`;
  }

  async evaluate(
    split: string,
    data: DataSet,
    batch: number,
    variant = this.#variant,
    requests: readonly ProbeRequest[] = [],
  ): Promise<string> {
    const name = `evaluate ${split} ${batch}${probeKey(requests)}`;
    const build = () => evaluateGraph(this.recipe, data, batch, this.#wanted(name, variant, requests));
    return this.#ensure(name, variant, build, split, data);
  }

  /** Key of the plan that gives a batch's outputs, and on request the loss of every example. */
  async examples(split: string, data: DataSet, batch: number, withLoss: boolean): Promise<string> {
    const name = `examples ${split} ${batch}${withLoss ? " with losses" : ""}`;
    const build = () => examplesGraph(this.recipe, data, batch, withLoss);
    return this.#ensure(name, this.#variant, build, split, data);
  }

  /** Where a loaded plan's statistics are, by output name. */
  planned(key: string): ReadonlyMap<string, PlannedProbe> {
    return this.#planned.get(key) ?? new Map();
  }

  #wanted(name: string, variant: Variant, requests: readonly ProbeRequest[]): WantedProbes | undefined {
    if (requests.length === 0) return undefined;
    const planned = new Map<string, PlannedProbe>();
    this.#planned.set(`${name}${ending(variant)}`, planned);
    return { requests, planned };
  }

  /** Makes ready to draw a split's examples; nothing where they are stored. */
  async prepareDrawing(split: string, data: DataSet, variant = this.#variant): Promise<void> {
    if (!data.generator) return;
    const build = () => drawGraph(data, Math.min(data.count, data.generator!.chunk));
    await this.#ensure(`draw ${split}`, variant, build, split, data);
  }

  /** Sends the drawing of a split's examples, in one submit for each chunk. */
  draw(split: string, { generator, count }: DataSet, epoch: number): void {
    if (!generator) return;
    const { chunk, seed } = generator;
    for (let start = 0; start < count; start += chunk) {
      const batchSize = Math.min(chunk, count - start);
      this.engine.run(`draw ${split}${ending(this.#variant)}`, {
        ...{ step: epoch, seed, batchStart: start, batchSize },
      });
    }
  }

  async predict(data: Pick<DataSet, "inputs">, batch: number): Promise<string> {
    return this.#ensure(`predict ${batch}`, this.#variant, () => predictGraph(this.recipe, data, batch));
  }

  /** The plan of a graph without loading it, for printing. */
  compile(graph: Graph, choices = this.#variant.choices): StepPlan {
    const { context, states } = this.engine;
    const { storage } = this;
    return compile(graph, { target: context.target, states, choices, ...(storage && { storage }) });
  }

  async #ensure(
    name: string,
    variant: Variant,
    build: () => Graph,
    split = "",
    data?: DataSet,
  ): Promise<string> {
    const key = `${name}${ending(variant)}`;
    if (this.engine.has(key)) return key;
    const graph = build();
    if (data) checkLabels(graph, data);
    const plan = this.compile(graph, variant.choices);
    // States that this plan does not touch still need a place before the buffers are made.
    if (!this.#initialised) for (const state of this.states()) this.engine.states.place(state, PLAIN);
    await this.engine.load(key, plan, (name) => name.replace(new RegExp(`^${DATA}\\.`), `${split}.`));
    this.#initialise();
    return key;
  }

  #initialise(): void {
    if (this.#initialised) return;
    this.#initialised = true;
    this.engine.writeStates(this.initialValues());
    this.#writeBlocks();
  }

  /** Initial value of every state: drawn in logical order from (seed, name), so that layout never changes a result. */
  initialValues(): Map<State, HostArray> {
    return new Map(
      this.states().map((state) => [
        state,
        state.init(state.shape, streamKey(this.#seed, hashString(state.name))),
      ]),
    );
  }

  /** States of the model, and of the program's own. */
  states(): readonly State[] {
    const { model, lossScale } = this.recipe;
    return lossScale ? [...model.states(), lossScale.state] : model.states();
  }

  /** Writes which group every block of parameters belongs to, when freezing has changed it. */
  #writeBlocks(): void {
    const { model, optimizer } = this.recipe;
    const key = model.frozenKey();
    if (key === this.#blocksKey || !this.#initialised) return;
    const trainable = new Set(model.trainable());
    const blocks = new Uint32Array(this.engine.states.flatSize("blocks")).fill(FROZEN);
    for (const { state, buffer, offset, physical } of this.engine.states.segments()) {
      if (buffer !== "params" || !trainable.has(state)) continue;
      const first = offset / BLOCK;
      blocks.fill(groupOf(optimizer, state), first, first + Math.ceil(physical.size / BLOCK));
    }
    this.engine.writeBlocks(blocks);
    if (this.#blocksKey !== undefined) this.engine.clear(["grads"]);
    this.#blocksKey = key;
  }
}

/** What the keys of a variant's plans end with. */
function ending({ version }: Variant): string {
  return ` v${version}`;
}

function probeKey(requests: readonly ProbeRequest[]): string {
  return requests.length === 0 ? "" : ` probes ${requestsKey(requests)}`;
}

/** Refuses labels that the loss cannot take, before any of them reaches the device. */
function checkLabels(graph: Graph, data: DataSet): void {
  for (const node of graph.nodes) {
    const { labels } = node.inputs;
    const scores = node.inputs[node.op.inputs[0]!];
    const loss = node.phase === "forward" && /^(cross_entropy|nll)/.test(node.op.name);
    if (!loss || labels?.dtype !== "i32" || !scores) continue;
    const gathered = producer(labels);
    const source = gathered?.op.name === "gather" ? gathered.inputs.source?.source : undefined;
    const name = source?.kind === "input" ? source.name.slice(DATA.length + 1) : undefined;
    const column = name === undefined ? undefined : data.targets[name];
    if (!column) continue;
    const { ignoreIndex } = node.attrs as { ignoreIndex?: number };
    checkClasses(name!, column, scores.shape[1]!, ignoreIndex);
  }
}
