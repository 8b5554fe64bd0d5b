import { GraphError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { input } from "../graph/leaf.ts";
import { trace } from "../graph/trace.ts";
import type { Value } from "../graph/value.ts";
import type { Model } from "../nn/model.ts";
import { type AnyModule, isValue } from "../nn/module.ts";
import { writeForward } from "./forward.ts";
import { LAYERS } from "./layers.ts";
import { args, isIdentifier, literal } from "./python.ts";

/** What the classes of a file are written from: the training graph, and the same for another batch size. */
export interface Source {
  readonly graph: Graph;
  readonly twin: Graph;
  readonly ranks: ReadonlyMap<string, number>;
}

const HEAD = `"""The model as a plain PyTorch module, with the names of model.safetensors:

    from safetensors.torch import load_file
    model = Model()
    model.load_state_dict(load_file("model.safetensors"))

Written by wgfit. Inputs are normalised images [N, C, H, W]."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn
`;

/** Classes that torch.nn does not have; only those in use are written. */
const HELPERS: Readonly<Record<string, string>> = {
  Residual: `class Residual(nn.Module):
    """body(x) + shortcut(x); without a shortcut x itself."""

    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)
`,
  Parallel: `class Parallel(nn.Module):
    """Branches of one input, joined along \`dim\`, or added where it is None."""

    def __init__(self, dim, branches):
        super().__init__()
        self.dim = dim
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x):
        outputs = [branch(x) for branch in self.children()]
        return sum(outputs) if self.dim is None else torch.cat(outputs, self.dim)
`,
  PaddedConv2d: `class PaddedConv2d(nn.Conv2d):
    """Convolution with other margins on the left, right, top and bottom."""

    def __init__(self, *args, padding, **options):
        super().__init__(*args, **options)
        self.margins = padding

    def forward(self, x):
        return super().forward(F.pad(x, self.margins))
`,
  Weights: `class Weights(nn.Module):
    """Parameters and buffers under their names; the module around it uses them."""

    def __init__(self, parameters, buffers, parts):
        super().__init__()
        for name, shape in parameters.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        for name, shape in buffers.items():
            self.register_buffer(name, torch.zeros(shape))
        for name, part in parts.items():
            self.add_module(name, part)
`,
};

/**
 * Text of model.py: classes of the module tree, with the names of the state_dict. A forward of one's own is written from
 * the traced graph.
 * Errors  GraphError for an op of one's own, or a layer used at two places
 */
export function modelFile(model: Model, inputs: Readonly<Record<string, Shape>>): string {
  const [graph, twin] = [2, 3].map((batch) => trainingGraph(model, inputs, batch));
  const writer = new ClassWriter({ graph: graph!, twin: twin!, ranks: ranksOf(graph!) });
  const root = writer.constructorOf(model.root, "", "Model");
  const main = root === "Model()" ? "" : rootClass(root);
  const body = [...writer.classes, main].filter(Boolean).join("\n\n");
  const helpers = Object.entries(HELPERS).filter(([name]) => new RegExp(`\\b${name}\\(`).test(body));
  return [HEAD, ...helpers.map(([, text]) => text), body].join("\n\n").replace(/\n+$/, "\n");
}

/** A class named Model that is what the constructor makes: no name gets longer by it. */
function rootClass(made: string): string {
  const [, type = "", rest = ""] = /^([\w.]+)\(([\s\S]*)\)$/.exec(made) ?? [];
  const call = indent(`super().__init__(${rest})`, 2);
  return `class Model(${type}):\n    def __init__(self):\n${call}\n`;
}

function trainingGraph(model: Model, inputs: Readonly<Record<string, Shape>>, batch: number): Graph {
  return trace("train", () => {
    const values = Object.entries(inputs).map(([name, shape]): [string, Value] => [
      name,
      input(name, [batch, ...shape]),
    ]);
    const result = model.apply(values.length === 1 ? values[0]![1] : Object.fromEntries(values));
    return { outputs: isValue(result) ? { output: result } : result };
  });
}

/** Rank of what the first node of every layer path makes: batch norm is 1d or 2d by it. */
function ranksOf({ nodes }: Graph): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const node of nodes) {
    const x = node.inputs.x;
    if (x && !ranks.has(node.path)) ranks.set(node.path, x.shape.length);
  }
  return ranks;
}

