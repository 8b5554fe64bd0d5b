import { nll } from "../../src/ops/index.ts";
import { nll as reference } from "../reference/loss.ts";
import type { Attrs, InputSpec, OpCase } from "../reference/types.ts";

interface Options {
  readonly labels?: readonly number[];
  readonly weighted?: boolean;
  readonly attrs?: Attrs;
}

function nllCase(name: string, shape: readonly number[], options: Options = {}): OpCase {
  const [batch = 1, classes = 1, ...space] = shape;
  const labels: Partial<InputSpec> = options.labels
    ? { fill: "values", values: options.labels }
    : { fill: "index", classes };
  const weight: InputSpec = { shape: [classes], fill: "uniform", low: 0.2, high: 2, gradient: false };
  return {
    op: "nll",
    name,
    inputs: {
      logProbs: { shape, shift: -3 },
      target: { shape: [batch, ...space], dtype: "i32", ...labels },
      ...(options.weighted && { weight }),
    },
    attrs: options.attrs ?? {},
    run: (values, attrs) => ({
      loss: nll(
        values.logProbs!,
        values.target!,
        values.weight ? { ...attrs, weight: values.weight } : attrs,
      ),
    }),
    reference,
  };
}

const someIgnored = [0, -100, 3, 2, -100, 1, 3];

export const cases: OpCase[] = [
  nllCase("[3,4]", [3, 4]),
  nllCase("[17,10]", [17, 10]),
  nllCase("[1,1]", [1, 1]),
  nllCase("1000 classes", [3, 1000]),
  nllCase("sum", [7, 4], { attrs: { reduction: "sum" } }),
  nllCase("none", [7, 4], { attrs: { reduction: "none" } }),
  nllCase("weights", [7, 4], { weighted: true }),
  nllCase("weights, sum", [7, 4], { weighted: true, attrs: { reduction: "sum" } }),
  nllCase("weights, none", [7, 4], { weighted: true, attrs: { reduction: "none" } }),
  nllCase("-100 ignored", [7, 4], { labels: someIgnored }),
  nllCase("-100 ignored, weights", [7, 4], { labels: someIgnored, weighted: true }),
  nllCase("-100 ignored, none", [7, 4], { labels: someIgnored, attrs: { reduction: "none" } }),
  nllCase("a class ignored", [7, 4], { labels: [1, 0, 3, 2, 0, 1, 0], attrs: { ignoreIndex: 0 } }),
  nllCase("all ignored, sum", [3, 4], { labels: [-100, -100, -100], attrs: { reduction: "sum" } }),
  nllCase("image, 5 classes", [2, 5, 3, 7]),
  nllCase("image, 8 classes, weights and a class ignored", [2, 8, 3, 4], {
    weighted: true,
    attrs: { ignoreIndex: 3 },
  }),
  nllCase("rank 3, none", [2, 3, 5], { weighted: true, attrs: { reduction: "none" } }),
];
