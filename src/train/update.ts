import { flat } from "../graph/leaf.ts";
import type { FlatBuffer } from "../graph/value.ts";
import { adamUpdate, clipScale, gradientNorm, sgdUpdate } from "../ops/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";

/** Appends the update of all parameters from the gradients in a flat buffer: one dispatch, and the norm where it clips. */
export function appendUpdate(optimizer: Optimizer, from: FlatBuffer): void {
  const grads = flat(from);
  const blocks = flat("blocks");
  const { clipNorm, clipValue } = optimizer;
  const common = {
    params: flat("params"),
    grads,
    blocks,
    ...(clipNorm !== undefined && { scale: clipScale(gradientNorm({ grads, blocks }), clipNorm) }),
  };
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
