import countWgsl from "../../shaders/count_labels.wgsl?raw";
import rowsWgsl from "../../shaders/cross_entropy_rows.wgsl?raw";
import wgsl from "../../shaders/cross_entropy_with_gradient.wgsl?raw";
import { linearGrid } from "../core/grid.ts";
import { ceilDiv, numel, type Shape } from "../core/shape.ts";
import { defineOp, type Target } from "../graph/define.ts";
import { filled } from "../graph/leaf.ts";
import { hasWorkgroupTiles } from "../graph/target.ts";
import { div } from "./div.ts";
import { COLUMNS } from "./record.ts";
import { sum } from "./sum.ts";

export interface CrossEntropyWithGradientAttrs {
  readonly reduction: "mean" | "sum";
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  /** True if the sums over the batch are wanted: the gradient of a bias that was added to the logits. */
  readonly sums: boolean;
  /** True if `labels` is a whole column of a data set and `indices` the order of the epoch. */
  readonly gathered: boolean;
  /** Column of the ring of records that the loss goes into, too. */
  readonly column: number | null;
}

/** Logits that one workgroup takes: beyond them, the dispatches that are saved cost less than an idle device. */
const MOST_LOGITS = 4096;

/** True if one workgroup does for logits of a shape. */
export function isSmallBatch(logits: Shape): boolean {
  return logits.length === 2 && numel(logits) <= MOST_LOGITS;
}

/**
 * True if loss and gradient of every row are better computed together: a thread a row fills the adapters that share
 * nothing between threads, and saves them the second exponential.
 */
export function isManyClasses(logits: Shape, target: Target): boolean {
  const [, classes = 1] = logits;
  return logits.length === 2 && classes >= 32 && classes % 4 === 0 && !hasWorkgroupTiles(target);
}

const countLabels = defineOp<"labels", "total", { ignoreIndex: number }>({
  name: "count_labels",
  inputs: ["labels"],
  outputs: ["total"],
  shape: () => ({ total: [] }),
  lowerings: [
    {
      name: "count_labels",
      wgsl: countWgsl,
      launch: ({ shape: { labels }, attrs }) => ({
        grid: [1],
        const: { COUNT: labels[0]!, IGNORED: attrs.ignoreIndex },
      }),
    },
  ],
  gradient: { none: "labels are not trained" },
});

const rows = defineOp<
  "logits" | "labels" | "dy" | "total",
  "dx" | "losses",
  Pick<CrossEntropyWithGradientAttrs, "ignoreIndex" | "labelSmoothing">
>({
  name: "cross_entropy_rows",
  inputs: ["logits", "labels", "dy", "total"],
  outputs: ["dx", "losses"],
  shape: ({ logits, labels }) => ({ dx: logits, losses: labels }),
  lowerings: [
    {
      name: "cross_entropy_rows",
      wgsl: rowsWgsl,
      launch: ({ shape: { logits }, attrs }) => ({
        grid: linearGrid(ceilDiv(logits[0]!, 64)),
        const: {
          COUNT: logits[0]!,
          QUADS: logits[1]! / 4,
          SMOOTHING: attrs.labelSmoothing,
          IGNORED: attrs.ignoreIndex,
        },
      }),
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 11 * numel(shape.logits) }),
});

/** The uniform of per-step numbers, as far as this kernel reads it. */
const STEP = [
  "struct Step { index: u32, seed: u32, micro: u32, accumulate: u32, record_row: u32, batch_start: u32, " +
    "batch_size: u32, optimizer_step: u32, groups: array<vec4<f32>, 30> }",
  "@group(2) @binding(0) var<uniform> step: Step;",
];

/**
 * Softmax cross-entropy of a small batch of class indices, its gradient for a given upstream number, and what the
 * steps around them do: the labels are gathered, the loss is recorded, the gradient is summed over the batch.
 * Appears after differentiation, in place of those ops. `indices` and `records` are there where the attributes say so.
 */
export const crossEntropyWithGradient = defineOp<
  "logits" | "labels" | "dy" | "indices" | "records",
  "dx" | "loss" | "sums",
  CrossEntropyWithGradientAttrs
>({
  name: "cross_entropy_with_gradient",
  inputs: ["logits", "labels", "dy", "indices", "records"],
  outputs: ["dx", "loss", "sums"],
  writes: ["records"],
  shape: ({ logits }) => ({ dx: logits, loss: [], sums: [logits[1]!] }),
  lowerings: [
    {
      name: "rows",
      when: ({ shape: { logits }, attrs: { gathered, column, sums }, target }) =>
        isManyClasses(logits, target) && !isSmallBatch(logits) && !gathered && column === null && !sums,
      parts: ({ logits, labels, dy }, attrs) => {
        const total = attrs.reduction === "mean" ? countLabels({ labels }, attrs).total : filled([], 1);
        const { dx, losses } = rows({ logits, labels, dy, total }, attrs);
        return { dx, loss: div(sum(losses), total), sums: filled([logits.shape[1]!], 0) };
      },
    },
    {
      name: "cross_entropy_with_gradient",
      wgsl,
      layouts: { labels: "any", indices: "any" },
      launch: ({ shape: { logits }, attrs: { gathered, column, ...attrs } }) => ({
        grid: [1],
        const: {
          COUNT: logits[0]!,
          CLASSES: logits[1]!,
          MEAN: attrs.reduction === "mean",
          SUMS: attrs.sums,
          SMOOTHING: attrs.labelSmoothing,
          IGNORED: attrs.ignoreIndex,
        },
        hook: {
          ...(gathered && { label_of: "return labels[indices[step.batch_start + i]];" }),
          ...(column !== null && {
            record_loss: `records[step.record_row * ${COLUMNS}u + ${column}u] = value;`,
          }),
        },
        append: [
          ...(gathered || column !== null ? STEP : []),
          ...(gathered ? ["@group(0) @binding(6) var<storage, read> indices: array<u32>;"] : []),
          ...(column === null ? [] : ["@group(0) @binding(7) var<storage, read_write> records: array<f32>;"]),
        ],
      }),
    },
  ],
  gradient: { none: "it appears after differentiation" },
  cost: ({ shape }) => ({ flops: 11 * numel(shape.logits) }),
});