export class ClassWriter {
  readonly classes: string[] = [];
  readonly #source: Source;
  readonly #seen = new Map<AnyModule, string>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** Text that makes a module; classes it needs are written before. */
  constructorOf(module: AnyModule, path: string, name = className(path)): string {
    const before = this.#seen.get(module);
    if (before !== undefined) {
      throw new GraphError({
        op: "exportPyTorch",
        problem: "a layer at two places",
        expected: "one place for each layer",
        got: `${before} and ${path}`,
        fix: "call the one layer twice inside a nn.module of your own",
      });
    }
    this.#seen.set(module, path);
    const layer = Object.hasOwn(LAYERS, module.kind) ? LAYERS[module.kind] : undefined;
    if (layer) return layer({ attrs: module.attrs, module, rank: this.#source.ranks.get(path) ?? 4 });
    if (module.kind === "sequential") return `nn.Sequential(${this.#parts(module, path, "OrderedDict")})`;
    if (module.kind === "residual") return `Residual(${this.#keywords(module, path)})`;
    if (module.kind === "parallel") {
      const { join, axis } = module.attrs as { join: string; axis: number };
      return `Parallel(${join === "add" ? "None" : axis}, ${this.#parts(module, path, "dict")})`;
    }
    if (module.kind === "onnxLayer") return this.#weights(module, path);
    this.#writeClass(module, path, name);
    return `${name}()`;
  }

  #inner(module: AnyModule, path: string): [string, string][] {
    return Object.entries(module.parts).map(([name, part]) => [
      name,
      this.constructorOf(part, path ? `${path}.${name}` : name),
    ]);
  }

  #parts(module: AnyModule, path: string, type: "OrderedDict" | "dict"): string {
    const parts = this.#inner(module, path);
    const numbered = type === "OrderedDict" && parts.every(([name], i) => name === `${i}`);
    if (numbered) return block(parts.map(([, text]) => text));
    if (type === "dict") return `{${block(parts.map(([name, text]) => `${literal(name)}: ${text}`))}}`;
    return `OrderedDict([${block(parts.map(([name, text]) => `(${literal(name)}, ${text})`))}])`;
  }

  #keywords(module: AnyModule, path: string): string {
    return block(this.#inner(module, path).map(([name, text]) => `${name}=${text}`));
  }

  #weights(module: AnyModule, path: string): string {
    const shapes = (role: string) =>
      Object.fromEntries(
        Object.entries(module.states).flatMap(([name, state]) =>
          state.role === role ? [[name, [...state.shape]]] : [],
        ),
      );
    const parts = this.#inner(module, path).map(([name, text]) => `${literal(name)}: ${text}`);
    return `Weights(${literal(shapes("parameter"))}, ${literal(shapes("buffer"))}, {${block(parts)}})`;
  }

  /** A class for a module with a forward of its own. */
  #writeClass(module: AnyModule, path: string, name: string): void {
    const lines = this.#inner(module, path).map(([part, text]) =>
      isIdentifier(part) ? `self.${part} = ${text}` : `self.add_module(${args([part])}, ${text})`,
    );
    for (const [state, { shape, role }] of Object.entries(module.states)) {
      const zeros = `torch.zeros(${literal([...shape])})`;
      const value = role === "parameter" ? `nn.Parameter(${zeros})` : zeros;
      lines.push(`self.register_${role}(${literal(state)}, ${value})`);
    }
    const { parameters, body } = writeForward(module, path, this.#source);
    const init = ["super().__init__()", ...lines].map((line) => indent(line, 2)).join("\n");
    const forward = body.map((line) => indent(line, 2)).join("\n");
    const head = `class ${name}(nn.Module):\n    def __init__(self):\n${init}\n`;
    this.classes.push(`${head}\n    def forward(self, ${parameters.join(", ")}):\n${forward}\n`);
  }
}

function indent(text: string, levels: number): string {
  const space = "    ".repeat(levels);
  return text
    .split("\n")
    .map((line) => (line ? space + line : line))
    .join("\n");
}

/** Entries on one line where they are short, else each on a line of its own. */
function block(entries: readonly string[]): string {
  const line = entries.join(", ");
  if (line.length <= 70 && !line.includes("\n")) return line;
  return `\n${entries.map((entry) => `${indent(entry, 1)},`).join("\n")}\n`;
}

/** "block1.body" to "Block1Body". */
function className(path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z]/.test(name) ? name : `Part${name}`;
}
