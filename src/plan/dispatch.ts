import pointwiseWgsl from "../../shaders/pointwise.wgsl?raw";
import { GraphError } from "../core/errors.ts";
import { linearGrid } from "../core/grid.ts";
import type { Physical } from "../core/layout.ts";
import { ceilDiv } from "../core/shape.ts";
import type { Kernel, Launch } from "../graph/define.ts";
import type { Node } from "../graph/graph.ts";
import type { PointwiseProgram } from "../graph/pointwise.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import { type Binding, entryPointOf, scan } from "../wgsl/scan.ts";
import { specialise } from "../wgsl/specialise.ts";
import {
  type ComposedParts,
  channelHook,
  channelsOf,
  elementWidth,
  type Operand,
  ProgramComposer,
} from "./compose.ts";

/** A variable of a shader and the value in it; `step` is the row of per-step numbers. */
export interface BoundValue extends Binding {
  readonly value: Value | "step";
}

/** WGSL, bindings and size of one dispatch. */
export interface DispatchText {
  readonly label: string;
  readonly code: string;
  readonly entryPoint: string;
  readonly bindings: readonly BoundValue[];
  readonly grid: readonly [number, number, number];
  /** What was specialised, for the printed plan. */
  readonly detail: string;
}

/** The dispatch of a pointwise program. */
export function pointwiseDispatch(
  program: PointwiseProgram,
  inputs: Readonly<Record<string, Value>>,
  physical: ReadonlyMap<Value, Physical>,
  output: Value,
  out: Physical,
): DispatchText {
  const operands = program.operands.map((name, n) => operandOf(inputs[name]!, `x${n}`, physical));
  const width = elementWidth(out, operands);
  const count = out.size / width;
  const channels = channelsOf(out, operands, width);
  const composer = new ProgramComposer(width);
  const body = composer.body(program, operands, out, channels * width === (out.dims.at(-1) ?? 1) || "single");
  const parts = composer.finish();
  const kept = channelHook(parts);
  // Several elements a thread where there is enough work to fill the device: a thread costs more than an element.
  const items = count < 16384 ? 1 : parts.channel.length > 0 ? 8 : 4;
  const code = specialise(pointwiseWgsl, "pointwise", {
    const: { COUNT: count, ITEMS: items, CHANNELS: channels },
    alias: { Elem: width === 4 ? "vec4<f32>" : "f32", ...kept.alias },
    hook: { value: body.text, ...kept.hook },
    append: parts.declarations,
  });
  const byVariable = new Map(program.operands.map((name, n) => [`x${n}`, inputs[name]!]));
  return {
    label: "pointwise",
    code,
    entryPoint: "pointwise",
    bindings: [
      { group: 0, binding: 0, name: "y", access: "read_write", value: output },
      ...groupOne(parts.variables, byVariable),
    ],
    grid: grid3(channelGrid(ceilDiv(count, 64 * items), channels)),
    detail: callNames(program),
  };
}

/** A grid of at least `groups` workgroups of 64, whose threads are a multiple of the channels. */
function channelGrid(groups: number, channels: number): [number, number] {
  const [x, y] = linearGrid(groups);
  let step = 1;
  while ((step * 64) % channels !== 0) step++;
  return [ceilDiv(x, step) * step, y];
}

function groupOne(variables: readonly string[], values: ReadonlyMap<string, Value>): BoundValue[] {
  return variables.map((name, binding) => ({
    group: 1,
    binding,
    name,
    access: "read" as const,
    value: values.get(name)!,
  }));
}

function operandOf(value: Value, variable: string, physical: ReadonlyMap<Value, Physical>): Operand {
  const number = scalarConstant(value);
  if (number !== undefined) return { kind: "literal", number };
  return { kind: "buffer", variable, physical: physical.get(value)! };
}

