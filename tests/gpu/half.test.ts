import { describe, expect, test } from "vitest";
import { randomUnit } from "../../src/core/random.ts";
import { dataSet, Learner, type LearnerOptions, nn, sgd } from "../../src/index.ts";
import { basicBlock, convBlock } from "../../src/models/blocks.ts";
import { buildModel, MODELS, type ModelName } from "../../src/models/index.ts";
import { scan } from "../../src/wgsl/scan.ts";
import { specialise } from "../../src/wgsl/specialise.ts";
import { changeStorage, enableStorage, type StorageForm } from "../../src/wgsl/storage.ts";
import { freshDevice, fullRun, testDevice } from "../setup/gpu.ts";

/**
 * Activations kept in another form than they are computed with. What needs no halves is tested on every adapter: arrays
 * of bits have another type, so that an access which was missed does not compile, and change no bit of a run; rounding
 * to halves on the way to memory shows what precision is left. f16 itself runs where the adapter has it.
 */

const files = import.meta.glob<string>("../../shaders/*.wgsl", {
  eager: true,
  query: "?raw",
  import: "default",
});

/** False for shaders with a language extension that the tests' device does not have. */
const enabled = ([, code]: readonly [string, string]) => !/^enable \w*subgroup_matrix;/.test(code);

/** What the browser's compiler says against the shaders with all of their arrays in a form. */
async function complaints(device: GPUDevice, form: StorageForm): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(files)
      .filter(enabled)
      .map(async ([file, code]) => {
        const whole = specialise(code, file, {});
        const changed = scan(whole).bindings.reduce(
          (text, { name }) => changeStorage(text, name, form) ?? text,
          whole,
        );
        const module = device.createShaderModule({ code: enableStorage(changed, form) });
        const { messages } = await module.getCompilationInfo();
        return messages.map(({ lineNum, message }) => `${file}:${lineNum} ${message}`);
      }),
  );
  return found.flat();
}

type TestModel = ModelName | "residual";

/** The sum of two paths that both have convolutions and norms. */
function residualNet() {
  return nn.sequential({
    stem: convBlock(3, 8),
    block: basicBlock(8, 16, 2),
    mean: nn.globalAvgPool2d(),
    head: nn.linear(16, 10),
  });
}

async function learner(name: TestModel, options: Partial<LearnerOptions> = {}): Promise<Learner> {
  const { input, labels } = MODELS[name === "residual" ? "resnet8" : name];
  const shape = [input[0]!, 20, 20];
  const count = 16;
  const size = shape.reduce((a, b) => a * b, 1);
  const images = Float32Array.from({ length: count * size }, (_, i) => randomUnit(3, i) - 0.5);
  const pixels = labels === "pixel" ? [20, 20] : [];
  const classes = Int32Array.from(
    { length: count * (labels === "pixel" ? 400 : 1) },
    (_, i) => (i * 7 + (i >> 4)) % 10,
  );
  const train = dataSet({
    inputs: { data: images, shape },
    targets: { data: classes, shape: pixels },
    classes: 10,
  });
  return new Learner({
    device: await testDevice(),
    model: name === "residual" ? residualNet() : buildModel(name, { input: shape, classes: 10 }),
    data: { train },
    loss: nn.crossEntropy(),
    optimizer: sgd({ momentum: 0.9 }),
    batchSize: 8,
    seed: 4,
    ...options,
  });
}

/** Losses of two epochs, and all parameters and statistics after them. */
async function trained(
  name: TestModel,
  storage: StorageForm | undefined,
  options: Partial<LearnerOptions> = {},
) {
  const one = await learner(name, options);
  one.program.storage = storage;
  await one.fit(2, { lr: 0.05 });
  const { loss } = await one.validate("train");
  const plan = await one.explain();
  const result = { losses: [...one.run.loss.values()], loss, state: await one.state(), plan };
  one.dispose();
  return result;
}

describe("every kernel with its arrays in another form", () => {
  test.each(["bits", "rounded"] as const)("%s: types agree everywhere", async (form) => {
    expect(await complaints(await testDevice(), form)).toEqual([]);
  });

  test("f16, where the adapter has it", async ({ skip }) => {
    const device = await testDevice();
    skip(!device.features.has("shader-f16"), "the adapter has no shader-f16");
    expect(await complaints(device, "f16")).toEqual([]);
  });
});

