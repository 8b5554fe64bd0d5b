import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { DataError, EngineError, OptionError } from "../../src/core/errors.ts";
import { storedTensor } from "../../src/files/tensor.ts";
import { Model } from "../../src/nn/model.ts";
import { evaluationGraph } from "../../src/onnx/export.ts";
import { GraphBuilder } from "../../src/onnx/graph-builder.ts";
import { importOnnx } from "../../src/onnx/import.ts";
import type { OnnxNode } from "../../src/onnx/model.ts";
import { readOnnx } from "../../src/onnx/read-model.ts";
import { writeOnnx } from "../../src/onnx/write-model.ts";
import { golden } from "../golden/load.ts";
import onnx from "../golden/models/onnx.json";
import { mutants } from "../setup/mutants.ts";

const folder = path.resolve(import.meta.dirname, "../golden/models");
const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(path.join(folder, `onnx-${name}.onnx`)));
const { nets } = golden("onnx", onnx);

describe.each(nets.map((net) => [net.name, net] as const))("%s", (name, net) => {
  test("imports, with the shapes that onnxruntime gives", () => {
    const { module, inputs, outputs, model } = importOnnx(file(name));
    expect(model.opsets.get("")).toBe(net.opset);
    expect(inputs).toEqual({ x: [3, 16, 16] });
    expect(outputs).toEqual({ y: net.logits.shape.slice(1) });
    expect(new Model(module).parameters().length).toBeGreaterThan(0);
  });

  test("written again it is read as the same model", () => {
    const model = readOnnx(file(name));
    expect(readOnnx(writeOnnx(model))).toEqual(model);
  });
});

/** A file of one node (or several) over an input x of shape [N, ...shape]. */
function fileOf(
  shape: readonly (number | string | null)[],
  build: (builder: GraphBuilder) => string,
  { opset = 17, domain = "", batch = "N" as number | string } = {},
): Uint8Array {
  const builder = new GraphBuilder();
  builder.name("x");
  builder.finish({ y: build(builder) });
  return writeOnnx({
    irVersion: 8,
    producer: "test",
    opsets: new Map([["", opset], ...(domain ? [[domain, 1] as const] : [])]),
    metadata: new Map(),
    graph: {
      name: "g",
      nodes: builder.nodes.map(
        (node): OnnxNode => ({ ...node, domain: node.type === "Custom" ? domain : "" }),
      ),
      initializers: builder.initializers,
      inputs: [{ name: "x", dtype: "F32", shape: [batch, ...shape] }],
      outputs: [{ name: "y", dtype: "F32", shape: null }],
    },
  });
}

describe("states", () => {
  test("have the names of the initializers, as parts by path; running statistics are buffers", () => {
    const model = new Model(importOnnx(file("resnet-basic")).module);
    const names = model.states().map((state) => `${state.name} ${state.role}`);
    expect(names).toContain("stem.0.0.weight parameter");
    expect(names).toContain("stem.0.1.running_mean buffer");
    expect(names).toContain("fc.bias parameter");
    model.freeze("stem");
    expect(model.trainable().some((state) => state.name.startsWith("stem."))).toBe(false);
  });

  test("names that are no paths stay whole", () => {
    const odd = (name: string) =>
      fileOf([4], (builder) => {
        builder.weight(name, storedTensor([4, 2], new Float32Array(8)));
        return builder.node("MatMul", ["x", name]);
      });
    for (const name of ["onnx::MatMul_7", ".weight", "a..b", "/w/"]) {
      expect(new Model(importOnnx(odd(name)).module).states().map((state) => state.name)).toEqual([name]);
    }
  });

  test("single numbers and what `trainable` refuses are constants", () => {
    const scaled = fileOf([4], (builder) => {
      builder.weight("mean", storedTensor([4], new Float32Array(4)));
      builder.weight("scale", storedTensor([], Float32Array.of(2)));
      return builder.node("Mul", [builder.node("Sub", ["x", "mean"]), "scale"]);
    });
    const names = (options = {}) =>
      new Model(importOnnx(scaled, options).module).states().map(({ name }) => name);
    expect(names()).toEqual(["mean"]);
    expect(names({ trainable: (name: string) => name !== "mean" })).toEqual([]);
  });

  test("a part that ends at a value has only what it needs", () => {
    const { module, outputs } = importOnnx(file("resnet-basic"), {
      outputs: "/avgpool/GlobalAveragePool_output_0",
    });
    expect(Object.values(outputs)).toEqual([[16, 1, 1]]);
    expect(new Model(module).states().some(({ name }) => name.startsWith("fc"))).toBe(false);
  });
});

