import accumulateWgsl from "../../shaders/accumulate_gradients.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv } from "../core/shape.ts";
import { defineOp } from "../graph/define.ts";
import { flat } from "../graph/leaf.ts";

const op = defineOp<"grads" | "accumulated", never>({
  name: "accumulate_gradients",
  inputs: ["grads", "accumulated"],
  outputs: [],
  writes: ["accumulated"],
  shape: () => ({}),
  lowerings: [
    {
      name: "accumulate_gradients",
      wgsl: accumulateWgsl,
      launch: ({ physical: { grads } }) => ({
        grid: linearGrid(ceilDiv(grads.size / 4, 64)),
        const: { COUNT: grads.size / 4 },
      }),
    },
  ],
  gradient: { none: "an update is no part of the loss" },
});

/**
 * Adds the gradients of a micro-batch to the flat buffer "optimizer.accumulated", or sets it in the first micro-batch of
 * a step. The update of such a program takes its gradients from there.
 */
export function accumulateGradients(): void {
  op({ grads: flat("grads"), accumulated: flat("optimizer.accumulated") }, {});
}
