import copyWgsl from "../../shaders/copy.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import type { OpSpec } from "../graph/define.ts";

/** y = x, element for element in the same layout: where a value must also lie in a place of its own. */
export const COPY: OpSpec = {
  name: "copy",
  inputs: ["x"],
  outputs: ["y"],
  shape: ({ x }) => ({ y: x! }),
  gradient: { none: "copies are made after differentiation" },
  lowerings: [
    {
      name: "copy",
      wgsl: copyWgsl,
      launch: ({ physical }) => ({
        grid: linearGrid(ceilDiv(physical.y!.size, 64)),
        const: { COUNT: physical.y!.size },
      }),
    },
  ],
};
