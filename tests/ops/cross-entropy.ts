import { crossEntropy } from "../../src/ops/index.ts";
import { crossEntropy as reference } from "../reference/loss.ts";
import type { Attrs, InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly logits?: Partial<InputSpec>;
  readonly weighted?: boolean;
  readonly attrs?: Attrs;
}

function lossCase(name: string, shape: readonly number[], target: InputSpec, options: Options): OpCase {
  const weight: InputSpec = {
    shape: [shape[1] as number],
    fill: "uniform",
    low: 0.2,
    high: 2,
    gradient: false,
  };
  return {
    op: "crossEntropy",
    name,
    inputs: {
      logits: { shape, scale: 2, ...options.logits },
      target,
      ...(options.weighted && { weight }),
    },
    attrs: options.attrs ?? {},
    run: (values, attrs) => ({
      loss: crossEntropy(
        values.logits!,
        values.target!,
        values.weight ? { ...attrs, weight: values.weight } : attrs,
      ),
    }),
    reference,
  };
}

/** Class indices, random or as listed. */
function indices(
  name: string,
  shape: readonly number[],
  options: Options & { readonly labels?: readonly number[] } = {},
): OpCase {
  const [batch = 1, classes = 1, ...space] = shape;
  const target: InputSpec = {
    shape: [batch, ...space],
    dtype: "i32",
    ...(options.labels ? { fill: "values", values: options.labels } : { fill: "index", classes }),
  };
  return lossCase(`indices, ${name}`, shape, target, options);
}

/** Probabilities, on purpose not summing to 1 unless listed: the loss is defined all the same. */
function probabilities(
  name: string,
  shape: readonly number[],
  options: Options & { readonly values?: readonly number[] } = {},
): OpCase {
  const target: InputSpec = options.values
    ? { shape, fill: "values", values: options.values }
    : { shape, fill: "uniform" };
  return lossCase(`probabilities, ${name}`, shape, target, options);
}

const someIgnored = [0, -100, 3, 2, -100, 1, 3];
const everything: Attrs = { labelSmoothing: 0.1, ignoreIndex: 2 };

export const cases: OpCase[] = [
  indices("[3,4]", [3, 4]),
  indices("[17,10]", [17, 10]),
  indices("[1,1]", [1, 1]),
  indices("[64,1]", [64, 1]),
  indices("[65,2]", [65, 2]),
  indices("[129,10]", [129, 10], { attrs: { reduction: "sum", labelSmoothing: 0.1 } }),
  indices("[409,10], which one workgroup takes", [409, 10]),
  indices("[410,10], which several take", [410, 10]),
  indices("[4,1000], ignored", [4, 1000], { labels: [999, -100, 0, 500] }),
  indices("1000 classes", [3, 1000]),
  indices("1000 classes, several rows", [6, 1000]),
  indices("1000 classes, several rows, some ignored, sum", [5, 1000], {
    labels: [-100, 999, 4, -100, 0],
    attrs: { reduction: "sum" },
  }),
  indices("1001 classes", [5, 1001]),
  indices("1000 classes, all ignored but one", [5, 1000], { labels: [-100, -100, 7, -100, -100] }),
  indices("1000 classes, none", [5, 1000], { attrs: { reduction: "none" }, labels: [0, 3, 999, -100, 4] }),
  indices("32 classes, smoothing 1", [130, 32], { attrs: { labelSmoothing: 1 } }),
  indices("36 classes, smoothing, one workgroup would do", [111, 36], { attrs: { labelSmoothing: 0.1 } }),
  indices("36 classes, smoothing, several do", [129, 36], { attrs: { labelSmoothing: 0.1 } }),
  indices("201 examples, weights", [201, 5], { weighted: true }),
  indices("sum", [3, 4], { attrs: { reduction: "sum" } }),
  indices("none", [7, 4], { attrs: { reduction: "none" } }),
  indices("large logits", [3, 4], { logits: { scale: 40, shift: 150 } }),
  indices("the label has no chance", [3, 4], {
    logits: { fill: "values", values: [-90, 0, 0, 5, 1, -90, 2, 0, 3, 3, 3, -90] },
    labels: [0, 1, 3],
    attrs: { reduction: "none" },
  }),
  indices("weights", [7, 4], { weighted: true }),
  indices("weights, sum", [7, 4], { weighted: true, attrs: { reduction: "sum" } }),
  indices("weights, none", [7, 4], { weighted: true, attrs: { reduction: "none" } }),
  indices("smoothing", [7, 4], { attrs: { labelSmoothing: 0.1 } }),
  indices("smoothing, 1000 classes", [3, 1000], { attrs: { labelSmoothing: 0.1 } }),
  indices("smoothing 1", [3, 4], { attrs: { labelSmoothing: 1 } }),
  indices("weights and smoothing", [7, 4], { weighted: true, attrs: { labelSmoothing: 0.2 } }),
  indices("weights and smoothing, sum", [7, 4], {
    weighted: true,
    attrs: { labelSmoothing: 0.2, reduction: "sum" },
  }),
  indices("-100 ignored", [7, 4], { labels: someIgnored }),
  indices("-100 ignored, none", [7, 4], { labels: someIgnored, attrs: { reduction: "none" } }),
  indices("all ignored, sum", [3, 4], { labels: [-100, -100, -100], attrs: { reduction: "sum" } }),
  indices("a class ignored", [7, 4], { labels: [1, 0, 3, 2, 0, 1, 0], attrs: { ignoreIndex: 0 } }),
  indices("255 ignored", [7, 4], { labels: [255, 0, 3, 255, 0, 1, 2], attrs: { ignoreIndex: 255 } }),
  indices("all together", [7, 4], { labels: [1, 0, 2, 2, 0, 1, 3], weighted: true, attrs: everything }),
  indices("all together, none", [7, 4], {
    labels: [1, 0, 2, 2, 0, 1, 3],
    weighted: true,
    attrs: { ...everything, reduction: "none" },
  }),
  indices("image, 5 classes", [2, 5, 3, 7]),
  indices("image, 8 classes, none", [2, 8, 3, 4], { attrs: { reduction: "none" } }),
  indices("image, all together", [2, 5, 3, 7], { weighted: true, attrs: everything }),
  indices("rank 3", [2, 3, 5], { weighted: true }),
  probabilities("[3,4]", [3, 4]),
  probabilities("one-hot", [3, 4], { values: [1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0] }),
  probabilities("sum to 1, sum", [3, 4], {
    values: [0.5, 0.25, 0.125, 0.125, 0.1, 0.2, 0.3, 0.4, 0.7, 0.3, 0, 0],
    attrs: { reduction: "sum" },
  }),
  probabilities("none", [7, 4], { attrs: { reduction: "none" } }),
  probabilities("1000 classes", [3, 1000]),
  probabilities("weights", [7, 4], { weighted: true }),
  probabilities("smoothing", [7, 4], { attrs: { labelSmoothing: 0.1 } }),
  probabilities("weights and smoothing", [7, 4], { weighted: true, attrs: { labelSmoothing: 0.2 } }),
  probabilities("image, 5 classes", [2, 5, 3, 7]),
  probabilities("image, 8 classes, all together", [2, 8, 3, 4], {
    weighted: true,
    attrs: { labelSmoothing: 0.3, reduction: "none" },
  }),
];
