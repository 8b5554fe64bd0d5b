import type { Shape } from "../core/shape.ts";
import type { StoredTensor } from "../files/tensor.ts";
import { storedTensor } from "../files/tensor.ts";
import type { Attribute, OnnxNode } from "./model.ts";

/** Attributes as they are written: whole numbers are ints unless they stand in `float`. */
export type Attributes = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number }>
>;

/** Collects the nodes and weights of an ONNX graph and gives every value a name of its own. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, StoredTensor>();
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();
  /** Place in the model of the nodes being made. */
  path = "";

  /** `wanted`, or with a number behind it where it is taken. */
  name(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Appends a node with one output and returns the output's name. */
  node(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.name(this.path ? `${this.path}/${type}` : type);
    const entries = Object.entries(attributes).map(([key, value]) => [key, attribute(value)] as const);
    // The output is named like the node: a name of a node and one of a value do not clash.
    this.nodes.push({ name, type, domain: "", inputs, outputs: [name], attributes: new Map(entries) });
    return name;
  }

  /** A weight under its own name. */
  weight(name: string, tensor: StoredTensor): string {
    this.initializers.set(name, tensor);
    this.#names.add(name);
    return name;
  }

  integers(values: readonly number[]): string {
    return this.#constant(storedTensor([values.length], Int32Array.from(values), "I64"));
  }

  floats(values: ArrayLike<number>, shape: Shape): string {
    return this.#constant(storedTensor(shape, Float32Array.from(values)));
  }

  number(value: number): string {
    return this.floats([value], []);
  }

  /** Equal constants are one. */
  #constant(tensor: StoredTensor): string {
    const key = `${tensor.dtype} ${tensor.shape} ${tensor.bytes}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.weight(this.name("constant"), tensor);
    this.#constants.set(key, name);
    return name;
  }

  /** Drops what no output needs, and gives the outputs their names. */
  finish(outputs: Readonly<Record<string, string>>): void {
    this.#mergeReshapes();
    for (const [name, value] of Object.entries(outputs)) {
      const made = this.nodes.find((node) => node.outputs.includes(value));
      // A value that is two outputs, an input or a weight keeps its name; the output is a copy.
      if (made && made.outputs[0] === value && !Object.hasOwn(outputs, value)) this.#rename(value, name);
      else this.nodes.push(copyNode(value, name));
    }
    const needed = new Set(Object.keys(outputs));
    for (const node of [...this.nodes].reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) this.nodes.splice(this.nodes.indexOf(node), 1);
      else for (const input of node.inputs) needed.add(input);
    }
    for (const name of [...this.initializers.keys()]) if (!needed.has(name)) this.initializers.delete(name);
  }

  /** Of two reshapes one after another the second is enough: no size written here is taken from the input. */
  #mergeReshapes(): void {
    const made = new Map(this.nodes.map((node) => [node.outputs[0]!, node]));
    this.nodes.forEach((node, i) => {
      const before = node.type === "Reshape" ? made.get(node.inputs[0]!) : undefined;
      if (before?.type !== "Reshape" && before?.type !== "Flatten") return;
      const merged = { ...node, inputs: [before.inputs[0]!, node.inputs[1]!] };
      this.nodes[i] = merged;
      made.set(node.outputs[0]!, merged);
    });
  }

  #rename(from: string, to: string): void {
    const renamed = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
    this.nodes.forEach((node, i) => {
      this.nodes[i] = { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    });
  }
}

function copyNode(from: string, to: string): OnnxNode {
  const attributes = new Map<string, Attribute>();
  return { name: `${to}/Identity`, type: "Identity", domain: "", inputs: [from], outputs: [to], attributes };
}

function attribute(value: Attributes[string]): Attribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  return "float" in value ? { kind: "float", value: value.float } : { kind: "ints", value };
}