/** The dispatch of a kernel file, with the node's epilogue in its store hook. */
export function kernelDispatch(
  node: Node,
  kernel: Kernel,
  launch: Launch,
  physical: ReadonlyMap<Value, Physical>,
): DispatchText {
  const fused = node.epilogue || node.prologues ? composeFusion(node, kernel, launch, physical) : undefined;
  const code = specialise(kernel.wgsl, kernel.name, {
    ...(launch.const && { const: launch.const }),
    alias: { ...launch.alias, ...fused?.alias },
    hook: { ...launch.hook, ...fused?.hook },
    append: [
      ...(launch.append ?? []),
      ...(fused?.declarations.filter((text) => !declares(kernel.wgsl, text)) ?? []),
    ],
  });
  const values = new Map<string, Value>();
  for (const [name, value] of Object.entries({ ...node.inputs, ...node.outputs }))
    values.set(snakeCase(name), value);
  const bindings = scan(code).bindings.map((binding): BoundValue => {
    const value = binding.name === "step" ? ("step" as const) : values.get(binding.name);
    if (value === undefined) {
      throw new GraphError({
        op: node.op.name,
        problem: `variable ${binding.name} of ${kernel.name} matches nothing`,
        expected: `one of ${[...values.keys(), "step"].join(", ")}`,
        got: binding.name,
        at: node.path,
        fix: "name the WGSL variable after the op's input or output, in snake_case",
      });
    }
    return { ...binding, value };
  });
  const settings = Object.entries(launch.const ?? {}).filter(([name]) =>
    /^(TILE|SPLIT|ROWS|STRIDE)/.test(name),
  );
  return {
    label: kernel.name,
    code,
    entryPoint: entryPointOf(code, kernel.name),
    bindings,
    grid: grid3(launch.grid),
    detail: [
      ...settings.map(([name, value]) => `${name}=${value}`),
      ...Object.entries(node.prologues ?? {}).map(([name, program]) => `${name}=${callNames(program)}`),
      ...(node.epilogue ? [`epilogue=${callNames(node.epilogue.program)}`] : []),
    ].join(" "),
  };
}

/** True if the file has a function or alias of that name already: helpers of one name have one text. */
function declares(wgsl: string, declaration: string): boolean {
  const head = /^(?:fn|alias)\s+\w+\b/.exec(declaration)?.[0];
  return head !== undefined && new RegExp(`^${head.replace(/\s+/, "\\s+")}\\b`, "m").test(wgsl);
}

function callNames({ calls }: PointwiseProgram): string {
  return calls.map((call) => call.fn).join("→");
}

/** Bodies of the hooks that a node's programs go into, and what they share. */
function composeFusion(
  node: Node,
  kernel: Kernel,
  launch: Launch,
  physical: ReadonlyMap<Value, Physical>,
): ComposedParts & { alias?: Record<string, string>; hook: Record<string, string> } {
  const elem = launch.alias?.Elem ?? /^alias Elem = ([^;]+);/m.exec(kernel.wgsl)?.[1] ?? "f32";
  const composer = new ProgramComposer(elem.startsWith("vec4") ? 4 : 1);
  const hook: Record<string, string> = {};
  const made = new Map<string, string>();
  const operand = (name: string, registers: readonly string[]): Operand => {
    const value = node.inputs[name]!;
    const register = registers.find((own) => node.inputs[own] === value);
    if (register) return { kind: "register", expression: snakeCase(register) };
    if (kernel.channels?.includes(name)) return { kind: "channel", expression: `${snakeCase(name)}[c]` };
    return operandOf(value, extraName(node, value), physical);
  };
  for (const [input, program] of Object.entries(node.prologues ?? {})) {
    const { name, args } = kernel.prologues![input]!;
    const out = physical.get(node.inputs[args.at(-1)!]!)!;
    const operands = program.operands.map((each) => operand(each, args));
    const body = composer.body(program, operands, out, true, made);
    hook[name] = body.text;
    // Hooks that come later get what this one made.
    if (kernel.makes?.[input]) made.set(body.expression, kernel.makes[input]);
  }
  if (node.epilogue) {
    const { program } = node.epilogue;
    const out = physical.get(node.outputs[node.op.outputs[0]!]!)!;
    const operands = program.operands.map((each, n): Operand => {
      if (n === 0) return { kind: "register", expression: "v" };
      return operand(`e${each.slice(1)}`, kernel.keeps ?? []);
    });
    hook.epilogue = composer.body(program, operands, out, kernel.keeps !== undefined, made).text;
  }
  const parts = composer.finish();
  const kept = channelHook(parts);
  return { ...parts, ...(kept.alias && { alias: kept.alias }), hook: { ...hook, ...kept.hook } };
}

/** The one name under which the programs of a node read a value: that of its first input beside the op's own. */
function extraName(node: Node, value: Value): string {
  const own = node.op.variadic ? [] : node.op.inputs;
  return Object.keys(node.inputs).find((name) => !own.includes(name) && node.inputs[name] === value)!;
}

/** "runningMean" as "running_mean", the form of names in WGSL. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function grid3([x, y = 1, z = 1]: readonly [number, number?, number?]): [number, number, number] {
  return [x, y, z];
}
