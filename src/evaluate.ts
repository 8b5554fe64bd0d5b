import { backward } from "./autodiff/backward.ts";
import { compile } from "./compile.ts";
import { type DType, type HostArray, hostArray } from "./core/dtype.ts";
import { DataError, GraphError, OptionError } from "./core/errors.ts";
import { knownOptions, type OptionNames } from "./core/known-options.ts";
import { unpack } from "./core/layout.ts";
import { formatShape, numel, type Shape } from "./core/shape.ts";
import { contextOf } from "./gpu/context.ts";
import { runOnce, typedArray } from "./gpu/run-once.ts";
import type { Graph } from "./graph/graph.ts";
import { input } from "./graph/leaf.ts";
import { type Mode, trace } from "./graph/trace.ts";
import type { Value } from "./graph/value.ts";
import type { Choices } from "./passes/choose.ts";
import type { PassName } from "./passes/index.ts";
import { StateTable } from "./plan/state-table.ts";
import type { StepPlan } from "./plan/step-plan.ts";
import type { StepRow } from "./plan/step-row.ts";

/** An array with its shape, row-major (NCHW). */
export interface ArrayInput {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  /** Default "f32"; class indices are "i32". */
  readonly dtype?: DType;
}

export interface ArrayOutput<T extends HostArray = HostArray> {
  readonly data: T;
  readonly shape: Shape;
}

export interface EvaluateOptions {
  /** Gradients of the outputs, by name ("output" where `fn` returns one value). Gives `gradients`. */
  readonly upstream?: Readonly<Record<string, ArrayInput>>;
  /** Default "eval". In "train" batch norm uses and updates statistics, dropout drops. */
  readonly mode?: Mode;
  /** Seed and step of random ops; default 0. */
  readonly seed?: number;
  readonly step?: number;
  /** More numbers of the step: micro-batch, batch, hyper-parameters. */
  readonly row?: Partial<StepRow>;
  /** Lowering by node key; absent nodes take their default. */
  readonly choices?: Choices;
  readonly skip?: readonly PassName[];
  /** Fill all memory, padding included, with NaN before the run: shows reads of what nobody wrote. */
  readonly poison?: boolean;
  /** Sees the compiled plan before it runs, and may return another to run in its place. */
  onPlan?(plan: StepPlan): StepPlan | undefined;
}

const OPTIONS: OptionNames<EvaluateOptions> = {
  ...{ upstream: true, mode: true, seed: true, step: true, row: true, choices: true, skip: true },
  ...{ poison: true, onPlan: true },
};

export interface Evaluation {
  readonly outputs: Readonly<Record<string, ArrayOutput>>;
  /** Inputs that an op changed in place (running statistics in training mode), as they are afterwards. */
  readonly state: Readonly<Record<string, ArrayOutput>>;
  /** Gradient of Σ upstream·output for every f32 input that the outputs depend on. */
  readonly gradients: Readonly<Record<string, ArrayOutput<Float32Array>>>;
}

/**
 * Runs any op or small graph on given arrays.
 * `fn` gets one symbolic value per input and returns one value (called "output") or a record of them.
 * Errors  DataError for an array whose length is not its shape's; DeviceError if a buffer is larger than the device
 *         allows; whatever the ops throw for shapes that do not fit. Nothing has reached the GPU then
 */
