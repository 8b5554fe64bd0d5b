import { OptionError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { Launch } from "../graph/define.ts";
import { filled } from "../graph/leaf.ts";
import type { Value } from "../graph/value.ts";

/** What every optimizer's update takes; all but `scale` are flat buffers. */
export interface UpdateInputs {
  readonly params: Value;
  readonly grads: Value;
  /** Parameter group of every block of 256 parameters, 0xffffffff for frozen ones, which stay as they are. */
  readonly blocks: Value;
  /** One number that multiplies every gradient (clipping, loss scale); below 0 nothing changes. 1 where absent. */
  readonly scale?: Value;
  /** Steps skipped so far, which do not count as taken; absent where none ever is. */
  readonly skipped?: Value;
}

export interface UpdateOptions {
  /** Cuts every gradient element to [−clipValue, clipValue]; default null, no cut. */
  readonly clipValue?: number | null;
}

/** Attributes of the update nodes. */
export interface UpdateAttrs {
  readonly clipValue: number | null;
}

/** The inputs with a scale, and the attributes. Errors  OptionError for a clipValue that is not above 0 */
export function updateCall(
  op: string,
  { params, grads, blocks, scale = filled([], 1), skipped }: UpdateInputs,
  { clipValue = null }: UpdateOptions,
) {
  if (clipValue !== null && !(clipValue > 0)) {
    throw new OptionError({ op, problem: "clipValue", expected: "a number above 0", got: `${clipValue}` });
  }
  // The op has an input less where no step is skipped: nothing is bound in vain.
  const inputs = { params, grads, blocks, scale, ...(skipped && { skipped }) };
  return { inputs, attrs: { clipValue } };
}

/** What a kernel needs where skipped steps do not count: the count, and the hook that takes it off. */
export function skippedHook(binding: number, hasSkipped: boolean): Pick<Launch, "hook" | "append"> {
  if (!hasSkipped) return {};
  return {
    hook: { steps_taken: "return step.optimizer_step - u32(skipped[0]);" },
    append: [`@group(0) @binding(${binding}) var<storage, read> skipped: array<f32>;`],
  };
}

/** Vec4s below which every thread takes one: a device is far from full. */
const FEW = 4096;

/** A thread for every eight vec4s of the flat buffer of parameters: starting a thread costs as much as three loads. */
export function updateLaunch(params: Physical, { clipValue }: UpdateAttrs): Launch {
  const count = params.size / 4;
  // A thread stays within a block of 64, so that the buffer has to consist of whole ones.
  const items = count < FEW || count % 64 ? 1 : 8;
  return {
    grid: linearGrid(ceilDiv(count, 64 * items)),
    const: {
      COUNT: count,
      ITEMS: items,
      CLIPPED: clipValue !== null,
      ...(clipValue !== null && { CLIP: clipValue }),
    },
  };
}
