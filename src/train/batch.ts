import { GraphError } from "../core/errors.ts";
import { ceilDiv, formatShape, numel } from "../core/shape.ts";
import type { Column, DataSet } from "../data/data-set.ts";
import type { Graph } from "../graph/graph.ts";
import { input } from "../graph/leaf.ts";
import { scope, trace } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import type { Values } from "../nn/module.ts";
import type { AugmentAttrs } from "../ops/augment-draw.ts";
import { augmentDraw, gather, gatherAugmented } from "../ops/index.ts";

/** Where the arrays of a data set lie: prefix of the inputs' names, replaced when a plan is loaded for a split. */
export const DATA = "data";

/** A batch of a data set in the order of the epoch; images of its inputs are changed where `augment` says so. */
export function gatherBatch(
  data: DataSet,
  batch: number,
  augment?: AugmentAttrs,
): { inputs: Values; targets: Values } {
  const indices = input(`${DATA}.indices`, [data.count], "u32");
  const gathered = (columns: Readonly<Record<string, Column>>, changes?: AugmentAttrs) =>
    unwrap(
      Object.fromEntries(
        Object.entries(columns).map(([name, column]) => [
          name,
          scope(name, () => gatherColumn(name, column, indices, batch, changes)),
        ]),
      ),
    );
  return scope("data", () => ({ inputs: gathered(data.inputs, augment), targets: gathered(data.targets) }));
}

function gatherColumn(
  name: string,
  { data, shape, mean: m = [], std = [] }: Column,
  indices: Value,
  batch: number,
  augment: AugmentAttrs | undefined,
): Value {
  const storage = data instanceof Uint8Array ? "u8" : data instanceof Int32Array ? "i32" : "f32";
  if (numel(shape) < 1)
    throw new GraphError({
      op: "data",
      problem: `shape of ${name}`,
      expected: "sizes of at least 1",
      got: formatShape(shape),
    });
  const source = input(`${DATA}.${name}`, [columnWords(data, indices.shape[0]! * numel(shape))], "u32");
  const attrs = { batch, example: shape, storage, mean: m, std } as const;
  if (!augment || shape.length !== 3 || storage === "i32") return gather(source, indices, attrs);
  const [, height = 1, width = 1] = shape;
  const key = input(`${DATA}.key`, [1], "u32");
  const params = augmentDraw(indices, key, { ...augment, batch, height, width });
  return gatherAugmented(source, indices, params, { ...attrs, fill: augment.fill });
}

/** Words of a column on the device: four bytes to each, or one element. */
function columnWords(data: Column["data"], elements: number): number {
  return data instanceof Uint8Array ? ceilDiv(elements, 4) : elements;
}

/** Drawing of some examples of a data set, by its generator. */
export function drawGraph({ generator, count, inputs, targets }: DataSet, examples: number): Graph {
  const all = { ...inputs, ...targets };
  return trace("eval", () => {
    const columns = generator!.columns.map((name): [string, Value] => {
      const { data, shape } = all[name]!;
      return [name, input(`${DATA}.${name}`, [columnWords(data, count * numel(shape))], "u32")];
    });
    scope("generator", () => generator!.draw(Object.fromEntries(columns), examples));
    return { outputs: {} };
  });
}

/** A single column is passed as a value of its own, several by their names. */
export function unwrap(values: Readonly<Record<string, Value>>): Values {
  const all = Object.values(values);
  return all.length === 1 ? all[0]! : values;
}
