import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildModel, MODELS } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Model } from "../../src/nn/model.ts";
import { matmul } from "../../src/ops/index.ts";
import { adam, sgd } from "../../src/optim/optimizer.ts";
import { type Summary, summary } from "../../src/train/summary.ts";

/** What PyTorch counts for five nets; see tests/golden/README.md. */
interface Golden {
  readonly batch: number;
  readonly nets: Readonly<
    Record<
      string,
      Readonly<
        Record<"parameters" | "buffers" | "gamma" | "beta" | "forwardMacs" | "backwardMacs", number>
      > & {
        readonly outputs: readonly (readonly number[])[];
      }
    >
  >;
}

const golden = JSON.parse(readFileSync("tests/golden/summary.json", "utf8")) as Golden;
const shapeOf = (name: string) => MODELS[name as keyof typeof MODELS].input;

describe("summary", () => {
  test.each(Object.entries(golden.nets))("%s counts what PyTorch counts", (name, want) => {
    const { totals, rows } = summary(buildModel(name), shapeOf(name), { batch: golden.batch });
    expect(totals).toMatchObject({
      parameters: want.parameters,
      buffers: want.buffers,
      gamma: want.gamma,
      beta: want.beta,
      forwardMacs: want.forwardMacs,
      backwardMacs: want.backwardMacs,
    });
    expect(totals.weights + totals.biases + totals.gamma + totals.beta).toBe(want.parameters);
    // PyTorch's ReLU after a sum, and its mean over pixels, are no modules or ones of another shape.
    const ours = rows
      .filter(({ type }) => type === "conv2d" || type === "linear")
      .map(({ output }) => `${output}`);
    const theirs = new Set(want.outputs.map(String));
    expect(ours.filter((shape) => !theirs.has(shape))).toEqual([]);
  });

  test("the book's net, on paper", () => {
    const { rows, totals } = summary(buildModel("book"), [1, 28, 28], { batch: 2, optimizer: adam() });
    const byName = Object.fromEntries(rows.map((row) => [row.name, row]));
    const conv2 = byName["block2.conv"]!;
    expect(conv2.parameters).toMatchObject({
      weights: 16 * 8 * 9,
      biases: 0,
      formula: "weight 16·8·3·3 = 1152",
    });
    expect(conv2.outputFormula).toBe("H' = ⌊(14 + 2·1 − 1·(3 − 1) − 1)/2⌋ + 1 = 7");
    expect(conv2.forwardMacs).toEqual({ count: 2 * 16 * 49 * 72, formula: "2·16·7·7·8·3·3" });
    expect(conv2.backwardMacs).toEqual({ count: 4 * 16 * 49 * 72, formula: "(dX + dW) 2·2·16·7·7·8·3·3" });
    // Pixels need no gradient.
    expect(byName["block1.conv"]!.backwardMacs.formula).toBe("(dW) 1·2·8·14·14·1·5·5");
    const norm = byName["block2.norm"]!;
    expect(norm.parameters).toMatchObject({ gamma: 16, beta: 16, total: 32 });
    expect(norm.buffers).toBe(33);
    // Its input, and the mean and deviation of every channel.
    expect(norm.savedBytes).toBe(4 * (2 * 16 * 49 + 16 + 16));
    expect(conv2.activationBytes).toBe(4 * 2 * 16 * 49);
    expect(totals.parameterBytes).toBe(4 * totals.parameters);
    expect(totals.optimizerBytes).toBe(8 * totals.parameters);
    expect(rows.map(({ trainable }) => trainable).filter((text) => text === "yes")).toHaveLength(9);
  });

  test("momentum costs one buffer, its absence none; frozen layers need no gradients", () => {
    const optimizerBytes = (optimizer: ReturnType<typeof sgd>) =>
      summary(buildModel("mlp"), [1, 28, 28], { optimizer }).totals.optimizerBytes;
    expect(optimizerBytes(sgd({ momentum: 0 }))).toBe(0);
    expect(optimizerBytes(sgd())).toBe(4 * (784 * 256 + 256 + 2560 + 10));
    const model = new Model(buildModel("mlp"));
    model.freeze("hidden");
    const { rows, totals } = summary(model, [1, 28, 28], { batch: 4 });
    const hidden = rows.find(({ name }) => name === "hidden")!;
    expect([hidden.trainable, hidden.backwardMacs.count]).toEqual(["no", 0]);
    expect(totals.trainable).toBe(2570);
    // Only dW: nothing before the head trains.
    expect(rows.at(-1)!.backwardMacs.formula).toBe("(dW) 1·4·10·256");
  });

  test("a shared layer counts once, a layer of one's own by its products", () => {
    const shared = nn.linear(6, 6);
    const square = nn.lambda((x) => matmul(x, x), "square");
    const { rows, totals } = summary(nn.sequential(shared, shared, square, nn.linear(6, 3)), [6], {
      batch: 6,
    });
    expect(rows.map(({ parameters }) => parameters.total)).toEqual([42, 0, 0, 21]);
    expect(rows[1]!.parameters.formula).toBe("shared");
    expect(rows[2]!.forwardMacs.count).toBe(6 * 6 * 6);
    expect(totals.parameters).toBe(63);
  });

  test("memory is compared with the limits", () => {
    const small = summary(buildModel("book"), [1, 28, 28], { batch: 4 });
    const { buffers, peak, fits, limits } = small.memory;
    expect(peak).toBe(Object.values(buffers).reduce((sum, bytes) => sum + bytes, 0));
    expect(fits).toBe(true);
    expect(limits.maxStorageBufferBindingSize).toBe(134217728);
    const target = { ...limitsOf(small), maxBufferSize: 1000 };
    expect(summary(buildModel("book"), [1, 28, 28], { batch: 4, target }).memory.fits).toBe(false);
  });

  test("the text holds the table, the formulas, the limits and torchinfo's rules", () => {
    const text = summary(buildModel("book"), [1, 28, 28], { batch: 64 }).toString();
    for (const part of ["block3.conv", "64·32·4·4·16·3·3", "largest binding", "of 134.2 MB", "torchinfo"])
      expect(text).toContain(part);
    // A convolution of bias-free weights is 4608·16 pixels·64 examples there as here.
    expect(text).toMatch(/mult-adds [\d,]+:/);
  });

  test("every model of the library has one; bad options are named", () => {
    for (const name of Object.keys(MODELS))
      expect(summary(buildModel(name), shapeOf(name)).rows.length).toBeGreaterThan(3);
    expect(() => summary(buildModel("mlp"), [1, 28, 28], { batch: 0 })).toThrow("summary: batch");
  });
});

function limitsOf({ memory }: Summary) {
  return {
    ...memory.limits,
    ...{ maxStorageBuffersPerShaderStage: 8, maxComputeWorkgroupStorageSize: 16384 },
    ...{ maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupsPerDimension: 65535 },
    ...{ subgroupMinSize: 0, subgroupMaxSize: 0, features: [] },
  };
}
