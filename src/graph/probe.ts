import type { HistogramScale } from "../core/histogram.ts";
import type { Value } from "./value.ts";

/**
 * A value whose statistics a step reports. Passes neither keep it nor count it as a reader, so that the step runs the
 * kernels it would run without; what they fuse away is computed once more, for the probe alone.
 */
export interface GraphProbe {
  /** Name of the output that holds the statistics. */
  readonly name: string;
  readonly value: Value;
  /** The value itself, or (for a state) how much this step's update changes it. */
  readonly of: "value" | "change";
  readonly histogram: HistogramScale;
}
