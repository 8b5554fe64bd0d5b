import type { DType } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { stateValue } from "../graph/leaf.ts";
import { atPath, currentTrace, type Mode, withMode } from "../graph/trace.ts";
import type { Initialiser, State, Value } from "../graph/value.ts";

/** One value, or several by name. */
export type Values = Value | Readonly<Record<string, Value>>;

/** A state that a module declares; the model gives it its full path. */
export interface StateDeclaration {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly role: State["role"];
  readonly init: Initialiser;
}

/** The states of a module inside its forward, as values, by their names. */
export type StateValues = Readonly<Record<string, Value>>;

/**
 * A layer or a whole model: call it on values inside another module's forward or let a Learner do it. A module holds
 * no numbers; a `Model` gives its states paths and the engine gives them memory.
 */
export interface Module<I extends Values = Value, O extends Values = Value> {
  (inputs: I): O;
  /** Type as a summary prints it: "conv2d", "sequential". */
  readonly kind: string;
  /** Modules inside, by name. */
  readonly parts: Readonly<Record<string, AnyModule>>;
  /** States of its own, by PyTorch's names: weight, bias, running_mean, … */
  readonly states: Readonly<Record<string, StateDeclaration>>;
  /** Attributes for the summary: kernel, stride, features. */
  readonly attrs: Readonly<Record<string, unknown>>;
}

// biome-ignore lint/suspicious/noExplicitAny: a module of any inputs and outputs; calls go through its own typed form
export type AnyModule = Module<any, any>;

export interface ModuleInit<I extends Values, O extends Values> {
  readonly kind: string;
  readonly parts?: Readonly<Record<string, AnyModule>>;
  readonly states?: Readonly<Record<string, StateDeclaration>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
  forward(inputs: I, states: StateValues): O;
}

/** What a model tells a module during a capture. */
export interface Binding {
  readonly path: string;
  readonly states: Readonly<Record<string, State>>;
  /** Mode forced on this module (frozen batch norm), if any. */
  readonly mode: Mode | undefined;
}

/** Finds the binding of a module in the model being captured. */
export type Binder = (module: AnyModule) => Binding | undefined;

let binder: Binder | undefined;

/** Runs `body` with modules bound to a model's states and paths. */
export function bound<T>(by: Binder, body: () => T): T {
  const outer = binder;
  binder = by;
  try {
    return body();
  } finally {
    binder = outer;
  }
}

/**
 * Makes a module from its parts, its states and its forward.
 * Errors  GraphError when called outside a model
 */
export function makeModule<I extends Values = Value, O extends Values = Value>(
  init: ModuleInit<I, O>,
): Module<I, O> {
  const module = (inputs: I): O => {
    const binding = binder?.(module as AnyModule);
    if (!binding) {
      throw new GraphError({
        op: init.kind,
        problem: "called outside a model: it has no path and no memory",
        fix: "call it inside the forward of a model it is a part of; list it among `parts`",
      });
    }
    const states = Object.fromEntries(
      Object.entries(binding.states).map(([name, s]) => [name, stateValue(s)]),
    );
    const outputs = atPath(binding.path, () =>
      binding.mode
        ? withMode(binding.mode, () => init.forward(inputs, states))
        : init.forward(inputs, states),
    );
    currentTrace(init.kind).calls.push({ path: binding.path, kind: init.kind, inputs, outputs });
    return outputs;
  };
  // `Function.name` is read-only and unused here; the module's own fields are.
  return Object.assign(module, {
    kind: init.kind,
    parts: init.parts ?? {},
    states: init.states ?? {},
    attrs: init.attrs ?? {},
  });
}

/**
 * A module with a forward of one's own, over any number of inputs and outputs.
 *
 *     nn.module({ a: nn.conv2d(3, 8, { kernel: 3 }), b: nn.relu() }, (parts, x: Value) => parts.b(parts.a(x)))
 */
export function module<
  P extends Readonly<Record<string, AnyModule>>,
  I extends Values = Value,
  O extends Values = Value,
>(parts: P, forward: (parts: P, inputs: I) => O): Module<I, O> {
  return makeModule<I, O>({ kind: "module", parts, forward: (inputs) => forward(parts, inputs) });
}

/** A module that is a plain function of its input. */
export function lambda<I extends Values = Value, O extends Values = Value>(
  forward: (inputs: I) => O,
  kind = "lambda",
  attrs: Readonly<Record<string, unknown>> = {},
): Module<I, O> {
  return makeModule<I, O>({ kind, attrs, forward: (inputs) => forward(inputs) });
}

/** The one value of a module's inputs or outputs. Errors  GraphError if there are several by name */
export function singleValue(values: Values, what: string): Value {
  if (isValue(values)) return values;
  throw new GraphError({
    op: what,
    problem: "several values",
    expected: "one value",
    got: Object.keys(values).join(", "),
    fix: "write the loss as a function that picks the values it needs: (outputs, targets) => ...",
  });
}

/** True for one value, false for a record of them. */
export function isValue(values: Values): values is Value {
  return "source" in values && "dtype" in values && typeof values.dtype === "string";
}
