import type { Value } from "../graph/value.ts";
import { singleValue, type Values } from "../nn/module.ts";
import { correctTopK } from "../ops/correct-top-k.ts";

/** A number to watch: a graph function of outputs and targets that gives one number per example, or their mean. */
export interface Metric {
  readonly name: string;
  measure(outputs: Values, targets: Values): Value;
}

/** Share of examples whose largest output is their class. */
export function accuracy(): Metric {
  return { ...topK(1), name: "accuracy" };
}

/** Share of examples whose class is among the k largest outputs. */
export function topK(k: number): Metric {
  return {
    name: `top${k}`,
    measure: (outputs, targets) =>
      correctTopK(singleValue(outputs, "topK outputs"), singleValue(targets, "topK targets"), { k }),
  };
}

/** A metric from a name and a graph function. */
export function metric(name: string, measure: Metric["measure"]): Metric {
  return { name, measure };
}
