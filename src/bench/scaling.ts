import type { DeviceContext } from "../gpu/context.ts";
import { OurStep } from "./our-step.ts";
import { type TurnOptions, takeTurns } from "./turns.ts";
import type { StepSize } from "./workload.ts";

/** Time and work of one size of a step. */
export interface ScalingResult {
  readonly label: string;
  readonly flops: number;
  readonly bytes: number;
  readonly samples: readonly number[];
}

const INPUT = [1, 28, 28] as const;

/** Sizes of the mnist-cnn by batch, and by width at batch 64. */
export const SCALING: Readonly<
  Record<"batch" | "width", readonly (StepSize & { readonly label: string })[]>
> = {
  batch: [16, 32, 64, 128, 256, 512].map((batch) => ({
    label: `batch ${batch}`,
    model: "cnn",
    batch,
    input: INPUT,
  })),
  width: [1, 2, 3, 4].map((scale) => ({
    label: `width x${scale}`,
    model: "cnn",
    batch: 64,
    input: INPUT,
    scale,
  })),
};

/** Measures one size. */
export async function measureScaling(
  context: DeviceContext,
  { label, ...size }: StepSize & { readonly label: string },
  options: TurnOptions,
): Promise<ScalingResult> {
  const step = new OurStep(context, size);
  await step.first();
  const [samples] = await takeTurns([{ contender: step }], options);
  const { dispatches } = step.plan;
  const sum = (pick: (one: (typeof dispatches)[number]) => number) =>
    dispatches.reduce((total, one) => total + pick(one), 0);
  const result = {
    label,
    flops: sum(({ flops }) => flops),
    bytes: sum(({ bytes }) => bytes),
    samples: samples!,
  };
  step.dispose();
  return result;
}
