import { describe, expect, test } from "vitest";
import { loadSafetensors, readSafetensors, saveSafetensors } from "../../src/index.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { goldenLearner } from "../golden/build.ts";
import { decodeDoubles, decodeFloats, golden } from "../golden/load.ts";
import states from "../golden/models/states.json";
import { testDevice } from "../setup/gpu.ts";

/** Weights from PyTorch's own files: the nets answer as PyTorch does, and give the files back. */

const files = import.meta.glob<string>("../golden/models/*.safetensors", {
  eager: true,
  query: "?url",
  import: "default",
});

async function bytesOf(name: string): Promise<Uint8Array> {
  const response = await fetch(files[`../golden/models/${name}`]!);
  return new Uint8Array(await response.arrayBuffer());
}

describe.each(golden("states", states).nets.map((net) => [net.name, net] as const))("%s", (name, net) => {
  test("logits in evaluation mode, and the file again", async () => {
    const bytes = await bytesOf(`state-${name}.safetensors`);
    const { inputs } = net;
    const logits = decodeDoubles(net.logits);
    const learner = goldenLearner({
      device: await testDevice(),
      model: net.model,
      loss: { kind: "crossEntropy" },
      optimizer: sgd(),
      inputs: { ...inputs, shape: [1, ...inputs.shape] },
      targets: { shape: [1, 3], dtype: "i32", data: btoa("\0".repeat(12)) },
      order: [0],
    });
    const report = await loadSafetensors(learner, bytes);
    expect(report.loaded).toHaveLength(readSafetensors(bytes).tensors.size);
    const { output } = await learner.predict(decodeFloats(inputs));
    expect(output!.data).toHaveLength(logits.length);
    output!.data.forEach((value, i) => {
      expect(Math.abs(value - logits[i]!), `logit ${i}`).toBeLessThanOrEqual(1e-5);
    });
    expect(await saveSafetensors(learner)).toEqual(bytes);
    learner.dispose();
  });
});
