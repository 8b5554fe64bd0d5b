import { GraphError } from "../core/errors.ts";
import { CHANNELS_LAST, isPadded, type Layout, type Physical, PLAIN, physical } from "../core/layout.ts";
import { sameShape } from "../core/shape.ts";
import type { Kernel, LayoutRequest, Target } from "../graph/define.ts";
import { type Graph, makeNode, type Node } from "../graph/graph.ts";
import { programOf } from "../graph/pointwise.ts";
import { type State, scalarConstant, type Value } from "../graph/value.ts";
import { type Choices, chooseLowering, isKernel, shapesOf } from "../passes/choose.ts";
import { CONVERT } from "./convert.ts";
import { COPY } from "./copy.ts";
import { type DispatchText, kernelDispatch, pointwiseDispatch } from "./dispatch.ts";
import { rootOf } from "./memory.ts";
import type { StateTable } from "./state-table.ts";

/** One dispatch before memory is assigned. */
export interface LoweredDispatch extends DispatchText {
  readonly node: Node;
  readonly flops: number;
}

/** A graph with kernels chosen and layouts assigned. */
export interface Lowered {
  readonly dispatches: readonly LoweredDispatch[];
  readonly physical: ReadonlyMap<Value, Physical>;
  /** Values that are another value's memory under a new shape. */
  readonly aliases: ReadonlyMap<Value, Value>;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly gradients: ReadonlyMap<State, Value>;
  /** Bytes of an element of the values, none of them an alias, that are not kept as they are computed with. */
  readonly elementBytes?: ReadonlyMap<Value, number>;
}

export interface LowerOptions {
  readonly target: Target;
  readonly choices: Choices;
  /** Place of each state, shared by all plans of a program; filled in as states are met. */
  readonly states: StateTable;
  /** Fill padding with NaN instead of zeros, for tests. */
  readonly poisonPadding?: boolean;
}

/** Chooses a kernel for every node, assigns layouts, inserts conversions, and writes each dispatch's WGSL. */
export function lower(graph: Graph, options: LowerOptions): Lowered {
  const lowering = new GraphLowering(options);
  // Gradients get their places before the first update reads them.
  const firstUpdate = graph.nodes.findIndex((node) => node.phase === "update");
  const split = firstUpdate < 0 ? graph.nodes.length : firstUpdate;
  for (const node of graph.nodes.slice(0, split)) lowering.add(node);
  const gradients = lowering.storeGradients(graph.gradients);
  for (const node of graph.nodes.slice(split)) lowering.add(node);
  for (const value of Object.values(graph.outputs)) lowering.ensure(value);
  return {
    dispatches: lowering.dispatches,
    physical: lowering.physical,
    aliases: lowering.aliases,
    outputs: graph.outputs,
    gradients,
  };
}

class GraphLowering {
  readonly dispatches: LoweredDispatch[] = [];
  readonly physical = new Map<Value, Physical>();
  readonly aliases = new Map<Value, Value>();
  readonly #options: LowerOptions;
  readonly #padZero = new Set<Value>();
  readonly #converted = new Map<Value, Map<string, Value>>();

  constructor(options: LowerOptions) {
    this.#options = options;
  }

  add(node: Node): void {
    if (node.op.view) this.#view(node);
    else if (programOf(node)) this.#pointwise(node);
    else this.#kernel(node);
  }

  /** Assigns a place to a value that no node made: states and inputs are plain unless a kernel asked first. */
  ensure(value: Value): Physical {
    return this.physical.get(value) ?? this.#place(value, PLAIN);
  }

