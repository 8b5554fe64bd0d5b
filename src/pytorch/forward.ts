import { GraphError } from "../core/errors.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import { scalarConstant, type Value } from "../graph/value.ts";
import { Model } from "../nn/model.ts";
import { type AnyModule, isValue } from "../nn/module.ts";
import { EXPRESSIONS, type Scope, untranslated } from "./expressions.ts";
import type { Source } from "./model-file.ts";
import { isIdentifier, literal, member } from "./python.ts";

/** Nodes that are one call of a part, or one node of the module's own. */
interface Step {
  readonly part: string | undefined;
  readonly nodes: readonly Node[];
}

/** The forward of a module with code of its own: calls of its parts, and expressions for what is between them. */
export function writeForward(
  module: AnyModule,
  path: string,
  source: Source,
): { readonly parameters: readonly string[]; readonly body: readonly string[] } {
  return new ForwardWriter(module, path, source).write();
}

class ForwardWriter implements Scope {
  readonly #module: AnyModule;
  readonly #path: string;
  readonly #graph: Graph;
  readonly #twins = new Map<Value, Value>();
  readonly #nodes: readonly Node[];
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>(["self", "torch", "F", "nn"]);
  readonly #parameters: string[] = [];

  constructor(module: AnyModule, path: string, { graph, twin }: Source) {
    this.#module = module;
    this.#path = path;
    this.#graph = graph;
    graph.nodes.forEach((node, i) => {
      for (const [name, value] of Object.entries(node.outputs)) {
        this.#twins.set(value, twin.nodes[i]!.outputs[name]!);
      }
    });
    this.#nodes = graph.nodes.filter((node) => isWithin(node.path, path));
  }

