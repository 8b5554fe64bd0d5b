import gatherAugmentedWgsl from "../../shaders/gather_augmented.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { floatLiteral } from "../core/literal.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import type { GatherAttrs } from "./gather.ts";

interface Attrs extends GatherAttrs {
  readonly fill: number;
}

const op = defineOp<"source" | "indices" | "params", "y", Attrs>({
  name: "gather_augmented",
  inputs: ["source", "indices", "params"],
  outputs: ["y"],
  shape: (_, { batch, example }) => ({ y: [batch, ...example] }),
  lowerings: [
    {
      name: "gather_augmented",
      wgsl: gatherAugmentedWgsl,
      launch: ({ attrs }) => {
        const [channels = 1, height = 1, width = 1] = attrs.example;
        const count = attrs.batch * height * width;
        return {
          grid: linearGrid(ceilDiv(count, 64)),
          const: { COUNT: count, CHANNELS: channels, HEIGHT: height, WIDTH: width, FILL: attrs.fill },
          hook: {
            normalise: normaliseBody(attrs, channels),
            ...(attrs.storage === "f32" && { element: "return bitcast<f32>(source[i]);" }),
          },
        };
      },
    },
  ],
  gradient: { none: "data sets are not trained" },
});

/** Body of `normalise`: a line for each channel. */
function normaliseBody({ mean, std }: GatherAttrs, channels: number): string {
  const line = (c: number) => {
    const [m, s] = [mean[c] ?? mean[0] ?? 0, std[c] ?? std[0] ?? 1];
    return m === 0 && s === 1 ? "return v;" : `return (v - ${floatLiteral(m)}) / ${floatLiteral(s)};`;
  };
  const lines = Array.from({ length: channels }, (_, c) => line(c));
  if (lines.every((text) => text === lines[0])) return lines[0]!;
  return lines.map((text, c) => (c < channels - 1 ? `if (c == ${c}u) { ${text} }` : text)).join(" ");
}

/**
 * A batch of images, each changed as its params say.   y = (contrast·(s − 1/2) + 1/2 + brightness − mean) / std, s the
 * source image at the place the pixel comes from, between its four neighbours; 0 in the box that is cut out
 * Shapes  source: words of [count, C, H, W]; indices [count]; params [batch, 3, 4] of `augmentDraw`; y [batch, C, H, W]
 */
export function gatherAugmented(source: Value, indices: Value, params: Value, attrs: Attrs): Value {
  return op({ source, indices, params }, attrs).y;
}