  #place(value: Value, wanted: Layout): Physical {
    const { source } = value;
    const { states } = this.#options;
    let place: Physical;
    if (source.kind === "state") place = states.place(source.state, wanted).physical;
    else if (source.kind === "flat") place = physical([states.flatSize(source.buffer)], PLAIN);
    else place = physical(value.shape, PLAIN);
    this.physical.set(value, place);
    // Padding of states is written once, as zeros, and kept so by every kernel that writes a gradient.
    if (!isPadded(place) || source.kind === "state") this.#padZero.add(value);
    return place;
  }

  /**
   * The value that lies in each parameter's own segment of the flat gradients: the gradient itself where its kernel may
   * write there, else a copy (it belongs to two parameters, or is read by a kernel that writes a gradient: one buffer
   * cannot be read and written in one dispatch).
   */
  storeGradients(gradients: ReadonlyMap<State, Value>): Map<State, Value> {
    const wanted = [...gradients].map(([state, value]) => {
      const segment = this.#options.states.place(state, PLAIN);
      return { state, value: this.#inLayout(value, segment.physical.layout) };
    });
    const roots = wanted.map(({ value }) => rootOf(value, this.aliases));
    // Two parameters with one gradient: a copy could not read from the buffer it writes, so both are copied.
    const candidates = new Set(
      roots.filter(
        (root) => root.source.kind === "node" && roots.filter((other) => other === root).length === 1,
      ),
    );
    for (const { node } of this.dispatches) {
      if (!Object.values(node.outputs).some((value) => candidates.has(value))) continue;
      for (const value of Object.values(node.inputs)) candidates.delete(rootOf(value, this.aliases));
    }
    return new Map(
      wanted.map(({ state, value }, i) => [
        state,
        candidates.has(roots[i]!) ? roots[i]! : this.#copy(state, value),
      ]),
    );
  }

  #copy(state: State, value: Value): Value {
    const { layout } = this.physical.get(value)!;
    const copy = makeNode({
      op: COPY,
      inputs: { x: value },
      attrs: {},
      types: { y: { shape: value.shape, dtype: value.dtype } },
      path: state.name,
      phase: "backward",
    });
    this.#emitKernel(copy, COPY.lowerings![0] as Kernel, { x: layout, y: layout });
    return copy.outputs.y!;
  }

  #view(node: Node): void {
    const source = this.#inLayout(node.inputs.x!, PLAIN);
    const output = Object.values(node.outputs)[0]!;
    this.physical.set(output, physical(output.shape, PLAIN));
    this.#padZero.add(output);
    this.aliases.set(output, source);
  }

  #pointwise(node: Node): void {
    const output = Object.values(node.outputs)[0]!;
    const program = programOf(node)!;
    const full = Object.values(node.inputs).filter((value) => sameShape(value.shape, output.shape));
    const layout = full.map((value) => this.ensure(value).layout).find((l) => l.order !== undefined) ?? PLAIN;
    const inputs = this.#pointwiseOperands(node, output, layout);
    const out = physical(output.shape, layout);
    this.physical.set(output, out);
    const keepsZero =
      program.calls.every((call) => call.zeroToZero) &&
      Object.values(inputs).every((value) => this.#zeroInPadding(value, output));
    if (!isPadded(out) || keepsZero) this.#padZero.add(output);
    const text = pointwiseDispatch(program, inputs, this.physical, output, out);
    this.#push({ ...node, inputs }, text, program.calls.length * out.size);
  }

  /** Operands of the result's shape in its layout; smaller ones as they are, through their strides. */
  #pointwiseOperands(node: Node, output: Value, layout: Layout): Record<string, Value> {
    return Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => {
        if (scalarConstant(value) !== undefined) return [name, value];
        const inPlace = !sameShape(value.shape, output.shape);
        if (inPlace) this.ensure(value);
        return [name, inPlace ? value : this.#inLayout(value, layout)];
      }),
    );
  }

  #kernel(node: Node): void {
    const lowering = chooseLowering(node, this.#options.target, this.#options.choices);
    if (!isKernel(lowering)) {
      throw new GraphError({
        op: node.op.name,
        problem: "reached lowering without being expanded",
        at: node.path,
      });
    }
    this.#emitKernel(node, lowering, lowering.layouts ?? {});
  }

  #emitKernel(node: Node, kernel: Kernel, requests: Readonly<Partial<Record<string, LayoutRequest>>>): void {
    const inputs: Record<string, Value> = {};
    const extras = new Set([...Object.keys(epilogueOperands(node)), ...prologueOperands(node)]);
    for (const [name, value] of Object.entries(node.inputs)) {
      if (extras.has(name)) continue;
      inputs[name] = this.#requested(value, requests[name] ?? PLAIN, node.op.writes?.includes(name) ?? false);
    }
    const physicals: Record<string, Physical> = {};
    for (const [name, value] of Object.entries(inputs)) physicals[name] = this.ensure(value);
    for (const [name, value] of Object.entries(node.outputs)) {
      const layout = outputLayout(requests[name] ?? PLAIN, inputs, (v) => this.ensure(v).layout);
      physicals[name] = physical(value.shape, layout);
      this.physical.set(value, physicals[name]);
    }
    this.#epilogueInputs(node, inputs);
    this.#prologueInputs(node, kernel, inputs);
    const padZero = Object.fromEntries(
      Object.entries(inputs).map(([name, v]) => [name, this.#padZero.has(v)]),
    );
    const placed = { ...node, inputs };
    const shape = shapesOf(node);
    const launch = kernel.launch({
      shape,
      attrs: node.attrs,
      target: this.#options.target,
      physical: physicals,
      padZero,
    });
    this.#markPadding(placed, kernel, physicals);
    const flops = node.op.cost?.({ shape, attrs: node.attrs }).flops ?? 0;
    this.#push(placed, kernelDispatch(placed, kernel, launch, this.physical), flops);
  }

  #requested(value: Value, request: LayoutRequest, written: boolean): Value {
    if (written || request === "any" || typeof request === "string") {
      this.ensure(value);
      return value;
    }
    return this.#inLayout(value, request);
  }

  /** Operands of an epilogue follow the layout of the value being stored where they have its shape. */
  #epilogueInputs(node: Node, inputs: Record<string, Value>): void {
    if (!node.epilogue) return;
    const stored = node.outputs[node.op.outputs[0]!]!;
    const { layout } = this.physical.get(stored)!;
    for (const name of Object.keys(epilogueOperands(node))) {
      const value = node.inputs[name]!;
      if (scalarConstant(value) === undefined && sameShape(value.shape, stored.shape)) {
        inputs[name] = this.#inLayout(value, layout);
      } else {
        if (scalarConstant(value) === undefined) this.ensure(value);
        inputs[name] = value;
      }
    }
  }

  /** Operands of prologues follow the layout of the input they are read beside. */
  #prologueInputs(node: Node, kernel: Kernel, inputs: Record<string, Value>): void {
    for (const [input, program] of Object.entries(node.prologues ?? {})) {
      const beside = inputs[kernel.prologues![input]!.args.at(-1)!]!;
      const { layout } = this.physical.get(beside)!;
      for (const name of program.operands) {
        if (name in inputs) continue;
        const value = node.inputs[name]!;
        const full = sameShape(value.shape, beside.shape);
        if (scalarConstant(value) === undefined && !full) this.ensure(value);
        inputs[name] = full ? this.#inLayout(value, layout) : value;
      }
    }
  }

  #markPadding(node: Node, kernel: Kernel, physicals: Readonly<Record<string, Physical>>): void {
    for (const [name, value] of Object.entries(node.outputs)) {
      let zero = kernel.padZero?.includes(name) ?? false;
      if (node.epilogue && name === node.op.outputs[0]) {
        const extra = Object.keys(epilogueOperands(node)).map((operand) => node.inputs[operand]!);
        zero &&= node.epilogue.program.calls.every((call) => call.zeroToZero);
        zero &&= extra.every((operand) => this.#zeroInPadding(operand, value));
      }
      if (zero || !isPadded(physicals[name]!)) this.#padZero.add(value);
    }
  }

  /** True if an operand reads as 0 in the padding lanes of a result; one that broadcasts is read past its end there. */
  #zeroInPadding(operand: Value, output: Value): boolean {
    if (scalarConstant(operand) !== undefined) return scalarConstant(operand) === 0;
    return sameShape(operand.shape, output.shape) && this.#padZero.has(operand);
  }

  #inLayout(value: Value, layout: Layout): Value {
    const { source } = value;
    const current = this.physical.get(value) ?? this.#place(value, layout);
    if (current.layout === layout || current.layout.name === layout.name) return value;
    const known = this.#converted.get(value) ?? new Map<string, Value>();
    this.#converted.set(value, known);
    const found = known.get(layout.name);
    if (found) return found;
    const poison = this.#options.poisonPadding && layout === CHANNELS_LAST;
    const node = makeNode({
      op: CONVERT,
      inputs: { x: value },
      attrs: { to: layout, paddingBits: poison ? 0x7fc00000 : 0 },
      types: { y: { shape: value.shape, dtype: value.dtype } },
      path: source.kind === "node" ? source.node.path : source.kind === "state" ? source.state.name : "",
      phase: "forward",
    });
    const converted = node.outputs.y!;
    this.#emitKernel(node, CONVERT.lowerings![0] as Kernel, { x: "any", y: layout });
    if (!poison) this.#padZero.add(converted);
    known.set(layout.name, converted);
    return converted;
  }

  #push(node: Node, text: DispatchText, flops: number): void {
    this.dispatches.push({ node, flops, ...text });
  }
}

/** Inputs of a node that only its epilogue reads. */
export function epilogueOperands(node: Node): Record<string, Value> {
  const names = node.epilogue?.program.operands.slice(1).map((name) => `e${name.slice(1)}`) ?? [];
  return Object.fromEntries(names.map((name) => [name, node.inputs[name]!]));
}

/** Inputs of a node that only its prologues read. */
function prologueOperands(node: Node): string[] {
  const programs = Object.values(node.prologues ?? {});
  return programs.flatMap(({ operands }) => operands).filter((name) => !node.op.inputs.includes(name));
}

function outputLayout(
  request: LayoutRequest,
  inputs: Readonly<Record<string, Value>>,
  layoutOf: (value: Value) => Layout,
): Layout {
  if (typeof request !== "string") return request;
  const source = inputs[request.replace(/^like /, "")];
  return source ? layoutOf(source) : PLAIN;
}
