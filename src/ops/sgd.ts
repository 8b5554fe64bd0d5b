import sgdWgsl from "../../shaders/sgd.wgsl?raw";
import momentumWgsl from "../../shaders/sgd_momentum.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import {
  skippedHook,
  type UpdateAttrs,
  type UpdateInputs,
  type UpdateOptions,
  updateCall,
  updateLaunch,
} from "./update.ts";

export interface SgdUpdateInputs extends UpdateInputs {
  /** Flat buffer of momentum; without it the update has none. */
  readonly velocity?: Value;
}

export interface SgdUpdateOptions extends UpdateOptions {
  /** Take the gradient ahead by one more momentum step; default false. */
  readonly nesterov?: boolean;
}

const gradient = { none: "an update is no part of the loss" };

const plain = defineOp<"params" | "grads" | "blocks" | "scale", never, UpdateAttrs>({
  name: "sgd",
  inputs: ["params", "grads", "blocks", "scale"],
  outputs: [],
  writes: ["params"],
  shape: () => ({}),
  lowerings: [
    { name: "sgd", wgsl: sgdWgsl, launch: ({ physical, attrs }) => updateLaunch(physical.params, attrs) },
  ],
  gradient,
});

type MomentumAttrs = UpdateAttrs & { readonly nesterov: boolean };

type MomentumInputs = "params" | "grads" | "blocks" | "velocity" | "scale" | "skipped";

const withMomentum = defineOp<MomentumInputs, never, MomentumAttrs>({
  name: "sgd_momentum",
  inputs: ["params", "grads", "blocks", "velocity", "scale", "skipped"],
  outputs: [],
  writes: ["params", "velocity"],
  shape: () => ({}),
  lowerings: [
    {
      name: "sgd_momentum",
      wgsl: momentumWgsl,
      launch: ({ physical, attrs, shape }) => {
        const launch = updateLaunch(physical.params, attrs);
        return {
          ...launch,
          ...skippedHook(5, shape.skipped !== undefined),
          const: { ...launch.const, NESTEROV: attrs.nesterov },
        };
      },
    },
  ],
  gradient,
});

/**
 * One step of stochastic gradient descent over all parameters.
 * g = scale·grad, cut to ±clipValue, + decay·w;  v = μ·v + (1 − dampening)·g, in the first step g;  w −= lr·v, or with
 * Nesterov lr·(g + μ·v). Numbers of the parameter's group come with the step.
 * Shapes  params, grads, velocity: flat buffers of equal size; blocks: one group for every 256 of them; scale []
 * Errors  OptionError for a clipValue that is not above 0
 * Source  torch.optim.SGD
 */
export function sgdUpdate({ velocity, ...common }: SgdUpdateInputs, options: SgdUpdateOptions = {}): void {
  const { inputs, attrs } = updateCall("sgd", common, options);
  const { skipped: _skipped, ...bare } = inputs;
  if (!velocity) plain(bare, attrs);
  else {
    const named = { ...inputs, velocity } as Record<MomentumInputs, Value>;
    withMomentum(named, { ...attrs, nesterov: options.nesterov ?? false });
  }
}