describe("refusals", () => {
  const relu = (builder: GraphBuilder) => builder.node("Relu", ["x"]);

  test("an operator that is not supported, with its inputs' shapes", () => {
    const bytes = fileOf([3, 8, 8], (builder) => builder.node("Einsum", [builder.node("Relu", ["x"])]));
    expect(() => importOnnx(bytes)).toThrow(DataError);
    expect(() => importOnnx(bytes)).toThrow(
      /Einsum: operator: expected one that is supported[\s\S]*Relu \[2, 3, 8, 8\]/,
    );
  });

  test("another domain", () => {
    const bytes = fileOf([3], (builder) => builder.node("Custom", ["x"]), { domain: "com.example" });
    expect(() => importOnnx(bytes)).toThrow(/com.example.Custom: operator/);
  });

  test("shapes that do not fit, named as the node's", () => {
    const bytes = fileOf([5, 8, 8], (builder) => {
      builder.weight("w", storedTensor([4, 3, 3, 3], new Float32Array(108)));
      return builder.node("Conv", ["x", "w"]);
    });
    expect(() => importOnnx(bytes)).toThrow(/Conv: [\s\S]*x \[2, 5, 8, 8\] {3}w \[4, 3, 3, 3\]/);
  });

  test.each([
    [6, false],
    [7, true],
    [21, true],
    [22, false],
  ])("opset %i: %s", (opset, accepted) => {
    const run = () => importOnnx(fileOf([3], relu, { opset }));
    if (accepted) expect(run().outputs).toEqual({ y: [3] });
    else expect(run).toThrow(/opset: expected 7 to 21/);
  });

  test("open sizes, unless they are given", () => {
    const bytes = fileOf([3, "height", null], relu);
    expect(() => importOnnx(bytes)).toThrow(/shape of input x: .*got \[N, 3, height, \?\][\s\S]*fix/);
    expect(importOnnx(bytes, { inputs: { x: [3, 6, 7] } }).outputs).toEqual({ y: [3, 6, 7] });
  });

  test("names that the graph does not have, options that do not exist", () => {
    expect(() => importOnnx(file("vgg"), { outputs: "nothing" })).toThrow(OptionError);
    expect(() => importOnnx(file("vgg"), { output: "y" } as never)).toThrow(
      /unknown option: expected outputs/,
    );
  });

  test("files that are no models", () => {
    expect(() => importOnnx(new Uint8Array(0))).toThrow(/no graph in it/);
    expect(() => importOnnx(Uint8Array.of(58, 255, 255, 255, 255, 15))).toThrow(
      /size of field 7: expected at most the 0 bytes left, got 4294967295/,
    );
    expect(() => importOnnx(new Uint8Array(64).fill(255))).toThrow(DataError);
    expect(() => importOnnx(new TextEncoder().encode("not a model, but some text"))).toThrow(DataError);
  });

  test("a graph whose nodes are not in order, and a name made twice", () => {
    const model = readOnnx(file("lenet"));
    const { nodes } = model.graph;
    const written = (graph: Partial<typeof model.graph>) =>
      writeOnnx({ ...model, graph: { ...model.graph, ...graph } });
    expect(() => readOnnx(written({ nodes: [...nodes].reverse() }))).toThrow(/a value made before it/);
    expect(() => readOnnx(written({ nodes: [...nodes, nodes[0]!] }))).toThrow(/a name of its own/);
  });
});

test("a batch size that the exporter wrote down is the one at hand", () => {
  const bytes = fileOf([3, 4], (builder) => builder.node("Reshape", ["x", builder.integers([1, 12])]), {
    batch: 1,
  });
  const { module } = importOnnx(bytes);
  expect(outputShape(module, 5, [3, 4])).toEqual([5, 12]);
});

test("mutants give an error of the engine or a model that can be traced, in under a second", () => {
  const names = ["by-hand-7", "by-hand-21", "lenet", "cuts", "group-norm"];
  const each = (process.env.WGFIT_FULL === "1" ? 10_000 : 1_000) / names.length;
  let accepted = 0;
  for (const [seed, name] of names.entries()) {
    for (const mutant of mutants(file(name), each, seed)) {
      const started = performance.now();
      accepted += traces(mutant) ? 1 : 0;
      expect(performance.now() - started, name).toBeLessThan(1000);
    }
  }
  expect(accepted).toBeGreaterThan(each * 0.2);
  expect(accepted).toBeLessThan(each * names.length * 0.9);
});

function traces(bytes: Uint8Array): boolean {
  try {
    const { model } = importOnnx(bytes);
    for (const { bytes: data } of model.graph.initializers.values()) {
      // Raw weights are views: only the few integers outside raw_data have memory of their own.
      expect(data.buffer === bytes.buffer || data.length <= 8 * bytes.length).toBe(true);
    }
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

function outputShape(
  module: ReturnType<typeof importOnnx>["module"],
  batch: number,
  shape: readonly number[],
) {
  const graph = evaluationGraph(new Model(module), { x: shape }, batch);
  return graph.outputs.output!.shape;
}