export async function evaluate(
  device: GPUDevice,
  fn: (values: Record<string, Value>) => Value | Record<string, Value>,
  inputs: Readonly<Record<string, ArrayInput>>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkOptions(options);
  const arrays: Record<string, HostArray> = {};
  for (const [name, array] of Object.entries(inputs)) arrays[name] = checkedArray(name, array);
  const context = contextOf(device);
  const graph = traceEvaluation(fn, inputs, options, arrays);
  const compiled = compile(graph, {
    target: context.target,
    states: new StateTable(),
    poisonPadding: options.poison ?? false,
    ...(options.choices && { choices: options.choices }),
    ...(options.skip && { skip: options.skip }),
  });
  const plan = options.onPlan?.(compiled) ?? compiled;
  const row = { step: options.step ?? 0, seed: options.seed ?? 0, ...options.row };
  const result = await runOnce(context, plan, { inputs: arrays, row, poison: options.poison ?? false });
  const all = Object.entries(plan.outputs).map(([name, output]): [string, ArrayOutput] => [
    name,
    {
      data: unpack(typedArray(result.outputs[name]!, output), output.physical),
      shape: output.physical.shape,
    },
  ]);
  const pick = (prefix: string) =>
    Object.fromEntries(
      all.flatMap(([name, o]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), o]] : [])),
    );
  return {
    outputs: pick("output:"),
    gradients: pick("gradient:") as Evaluation["gradients"],
    state: Object.fromEntries(
      Object.entries(result.written).map(([name, bytes]) => {
        const { shape, dtype = "f32" } = inputs[name]!;
        return [name, { data: typedArray(bytes, { dtype }).slice(0, numel(shape)) as HostArray, shape }];
      }),
    ),
  };
}

/** The graph of an evaluation: outputs as "output:name", gradients as "gradient:input". */
export function traceEvaluation(
  fn: (values: Record<string, Value>) => Value | Record<string, Value>,
  inputs: Readonly<Record<string, ArrayInput>>,
  { upstream, mode = "eval" }: EvaluateOptions,
  arrays: Record<string, HostArray> = {},
): Graph {
  return trace(mode, () => {
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
    );
    const returned = fn(values);
    const named = "source" in returned ? { output: returned as Value } : (returned as Record<string, Value>);
    const outputs: Record<string, Value> = {};
    for (const [name, value] of Object.entries(named)) outputs[`output:${name}`] = value;
    if (!upstream) return { outputs };
    const seeds = new Map<Value, Value>();
    for (const [name, array] of Object.entries(upstream)) {
      const value = named[name];
      if (!value) throw unknownOutput(name, Object.keys(named));
      arrays[`upstream:${name}`] = checkedArray(`upstream ${name}`, { ...array, shape: value.shape });
      seeds.set(value, input(`upstream:${name}`, value.shape));
    }
    const floats = Object.entries(values).filter(([, value]) => value.dtype === "f32");
    const gradients = backward(
      seeds,
      floats.map(([, value]) => value),
    );
    for (const [name, value] of floats) {
      const gradient = gradients.get(value);
      if (gradient) outputs[`gradient:${name}`] = gradient;
    }
    return { outputs };
  });
}

function checkOptions(options: EvaluateOptions): void {
  knownOptions("evaluate", options, OPTIONS);
  const { mode = "eval" } = options;
  if (mode === "eval" || mode === "train") return;
  throw new OptionError({ op: "evaluate", problem: "mode", expected: '"eval" or "train"', got: `${mode}` });
}

function unknownOutput(name: string, known: readonly string[]): GraphError {
  return new GraphError({
    op: "evaluate",
    problem: "upstream gradient for an unknown output",
    expected: known.join(", "),
    got: name,
    fix: 'name the upstream gradients after the outputs; a single returned value is called "output"',
  });
}

function checkedArray(name: string, { data, shape, dtype = "f32" }: ArrayInput): HostArray {
  if (dtype !== "f32" && dtype !== "i32" && dtype !== "u32") {
    throw new OptionError({
      op: "evaluate",
      problem: `dtype of ${name}`,
      expected: '"f32", "i32" or "u32"',
      got: `${dtype}`,
    });
  }
  if (data.length !== numel(shape)) {
    throw new DataError({
      op: "evaluate",
      problem: `length of ${name}`,
      expected: `${numel(shape)} for shape ${formatShape(shape)}`,
      got: `${data.length}`,
      fix: "pass data and shape that belong together",
    });
  }
  const copy = hostArray(dtype, data.length);
  copy.set(data);
  return copy;
}
