import adamWgsl from "../../shaders/adam.wgsl?raw";
import { defineOp } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import {
  type UpdateAttrs,
  type UpdateInputs,
  type UpdateOptions,
  updateCall,
  updateLaunch,
} from "./update.ts";

export interface AdamUpdateInputs extends UpdateInputs {
  /** Flat buffer of the running means of gradients. */
  readonly firstMoment: Value;
  /** Flat buffer of the running means of squared gradients. */
  readonly secondMoment: Value;
}

export interface AdamUpdateOptions extends UpdateOptions {
  /** Weight decay shrinks the weights (AdamW) instead of being added to the gradient; default false. */
  readonly decoupled?: boolean;
}

type AdamAttrs = UpdateAttrs & { readonly decoupled: boolean };
type Inputs = "params" | "grads" | "blocks" | "firstMoment" | "secondMoment" | "scale";

const op = defineOp<Inputs, never, AdamAttrs>({
  name: "adam",
  inputs: ["params", "grads", "blocks", "firstMoment", "secondMoment", "scale"],
  outputs: [],
  writes: ["params", "firstMoment", "secondMoment"],
  shape: () => ({}),
  lowerings: [
    {
      name: "adam",
      wgsl: adamWgsl,
      launch: ({ physical, attrs }) => {
        const launch = updateLaunch(physical.params, attrs);
        return { ...launch, const: { ...launch.const, DECOUPLED: attrs.decoupled } };
      },
    },
  ],
  gradient: { none: "an update is no part of the loss" },
});

/**
 * One step of Adam or AdamW over all parameters.
 * g = scale·grad, cut to ±clipValue (+ decay·w);  m = β₁m + (1 − β₁)g;  v = β₂v + (1 − β₂)g²;
 * w −= lr·(m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε), decoupled also lr·decay·w. β₁ is that of this step, as a schedule
 * sets it; numbers of the parameter's group come with the step. Moments start from 0 at the optimizer's first step.
 * Shapes  params, grads and moments: flat buffers of equal size; blocks: one group for every 256 of them; scale []
 * Errors  OptionError for a clipValue that is not above 0
 * Source  Kingma & Ba 2015 (arXiv:1412.6980); Loshchilov & Hutter 2019 (arXiv:1711.05101); torch.optim.Adam, AdamW
 */
export function adamUpdate(
  { firstMoment, secondMoment, ...common }: AdamUpdateInputs,
  options: AdamUpdateOptions = {},
): void {
  const { inputs, attrs } = updateCall("adam", common, options);
  op({ ...inputs, firstMoment, secondMoment }, { ...attrs, decoupled: options.decoupled ?? false });
}