describe("training", () => {
  const longer = ["book", "resnet8", "tinyDenseNet"] as const;
  test.each([...(["cnn", "book-plain", "residual", "tinyUnet"] as const), ...(fullRun ? longer : [])])(
    "%s: activations as bits change no bit",
    async (name) => {
      const plain = await trained(name, undefined);
      const { plan, ...bits } = await trained(name, "bits");
      expect(bits).toEqual({ losses: plain.losses, loss: plain.loss, state: plain.state });
      expect(plan.match(/ bits=/g)!.length).toBeGreaterThan(10);
    },
  );

  test("rounded to halves, with a dynamic loss scale: losses within 1 % of those of f32, none equal", async () => {
    const plain = await trained("cnn", undefined);
    const rounded = await trained("cnn", "rounded", { lossScale: "dynamic" });
    rounded.losses.forEach((loss, i) => {
      const expected = plain.losses[i]!;
      expect(Math.abs(loss - expected) / expected).toBeLessThan(0.01);
      expect(loss).not.toBe(expected);
    });
  });

  /** Gradients that no half can hold, at first: those steps are skipped, and the scale falls until none is. */
  async function overflowed(storage: "rounded" | "f16"): Promise<void> {
    const one = await learner("cnn", { lossScale: { initial: 2 ** 32, interval: 1000 } });
    one.program.storage = storage;
    const scales: number[] = [];
    one.use({ name: "scales", onRecord: ({ lossScale }) => void scales.push(lossScale!) });
    await one.fit(10, { lr: 0.05 });
    const [, , skipped] = (await one.optimizerState()).lossScale as Float32Array;
    expect(skipped).toBeGreaterThan(0);
    expect(skipped).toBeLessThan(scales.length);
    expect(scales).toEqual(scales.map((_, i) => 2 ** (32 - Math.min(i, skipped!))));
    for (const [name, values] of Object.entries(await one.state())) {
      expect(values.every(Number.isFinite), name).toBe(true);
    }
    one.dispose();
  }

  test("gradients that overflow a half on their way to memory are skipped", () => overflowed("rounded"));

  test("f16 trains as rounding to halves does, where the adapter has it", async ({ skip }) => {
    const device = await testDevice();
    skip(!device.features.has("shader-f16"), "the adapter has no shader-f16");
    for (const name of ["cnn", "residual", "tinyUnet"] as const) {
      const rounded = await trained(name, "rounded", { lossScale: "dynamic" });
      const half = await trained(name, "f16", { half: true });
      // The smallest halves may count as 0, and devices differ in that.
      half.losses.forEach((loss, i) => {
        expect(Math.abs(loss - rounded.losses[i]!) / loss, name).toBeLessThan(1e-4);
      });
      expect(half.plan.match(/ f16=/g)!.length).toBeGreaterThan(10);
    }
    await overflowed("f16");
  });
});

describe("the option", () => {
  test("is refused on a device without halves, before anything is made", async () => {
    const device = await freshDevice({ requiredFeatures: [] });
    await expect(learner("cnn", { half: true, device })).rejects.toThrow(
      /a device with the feature shader-f16/,
    );
    device.destroy();
  });

  test("is refused beside the tuner; brings a dynamic loss scale, unless one is given", async () => {
    const real = await testDevice();
    // The facts of a device that has halves: nothing is compiled here.
    const device = new Proxy(real, {
      get: (target, name) => (name === "features" ? new Set(["shader-f16"]) : Reflect.get(target, name)),
    });
    await expect(learner("cnn", { half: true, device, tune: "auto" })).rejects.toThrow(/tune beside half/);
    const one = await learner("cnn", { half: true, device });
    expect(one.options.lossScale).toBe("dynamic");
    expect(one.program.storage).toBe("f16");
    const given = await learner("cnn", { half: true, device, lossScale: { initial: 8 } });
    expect(given.options.lossScale).toEqual({ initial: 8 });
    for (const each of [one, given]) each.dispose();
  });
});
