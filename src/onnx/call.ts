import { DataError } from "../core/errors.ts";
import { formatShape, numel } from "../core/shape.ts";
import { constant } from "../graph/leaf.ts";
import type { Mode } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import type { OnnxNode } from "./model.ts";
import { type HostTensor, hostOf, isHost, type Operand } from "./tensors.ts";

/** One node being run: its operands and attributes, in the forms that operators ask for. */
export class Call {
  readonly node: OnnxNode;
  /** Version of the operators of the node's domain. */
  readonly opset: number;
  /** Mode of the layer that the node's weights belong to: evaluation where it is frozen. */
  readonly mode: Mode;
  /** The batch size that the file has written down, and the one at hand, where they differ. */
  readonly batch: { readonly written: number; readonly actual: number } | undefined;
  readonly #operands: readonly (Operand | undefined)[];

  constructor(
    node: OnnxNode,
    opset: number,
    mode: Mode,
    operands: readonly (Operand | undefined)[],
    batch?: Call["batch"],
  ) {
    this.node = node;
    this.batch = batch;
    this.opset = opset;
    this.mode = mode;
    this.#operands = operands;
  }

  get count(): number {
    return this.#operands.length;
  }

  get operands(): readonly (Operand | undefined)[] {
    return this.#operands;
  }

  has(index: number): boolean {
    return this.#operands[index] !== undefined;
  }

  operand(index: number): Operand {
    return this.#operands[index] ?? this.fail(`input ${index}`, "a value", "none");
  }

  /** An operand in the graph; floats known on the host become a constant of it. */
  value(index: number): Value {
    const operand = this.operand(index);
    if (!isHost(operand)) return operand;
    if (operand.integer) return this.fail(`input ${index}`, "floats", "integers");
    if (operand.shape.length === 0 && Number.isFinite(Math.fround(operand.data[0]!)))
      return constant(operand.data[0]!);
    return constant(Float32Array.from(operand.data), operand.shape);
  }

  optional(index: number): Value | null {
    return this.has(index) ? this.value(index) : null;
  }

  /** An operand that must be known when the graph is built. */
  host(index: number): HostTensor {
    const operand = this.operand(index);
    if (isHost(operand)) return operand;
    return this.fail(
      `input ${index}`,
      "a constant, or a number computed from shapes",
      "a value of the graph",
    );
  }

  /** Numbers of an operand that must be known; undefined where it is left out. */
  hostNumbers(index: number): number[] | undefined {
    return this.has(index) ? [...this.host(index).data] : undefined;
  }

  int(name: string, fallback?: number): number {
    const found = this.node.attributes.get(name);
    if (!found && fallback !== undefined) return fallback;
    return found?.kind === "int"
      ? found.value
      : this.fail(`attribute ${name}`, "an integer", found?.kind ?? "none");
  }

  float(name: string, fallback: number): number {
    const found = this.node.attributes.get(name);
    if (!found) return fallback;
    return found.kind === "float" ? found.value : this.fail(`attribute ${name}`, "a float", found.kind);
  }

  text(name: string, fallback: string): string {
    const found = this.node.attributes.get(name);
    if (!found) return fallback;
    return found.kind === "string" ? found.value : this.fail(`attribute ${name}`, "a string", found.kind);
  }

  /** A list of integers or floats; undefined where absent. */
  numbers(name: string): readonly number[] | undefined {
    const found = this.node.attributes.get(name);
    if (!found) return undefined;
    if (found.kind === "ints" || found.kind === "floats") return found.value;
    return this.fail(`attribute ${name}`, "a list of numbers", found.kind);
  }

  /** Two numbers of an attribute for the two axes of an image. */
  pair(name: string, fallback: number): [number, number] {
    const found = this.numbers(name) ?? [fallback, fallback];
    if (found.length !== 2)
      this.fail(`attribute ${name}`, "two numbers (images have two axes)", `${found.length}`);
    return [found[0]!, found[1]!];
  }

  tensor(name: string): HostTensor | undefined {
    const found = this.node.attributes.get(name);
    if (!found) return undefined;
    return found.kind === "tensor"
      ? hostOf(found.value)
      : this.fail(`attribute ${name}`, "a tensor", found.kind);
  }

  /** A list that is an attribute in old versions and an input in new ones. */
  listed(name: string, index: number): readonly number[] | undefined {
    return this.numbers(name) ?? this.hostNumbers(index);
  }

  /** Refuses the node, naming it with the shapes of its inputs. */
  fail(problem: string, expected: string, got: string): never {
    throw nodeError(this.node, this.#operands, problem, expected, got);
  }

  /** Refuses an axis that no shape of a file has, before it makes work. */
  size(shape: readonly number[]): readonly number[] {
    if (numel(shape) > 2 ** 31) this.fail("shape", "at most 2^31 elements", formatShape(shape));
    return shape;
  }
}

/** Error about a node: its operator, name and the shapes of its inputs. */
export function nodeError(
  node: OnnxNode,
  operands: readonly (Operand | undefined)[],
  problem: string,
  expected: string,
  got: string,
): DataError {
  const shapes = node.inputs.map((name, i): [string, string] => {
    const operand = operands[i];
    return [name || `(input ${i})`, operand ? formatShape(operand.shape) : name ? "unknown" : "left out"];
  });
  return new DataError({
    op: `importOnnx: ${node.domain ? `${node.domain}.` : ""}${node.type}`,
    problem,
    expected,
    got,
    at: node.name || node.outputs[0],
    shapes: Object.fromEntries(shapes),
  });
}

/** Runs a node; returns its outputs, as many as the operator gives. */
export type Runner = (call: Call) => readonly Operand[];

/** A runner with one result. */
export function single(run: (call: Call) => Operand): Runner {
  return (call) => [run(call)];
}
