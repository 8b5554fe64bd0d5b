import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../../src/files/safetensors.ts";
import { matchTensors } from "../../src/files/state-dict.ts";
import { Model } from "../../src/nn/model.ts";
import { exportOnnx } from "../../src/onnx/export.ts";
import { readOnnx } from "../../src/onnx/read-model.ts";
import { buildModule } from "../golden/build.ts";
import { decodeDoubles, decodeFloats, type GoldenLayer, golden } from "../golden/load.ts";
import states from "../golden/models/states.json";
import { hasPython, python } from "../setup/python.ts";
import { NO_PYTHON } from "../setup/python-client.ts";

const folder = path.resolve(import.meta.dirname, "../golden/models");

/** Layers of a kind in a description. */
function countOf(layer: GoldenLayer, kind: GoldenLayer["kind"]): number {
  return JSON.stringify(layer).split(`"kind":"${kind}"`).length - 1;
}

describe.each(golden("states", states).nets.map((net) => [net.name, net] as const))("%s", (name, net) => {
  const model = new Model(buildModule(net.model));
  const file = new Uint8Array(readFileSync(path.join(folder, `state-${name}.safetensors`)));
  const { values } = matchTensors(model.states(), readSafetensors(file).tensors);
  const source = { model, inputs: { x: net.inputs.shape.slice(1) }, state: values };

  test.each(["keep", "fold"] as const)("batch norm: %s", async (batchNorm) => {
    const { graph, opsets } = readOnnx(await exportOnnx(source, { batchNorm }));
    expect(opsets.get("")).toBe(17);
    expect(graph.inputs[0]!.shape).toEqual(["N", ...net.inputs.shape.slice(1)]);
    expect(graph.outputs[0]!.shape).toEqual(["N", ...net.logits.shape.slice(1)]);
    const norms = graph.nodes.filter(({ type }) => type === "BatchNormalization").length;
    expect(norms).toBe(batchNorm === "fold" ? 0 : countOf(net.model, "batchNorm"));
    for (const state of model.parameters()) {
      if (batchNorm === "keep") expect(graph.initializers.get(state.name)?.shape).toEqual(state.shape);
    }
  });

  test("onnxruntime agrees with PyTorch, batch norm kept and folded", async ({ skip }) => {
    if (!hasPython()) return skip(NO_PYTHON);
    const inputs = { x: { shape: net.inputs.shape, data: [...decodeFloats(net.inputs)] } };
    const logits = decodeDoubles(net.logits);
    for (const batchNorm of ["keep", "fold"] as const) {
      const onnx = await exportOnnx(source, { batchNorm });
      const { output } = python("run_onnx.py", { "model.onnx": onnx, "inputs.json": JSON.stringify(inputs) });
      const results = JSON.parse(output) as Record<string, { shape: number[]; data: number[] }>;
      expect(results.output!.shape).toEqual(net.logits.shape);
      results.output!.data.forEach((value, i) => {
        expect(Math.abs(value - logits[i]!), `logit ${i}`).toBeLessThanOrEqual(1e-5);
      });
    }
  });
});
