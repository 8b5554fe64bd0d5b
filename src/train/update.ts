import { flat, stateValue } from "../graph/leaf.ts";
import type { FlatBuffer, Value } from "../graph/value.ts";
import { adamUpdate, clipScale, gradientNorm, sgdUpdate, stepScale, updateLossScale } from "../ops/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { LossScale } from "./loss-scale.ts";

interface UpdateRecipe {
  readonly optimizer: Optimizer;
  readonly lossScale?: LossScale | undefined;
}

/** What gradients are multiplied by: clipping by norm, the loss scale, or both. */
function scaleOf({ optimizer: { clipNorm }, lossScale }: UpdateRecipe, grads: Value, blocks: Value) {
  if (!lossScale) {
    return clipNorm === undefined ? {} : { scale: clipScale(gradientNorm({ grads, blocks }), clipNorm) };
  }
  const scaler = stateValue(lossScale.state);
  const { multiplier, skipped } = updateLossScale({ grads, blocks, scaler }, lossScale.attrs);
  if (clipNorm === undefined) return { scale: multiplier, skipped };
  const norm = gradientNorm({ grads, blocks, multiplier });
  return { scale: stepScale(clipScale(norm, clipNorm), multiplier), skipped };
}

/** Appends the update of all parameters from the gradients in a flat buffer: one dispatch, and the norm where it clips. */
export function appendUpdate(recipe: UpdateRecipe, from: FlatBuffer): void {
  const { optimizer } = recipe;
  const grads = flat(from);
  const blocks = flat("blocks");
  const { clipValue } = optimizer;
  const common = { params: flat("params"), grads, blocks, ...scaleOf(recipe, grads, blocks) };
  const options = { clipValue: clipValue ?? null };
  if (optimizer.kind === "sgd") {
    const { nesterov, velocity } = optimizer;
    sgdUpdate(
      { ...common, ...(velocity && { velocity: flat("optimizer.velocity") }) },
      { ...options, nesterov },
    );
    return;
  }
  adamUpdate(
    { ...common, firstMoment: flat("optimizer.firstMoment"), secondMoment: flat("optimizer.secondMoment") },
    { ...options, decoupled: optimizer.kind === "adamw" },
  );
}
