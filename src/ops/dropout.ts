import dropoutWgsl from "../../shaders/dropout.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { hashString } from "../core/random.ts";
import { ceilDiv, numel } from "../core/shape.ts";
import { checkFloats, defineOp, type Launch, type LaunchContext } from "../graph/define.ts";
import { currentPath, currentTrace, traceMode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import { numberOption } from "./numbers.ts";

export interface DropoutOptions {
  /** Share of the elements that is dropped, from 0 to 1; default 0.5. */
  readonly p?: number;
}

interface DropoutAttrs {
  readonly p: number;
  /** Stream of this node: the hash of its layer path. Its gradient has the same, so that both draw alike. */
  readonly hash: number;
  /** Whole channels share one random number. */
  readonly channels: boolean;
}

const op = defineOp<"x", "y", DropoutAttrs>({
  name: "dropout",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x }),
  lowerings: [
    { name: "dropout", wgsl: dropoutWgsl, layouts: { x: "any", y: "like x" }, hooks: ["epilogue"], launch },
  ],
  gradient: ({ dy, attrs }) => ({ x: masked(dy, attrs) }),
});

function launch({ physical: { x }, attrs }: LaunchContext<"x" | "y", DropoutAttrs>): Launch {
  const width = (x.dims.at(-1) ?? 1) % 4 === 0 ? 4 : 1;
  const count = x.size / width;
  const items = count >= 16384 ? 4 : 1;
  const { lanes, channels, pixels } = placing(x);
  const step = lanes === 1 ? 1 : pixels;
  const draws = [0, 1, 2, 3].map((lane) => `random_unit(key, (place + ${lane * step}u) / PER_DRAW)`);
  return {
    grid: linearGrid(ceilDiv(count, 64 * items)),
    const: {
      COUNT: count,
      ITEMS: items,
      WIDTH: width,
      LANES: lanes,
      CHANNELS: channels,
      PIXELS: pixels,
      PER_DRAW: attrs.channels ? numel(x.shape.slice(2)) : 1,
      PATH_HASH: attrs.hash,
      P: attrs.p,
      SCALE: attrs.p === 1 ? 0 : 1 / (1 - attrs.p),
    },
    ...(width === 4 && { alias: { Elem: "vec4<f32>" }, hook: { draw: `return Elem(${draws.join(", ")});` } }),
  };
}

/** Memory as [batch, pixels, lanes], logical [batch, channels, pixels]; row-major is one row of pixels. */
function placing(x: Physical): { lanes: number; channels: number; pixels: number } {
  if (x.layout.order === undefined) return { lanes: 1, channels: 1, pixels: x.size };
  return { lanes: x.dims.at(-1)!, channels: x.shape[1]!, pixels: numel(x.shape.slice(2)) };
}

function masked(x: Value, attrs: DropoutAttrs): Value {
  return op({ x }, attrs).y;
}

/** The dropout node, or x itself where nothing is to be dropped. */
export function drop(
  name: "dropout" | "dropout2d",
  x: Value,
  options: DropoutOptions,
  channels: boolean,
): Value {
  checkFloats({ name }, { x });
  const p = numberOption(name, "p", options.p ?? 0.5, 0, 1);
  if (p === 0 || traceMode() === "eval") return x;
  const path = currentPath();
  const { nodes } = currentTrace();
  const earlier = nodes.filter((n) => n.op === op.spec && n.path === path && n.phase === "forward").length;
  // A second dropout at the same place draws from a stream of its own.
  return masked(x, { p, hash: hashString(earlier === 0 ? path : `${path}#${earlier}`), channels });
}

/**
 * In training sets elements to 0 with probability p, divides the others by 1 − p.   y = x · [u >= p] / (1 − p)
 * The random u depends on seed, step, micro-batch, layer path and logical place only, never on the layout.
 * Shapes  x any; y as x. Evaluation and p = 0 give x itself
 * Units   p probability
 * Errors  OptionError for a p outside [0, 1]
 * Source  Srivastava et al. 2014, "Dropout"
 */
export function dropout(x: Value, options: DropoutOptions = {}): Value {
  return drop("dropout", x, options, false);
}
