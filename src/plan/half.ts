import { CHANNELS_LAST } from "../core/layout.ts";
import type { Value } from "../graph/value.ts";
import { bytesOf, changeStorage, enableStorage, type StorageForm } from "../wgsl/storage.ts";
import type { Lowered, LoweredDispatch } from "./lower.ts";
import { rootOf } from "./memory.ts";

/**
 * Keeps activations and their gradients in another form in memory: images of channels-last layout that dispatches make
 * for each other, where every one that touches them can be rewritten. What kernels compute with, parameters and their
 * gradients, statistics and all that is read back stay f32.
 */
export function storeImages(lowered: Lowered, form: StorageForm): Lowered {
  const images = imagesOf(lowered);
  for (const { code, bindings } of lowered.dispatches) {
    for (const { name, value } of bindings) {
      const root = value !== "step" && rootOf(value, lowered.aliases);
      if (root && images.has(root) && changeStorage(code, name, form) === undefined) images.delete(root);
    }
  }
  return {
    ...lowered,
    dispatches: lowered.dispatches.map((dispatch) => rewritten(dispatch, lowered, images, form)),
    elementBytes: new Map([...images].map((value) => [value, bytesOf(form)])),
  };
}

function rewritten(
  dispatch: LoweredDispatch,
  { aliases }: Lowered,
  images: ReadonlySet<Value>,
  form: StorageForm,
): LoweredDispatch {
  const names = dispatch.bindings
    .filter(({ value }) => value !== "step" && images.has(rootOf(value, aliases)))
    .map(({ name }) => name);
  if (names.length === 0) return dispatch;
  const code = names.reduce((text, name) => changeStorage(text, name, form)!, dispatch.code);
  const detail = [dispatch.detail, `${form}=${names.join(",")}`].filter(Boolean).join(" ");
  return { ...dispatch, code: enableStorage(code, form), detail };
}

/** Values that may be kept in another form. One number a channel is what statistics are, and too small to matter. */
function imagesOf({ dispatches, physical, aliases, outputs, gradients }: Lowered): Set<Value> {
  const read = new Set([...Object.values(outputs), ...gradients.values()].map((v) => rootOf(v, aliases)));
  const images = new Set<Value>();
  for (const { node } of dispatches) {
    if (node.phase === "update") continue;
    for (const value of Object.values(node.outputs)) {
      const { layout, shape } = physical.get(value)!;
      const isImage = layout === CHANNELS_LAST && value.dtype === "f32" && shape[2]! * shape[3]! > 1;
      if (isImage && !read.has(value)) images.add(value);
    }
  }
  return images;
}
