import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import type { Value } from "../graph/value.ts";
import { add } from "../ops/add.ts";
import { concat } from "../ops/concat.ts";
import { type AnyModule, type Module, makeModule } from "./module.ts";

type Layers = Readonly<Record<string, Module>>;

function named(layers: readonly [Layers] | readonly Module[]): Layers {
  const [first] = layers;
  if (layers.length === 1 && first && typeof first === "object") return first as Layers;
  return Object.fromEntries((layers as readonly Module[]).map((layer, index) => [`${index}`, layer]));
}

/**
 * Layers one after another: `sequential(a, b)` names them 0, 1; `sequential({ stem, head })` as given.
 * Errors  OptionError if there is none
 */
export function sequential(...layers: readonly [Layers] | readonly Module[]): Module {
  const parts = named(layers);
  if (Object.keys(parts).length === 0) {
    throw new OptionError({ op: "sequential", problem: "no layers", expected: "at least one", got: "none" });
  }
  return makeModule({
    kind: "sequential",
    parts,
    forward: (x: Value) => Object.values(parts).reduce((value, layer) => layer(value), x),
  });
}

/**
 * y = body(x) + shortcut(x). The layers given are the body ("body"); an object may name a shortcut too.
 * Shapes  body and shortcut must agree; the shortcut is the identity where absent
 */
export function residual(
  ...layers: readonly Module[] | readonly [{ body: Module; shortcut?: Module }]
): Module {
  const [first] = layers;
  const given =
    first && typeof first === "object" ? (first as { body: Module; shortcut?: Module }) : undefined;
  if (given) knownOptions("nn.residual", given, { body: true, shortcut: true });
  const body = given?.body ?? sequential(...(layers as readonly Module[]));
  const shortcut = given?.shortcut;
  const parts: Record<string, AnyModule> = { body, ...(shortcut && { shortcut }) };
  return makeModule({
    kind: "residual",
    parts,
    forward: (x: Value) => add(body(x), shortcut ? shortcut(x) : x),
  });
}

/** How parallel branches come together. */
export interface ParallelOptions {
  /** "concat" along `axis` (default, axis 1), or "add". */
  readonly join?: "concat" | "add";
  readonly axis?: number;
}

/** Branches of one input, concatenated along the channels or added. */
export function parallel(branches: Layers, options: ParallelOptions = {}): Module {
  knownOptions("nn.parallel", options, { join: true, axis: true });
  const { join = "concat", axis = 1 } = options;
  if (join !== "concat" && join !== "add") {
    throw new OptionError({
      op: "nn.parallel",
      problem: "join",
      expected: '"concat" or "add"',
      got: `${join}`,
    });
  }
  return makeModule({
    kind: "parallel",
    parts: branches,
    attrs: { join, axis },
    forward: (x: Value) => {
      const outputs = Object.values(branches).map((branch) => branch(x));
      return join === "add" ? outputs.reduce((a, b) => add(a, b)) : concat(outputs, { axis });
    },
  });
}