  write(): { parameters: string[]; body: string[] } {
    const made = new Set(this.#nodes.flatMap((node) => Object.values(node.outputs)));
    for (const node of this.#nodes) {
      for (const value of Object.values(node.inputs)) {
        const isGiven = value.source.kind === "input" || value.source.kind === "node";
        if (isGiven && !made.has(value) && !this.#names.has(value))
          this.#parameters.push(this.#give(value, inputName(value)));
      }
    }
    const body = this.#steps().map((step) => this.#line(step));
    body.push(`return ${this.#results(made)}`);
    return { parameters: this.#parameters, body };
  }

  /** Values that the rest of the model uses, or that the model gives. */
  #results(made: ReadonlySet<Value>): string {
    const outputs = Object.entries(this.#graph.outputs).filter(([, value]) => made.has(value));
    if (this.#path === "" && outputs.length > 1) {
      return `{${outputs.map(([name, value]) => `${literal(name)}: ${this.name(value)}`).join(", ")}}`;
    }
    const own = new Set(this.#nodes);
    const used = this.#graph.nodes
      .filter((node) => !own.has(node))
      .flatMap((node) => Object.values(node.inputs))
      .filter((value) => made.has(value));
    const results = [...new Set([...used, ...outputs.map(([, value]) => value)])];
    if (results.length !== 1) throw this.#unclear("its result", `${results.length} values`);
    return this.name(results[0]!);
  }

  /** Consecutive nodes of one part, cut into as many calls as they are. */
  #steps(): Step[] {
    const steps: Step[] = [];
    for (let i = 0; i < this.#nodes.length; ) {
      const part = this.#partOf(this.#nodes[i]!);
      let end = i + 1;
      while (part !== undefined && end < this.#nodes.length && this.#partOf(this.#nodes[end]!) === part)
        end++;
      const nodes = this.#nodes.slice(i, end);
      const each = part === undefined ? 1 : this.#callLength(part, nodes);
      for (let at = 0; at < nodes.length; at += each) steps.push({ part, nodes: nodes.slice(at, at + each) });
      i = end;
    }
    return steps;
  }

  #partOf(node: Node): string | undefined {
    // A module of another kind than nn.module (an ONNX graph) has parts that hold weights only.
    if (this.#module.kind !== "module" || node.path === this.#path) return undefined;
    const rest = this.#path ? node.path.slice(this.#path.length + 1) : node.path;
    const name = rest.split(".")[0]!;
    return Object.hasOwn(this.#module.parts, name) ? name : undefined;
  }

  /** Nodes of one call of a part, found by tracing it alone. */
  #callLength(name: string, nodes: readonly Node[]): number {
    const part = this.#module.parts[name]!;
    const given = this.#outside(nodes)[0];
    if (!given) throw this.#unclear(`the input of ${name}`, "none");
    const alone = trace("train", () => {
      const result = new Model(part).apply(input("x", given.shape));
      return { outputs: isValue(result) ? { y: result } : result };
    });
    const length = alone.nodes.length;
    if (length > 0 && nodes.length % length === 0) return length;
    throw this.#unclear(`the calls of ${name}`, `${nodes.length} nodes, of ${length} each`);
  }

  /** Values that nodes use but do not make. */
  #outside(nodes: readonly Node[]): Value[] {
    const made = new Set(nodes.flatMap((node) => Object.values(node.outputs)));
    const used = nodes.flatMap((node) => Object.values(node.inputs));
    return [
      ...new Set(
        used.filter((value) => this.#names.has(value) || (value.source.kind === "node" && !made.has(value))),
      ),
    ];
  }

  #line({ part, nodes }: Step): string {
    const last = nodes.at(-1)!;
    if (part === undefined) {
      const write = EXPRESSIONS[last.op.name];
      if (!write) throw untranslated(last);
      const text = write(last, this);
      return `${this.#give(Object.values(last.outputs)[0]!, variable(last.path, last.op.name))} = ${text}`;
    }
    const given = this.#outside(nodes).filter((value) => value.source.kind !== "state");
    if (given.length !== 1) throw this.#unclear(`the input of ${part}`, `${given.length} values`);
    const text = `${member("self", part)}(${this.name(given[0]!)})`;
    return `${this.#give(Object.values(last.outputs)[0]!, variable(part, part))} = ${text}`;
  }

  /** Names a value; a number behind the name where it is taken. */
  #give(value: Value, wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#taken.has(name); i++) name = `${wanted}${i}`;
    this.#taken.add(name);
    this.#names.set(value, name);
    return name;
  }

  name(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const number = scalarConstant(value);
    if (number !== undefined) return literal(number);
    if (value.source.kind === "state") {
      const { name, role } = value.source.state;
      const local = this.#path ? name.slice(this.#path.length + 1) : name;
      return `self.get_${role}(${literal(local)})`;
    }
    if (
      value.source.kind === "constant" &&
      typeof value.source.data !== "number" &&
      value.source.data.length <= 65_536
    ) {
      const device = this.#parameters[0] ?? "x";
      return `torch.tensor(${literal([...value.source.data])}, device=${device}.device).reshape(${literal([...value.shape])})`;
    }
    throw this.#unclear("a value", `kind ${value.source.kind}`);
  }

  batch(): string {
    return `${this.#parameters[0] ?? "x"}.shape[0]`;
  }

  freeShape(value: Value): readonly number[] {
    const other = this.#twins.get(value)?.shape ?? value.shape;
    const free = value.shape.map((size, axis) => (size === other[axis] ? size : -1));
    if (free.filter((size) => size === -1).length > 1)
      throw this.#unclear("a shape", "two axes that grow with the batch");
    return free;
  }

  #unclear(what: string, got: string): GraphError {
    return new GraphError({
      op: "exportPyTorch",
      problem: `${what} in a module with a forward of its own`,
      expected: "one value, and parts that are called one at a time",
      got,
      at: this.#path,
      fix: "write this module by hand in model.py, with the same names of parameters",
    });
  }
}

function isWithin(path: string, ancestor: string): boolean {
  return ancestor === "" || path === ancestor || path.startsWith(`${ancestor}.`);
}

function inputName(value: Value): string {
  return value.source.kind === "input" && isIdentifier(value.source.name) ? value.source.name : "x";
}

/** A name of a variable from a path: its last word that is one. */
function variable(path: string, fallback: string): string {
  const word = path.split(".").filter(isIdentifier).at(-1) ?? fallback;
  return /^[A-Z]/.test(word) || !isIdentifier(word) ? `v_${word.toLowerCase().replace(/\W/g, "_")}` : word;
}
