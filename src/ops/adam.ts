import adamWgsl from "../../shaders/adam.wgsl?raw";
import { defineOp, type Launch } from "../graph/define.ts";
import type { Value } from "../graph/value.ts";
import {
  skippedHook,
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
type Inputs = "params" | "grads" | "blocks" | "firstMoment" | "secondMoment" | "scale" | "skipped";

const op = defineOp<Inputs, never, AdamAttrs>({
  name: "adam",
  inputs: ["params", "grads", "blocks", "firstMoment", "secondMoment", "scale", "skipped"],
  outputs: [],
  writes: ["params", "firstMoment", "secondMoment"],
  shape: () => ({}),
  lowerings: [
    {
      name: "adam",
      wgsl: adamWgsl,
      launch: ({ physical, attrs, shape }) => {
        const launch = updateLaunch(physical.params, attrs);
        return {
          ...launch,
          ...skipping(shape.skipped !== undefined),
          const: { ...launch.const, DECOUPLED: attrs.decoupled },
        };
      },
    },
  ],
  gradient: { none: "an update is no part of the loss" },
});

/**
 * 1 − bᵗ from q = 1 − b by doubling: with d(n) = 1 − (1 − q)ⁿ, d(2n) = d(2 − d) and d(n + 1) = d + q(1 − d), where only
 * positive numbers are added. The host's own numbers count skipped steps too.
 */
const CORRECTION = `fn correction(q: f32, t: u32) -> f32 {
  var d = 0.0;
  for (var bit = 32u - countLeadingZeros(t); bit > 0u; bit--) {
    d = d * (2.0 - d);
    if (((t >> (bit - 1u)) & 1u) == 1u) { d = d + q * (1.0 - d); }
  }
  return d;
}`;

function skipping(hasSkipped: boolean): Pick<Launch, "hook" | "append"> {
  const { hook, append } = skippedHook(6, hasSkipped);
  if (!hook || !append) return {};
  const q = "step.groups[2u * group].z, step.groups[2u * group + 1u].y".split(", ");
  const [first, second] = q.map((one) => `correction(${one}, steps_taken() + 1u)`);
  return {
    hook: { ...hook, corrections: `return vec2<f32>(${first}, ${second});` },
    append: [...append, CORRECTION],
  };
}

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
  op({ ...inputs, firstMoment, secondMoment } as Record<Inputs, Value>, {
    ...attrs,
    decoupled: options.decoupled ?? false,
  });
}
