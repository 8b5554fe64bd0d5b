import { EngineError, GraphError } from "../core/errors.ts";
import type { Graph, Node, Phase } from "./graph.ts";
import type { GraphProbe } from "./probe.ts";
import type { State, Value } from "./value.ts";

/** Training uses batch statistics and dropout, evaluation does not. */
export type Mode = "train" | "eval";

/** One call of a layer during a capture, with the values that went in and came out. */
export interface LayerCall {
  readonly path: string;
  readonly kind: string;
  readonly inputs: Value | Readonly<Record<string, Value>>;
  readonly outputs: Value | Readonly<Record<string, Value>>;
}

/** A capture under way: the nodes made so far, and the scope that names the next one. */
export interface Trace {
  mode: Mode;
  readonly nodes: Node[];
  /** Layers called so far, inner ones before those they are part of. */
  readonly calls: LayerCall[];
  readonly scopes: string[];
  phase: Phase;
}

let current: Trace | undefined;

/** The capture under way. Errors  GraphError outside of one. */
export function currentTrace(op = "op"): Trace {
  if (!current) {
    throw new GraphError({
      op,
      problem: "called outside a trace: values are symbolic and need a graph to go into",
      fix: "call it inside a module's forward, a loss or metric function, or evaluate(device, fn, inputs)",
    });
  }
  return current;
}

/** Mode of the capture under way. */
export function traceMode(): Mode {
  return currentTrace("traceMode").mode;
}

/** Layer path of the next node. */
export function currentPath(): string {
  return current?.scopes.join(".") ?? "";
}

/** Runs `body` with `name` appended to the layer path. */
export function scope<T>(name: string, body: () => T): T {
  const { scopes } = currentTrace("scope");
  if (name) scopes.push(name);
  try {
    return locating(body);
  } finally {
    if (name) scopes.pop();
  }
}

/** Runs `body`; an error of the engine that does not say where it arose gets the layer path. */
function locating<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof EngineError ? error.located(currentPath()) : error;
  }
}

/** Runs `body` with the layer path replaced. */
export function atPath<T>(path: string, body: () => T): T {
  return onBehalf(path, currentTrace("atPath").phase, body);
}

/** Runs `body` with the layer path replaced and the phase set, for nodes made on behalf of an earlier node. */
export function onBehalf<T>(path: string, phase: Phase, body: () => T): T {
  const trace = currentTrace("onBehalf");
  const saved = { scopes: trace.scopes.splice(0), phase: trace.phase };
  if (path) trace.scopes.push(path);
  trace.phase = phase;
  try {
    return locating(body);
  } finally {
    trace.scopes.splice(0, trace.scopes.length, ...saved.scopes);
    trace.phase = saved.phase;
  }
}

/** Runs `body` in evaluation or training mode whatever the capture's own (frozen batch norm). */
export function withMode<T>(mode: Mode, body: () => T): T {
  const trace = currentTrace("withMode");
  const outer = trace.mode;
  trace.mode = mode;
  try {
    return body();
  } finally {
    trace.mode = outer;
  }
}

/** What a capture returns: named outputs, and the gradients to be stored by parameter. */
export interface Captured {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly gradients?: ReadonlyMap<State, Value>;
  readonly probes?: readonly GraphProbe[];
}

/**
 * Runs `body` once on symbolic values and returns the graph of what it did. Ops append their nodes in the order of
 * their calls, which is therefore a topological order. Captures nest; the inner one is a graph of its own.
 */
export function trace(mode: Mode, body: () => Captured): Graph {
  const outer = current;
  const own: Trace = { mode, nodes: [], calls: [], scopes: [], phase: "forward" };
  current = own;
  try {
    const { outputs, gradients, probes } = body();
    return { nodes: own.nodes, outputs, gradients: gradients ?? new Map(), ...(probes && { probes }) };
  } finally {
    current = outer;
  }
}
