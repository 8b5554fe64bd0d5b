import { describe, expect, test } from "vitest";
import { pcg, randomUnit } from "../../src/core/random.ts";
import { dataSet, imageData } from "../../src/data/data-set.ts";
import { evaluate } from "../../src/evaluate.ts";
import * as nn from "../../src/nn/index.ts";
import { augmentDraw, gatherAugmented } from "../../src/ops/index.ts";
import { type AugmentOptions, augmentedExamples, augmentKey, checkAugment } from "../../src/train/augment.ts";
import { Learner } from "../../src/train/learner.ts";
import { testDevice } from "../setup/gpu.ts";

const IMAGES = 100;
const SIZE = [3, 9, 14] as const;
const [CHANNELS, HEIGHT, WIDTH] = SIZE;
const PLANE = HEIGHT * WIDTH;
const MEAN = [0.25, 0.5, 0.4];
const STD = [0.5, 0.25, 2];
const KEY = augmentKey(7, 3);

const bytes = Uint8Array.from(
  { length: IMAGES * CHANNELS * PLANE },
  (_, i) => (i * 73 + (i >> 5) * 41) % 256,
);
const order = Uint32Array.from({ length: IMAGES }, (_, i) => (i * 37 + 5) % IMAGES);

/** Twelve numbers of each image, and the batch made with them. */
async function run(augment: AugmentOptions, from = 0, batch = IMAGES, storage: "u8" | "f32" = "u8") {
  const attrs = checkAugment(augment);
  const floats = Float32Array.from(bytes, (byte) => byte / 255);
  const source = new Uint32Array(storage === "u8" ? bytes.buffer : floats.buffer);
  const { outputs } = await evaluate(
    await testDevice(),
    ({ source: words, indices, key }) => {
      const params = augmentDraw(indices!, key!, { ...attrs, batch, height: HEIGHT, width: WIDTH });
      const gathered = { batch, example: SIZE, storage, mean: MEAN, std: STD, fill: attrs.fill };
      return { params, y: gatherAugmented(words!, indices!, params, gathered) };
    },
    {
      source: { data: source, shape: [source.length], dtype: "u32" },
      indices: { data: order, shape: [IMAGES], dtype: "u32" },
      key: { data: [KEY], shape: [1], dtype: "u32" },
    },
    { poison: true, row: { batchStart: from } },
  );
  return { params: outputs.params!.data as Float32Array, y: outputs.y!.data as Float32Array };
}

/** The numbers of an example in double precision. */
function paramsReference(options: AugmentOptions, example: number): number[] {
  const { shift, crop, flip, rotate, shear, scale, brightness, contrast, cutout } = checkAugment(options);
  const stream = pcg((KEY ^ example) >>> 0);
  const spread = (k: number, most: number) => most * (2 * randomUnit(stream, k) - 1);
  const degrees = Math.PI / 180;
  const angle = spread(6, rotate * degrees);
  const slope = spread(8, Math.tan(shear * degrees));
  const size = scale[0] * (scale[1] / scale[0]) ** randomUnit(stream, 7);
  const flips = [
    (flip === "horizontal" || flip === "both") && randomUnit(stream, 4) < 0.5 ? -1 : 1,
    (flip === "vertical" || flip === "both") && randomUnit(stream, 5) < 0.5 ? -1 : 1,
  ] as const;
  // A place in the result, from the middle, goes back against rotation, shear, scale and flips.
  const back = (x: number, y: number): [number, number] => {
    const [rx, ry] = [x * Math.cos(angle) + y * Math.sin(angle), y * Math.cos(angle) - x * Math.sin(angle)];
    return [(flips[0] * (rx - slope * ry)) / size, (flips[1] * ry) / size];
  };
  const whole = (k: number) => Math.floor(randomUnit(stream, k) * (2 * crop + 1)) - crop;
  const moved = back(whole(2) + spread(0, shift * WIDTH), whole(3) + spread(1, shift * HEIGHT));
  const [xx, yx] = back(1, 0);
  const [xy, yy] = back(0, 1);
  const middle = [(WIDTH - 1) / 2 - moved[0], (HEIGHT - 1) / 2 - moved[1]];
  const left = Math.floor(randomUnit(stream, 11) * WIDTH) - Math.floor(cutout / 2);
  const top = Math.floor(randomUnit(stream, 12) * HEIGHT) - Math.floor(cutout / 2);
  return [
    ...[xx, xy, yx, yy, ...middle, 1 + spread(10, contrast), spread(9, brightness)],
    ...[left, top, left + cutout, top + cutout],
  ];
}

/** A pixel of the result from the numbers of its image, in double precision. */
function pixelReference(
  params: ArrayLike<number>,
  example: number,
  c: number,
  p: number,
  fill: number,
): number {
  const [xx, xy, yx, yy, mx, my, contrast, brightness, left, top, right, bottom] = Array.from(params);
  const [x, y] = [p % WIDTH, Math.floor(p / WIDTH)];
  if (x >= left! && x < right! && y >= top! && y < bottom!) return 0;
  const [dx, dy] = [x - (WIDTH - 1) / 2, y - (HEIGHT - 1) / 2];
  const [sx, sy] = [mx! + xx! * dx + xy! * dy, my! + yx! * dx + yy! * dy];
  let sum = 0;
  for (const qy of [Math.floor(sy), Math.floor(sy) + 1]) {
    for (const qx of [Math.floor(sx), Math.floor(sx) + 1]) {
      const inside = qx >= 0 && qy >= 0 && qx < WIDTH && qy < HEIGHT;
      const value = inside ? bytes[(example * CHANNELS + c) * PLANE + qy * WIDTH + qx]! / 255 : fill;
      sum += value * (1 - Math.abs(sx - qx)) * (1 - Math.abs(sy - qy));
    }
  }
  return (contrast! * (sum - 0.5) + 0.5 + brightness! - MEAN[c]!) / STD[c]!;
}

const all: AugmentOptions = {
  ...{ shift: 0.1, crop: 1, flip: "both", rotate: 20, shear: 15, scale: [0.8, 1.25] },
  ...{ brightness: 0.2, contrast: 0.4, cutout: 4, fill: 0.3 },
};

describe("each change on 100 images, against double precision", () => {
  test.each<AugmentOptions>([
    {},
    { shift: 0.2 },
    { crop: 3, fill: 0.5 },
    { flip: "horizontal" },
    { flip: "vertical" },
    { rotate: 30 },
    { scale: [0.5, 2] },
    { shear: 20 },
    { brightness: 0.3 },
    { contrast: 0.5 },
    { cutout: 5 },
    all,
  ])("%o", async (augment) => {
    const { params, y } = await run(augment);
    const { fill } = checkAugment(augment);
    for (let n = 0; n < IMAGES; n++) {
      const own = params.subarray(12 * n, 12 * n + 12);
      const wanted = paramsReference(augment, order[n]!);
      // WGSL's sines are good to 2^-11 of the radius.
      const errors = wanted.map((value, k) => Math.abs(value - own[k]!));
      expect(Math.max(...errors), `numbers of image ${n}`).toBeLessThan(augment.rotate ? 0.01 : 2e-5);
      for (let e = 0; e < CHANNELS * PLANE; e++) {
        const want = pixelReference(own, order[n]!, Math.floor(e / PLANE), e % PLANE, fill);
        const got = y[n * CHANNELS * PLANE + e]!;
        if (!(Math.abs(got - want) < 1e-4)) expect.fail(`image ${n}, element ${e}: ${got}, expected ${want}`);
      }
    }
  });
});

test("floats as bytes; the same pixels whatever the batch; a flip without more moves whole pixels", async () => {
  const whole = await run(all);
  const floats = await run(all, 0, IMAGES, "f32");
  for (const [i, value] of whole.y.entries()) expect(floats.y[i]).toBeCloseTo(value, 4);
  const size = CHANNELS * PLANE;
  for (const batch of [16, 64]) {
    const part = await run(all, 16, batch);
    expect(part.y).toEqual(whole.y.slice(16 * size, (16 + batch) * size));
  }
  const flipped = await run({ flip: "horizontal" });
  const still = await run({});
  const rows = (y: Float32Array, n: number) => [...y.subarray(n * size, n * size + WIDTH)];
  let turned = 0;
  for (let n = 0; n < IMAGES; n++) {
    const isTurned = flipped.params[12 * n] === -1;
    turned += Number(isTurned);
    expect(rows(flipped.y, n)).toEqual(isTurned ? rows(still.y, n).reverse() : rows(still.y, n));
  }
  expect(turned).toBeGreaterThan(30);
  expect(turned).toBeLessThan(70);
});

describe("a learner that augments", () => {
  const labels = Array.from({ length: IMAGES }, (_, i) => i % 4);
  const data = imageData({ images: bytes, shape: SIZE, labels, mean: MEAN, std: STD });

  async function trained(augment: AugmentOptions | undefined, epochs: number, seed = 1) {
    const model = nn.sequential(nn.flatten(), nn.linear(CHANNELS * PLANE, 4));
    const learner = new Learner({
      ...{ device: await testDevice(), model, loss: nn.crossEntropy(), batchSize: 50, seed },
      ...{ data: { train: data, valid: data }, ...(augment && { augment }) },
    });
    const before = await learner.validate("train");
    const log = await learner.fit(epochs, { lr: 0.001 });
    const result = { before: before.loss, losses: [...log.loss.values()] };
    learner.dispose();
    return result;
  }

  test("draws anew every epoch, the same again in another run; evaluation is as without", async () => {
    const plain = await trained(undefined, 1);
    const changed = await trained(all, 2);
    expect(changed.before).toBe(plain.before);
    expect(changed.losses[0]).not.toBe(plain.losses[0]);
    expect(await trained(all, 2)).toEqual(changed);
    const identity = await trained({ crop: 0 }, 1);
    for (const [i, loss] of identity.losses.entries()) expect(loss).toBeCloseTo(plain.losses[i]!, 4);
  });

  test("the preview shows what training sees", async () => {
    const device = await testDevice();
    const images = await augmentedExamples(device, data, all, { count: IMAGES, seed: 7, epoch: 3 });
    const size = CHANNELS * PLANE;
    const { y } = await run({ ...all, cutout: 0 });
    const seen = await augmentedExamples(
      device,
      data,
      { ...all, cutout: 0 },
      { count: IMAGES, seed: 7, epoch: 3 },
    );
    for (const n of [0, 41, 99]) {
      for (let e = 0; e < size; e += 7) {
        const c = Math.floor(e / PLANE);
        expect(seen[order[n]! * size + e]).toBeCloseTo(y[n * size + e]! * STD[c]! + MEAN[c]!, 4);
      }
    }
    expect(images).toHaveLength(IMAGES * size);
    expect(images).not.toEqual(seen);
  });

  test.each<[AugmentOptions, string]>([
    [{ crop: 1.5 }, "crop"],
    [{ rotate: 200 }, "rotate"],
    [{ scale: [2, 1] }, "scale"],
    [{ flip: "left" as "both" }, "flip"],
    [{ rotation: 3 } as AugmentOptions, "unknown option"],
  ])("%o is refused", (augment, message) => {
    expect(() => checkAugment(augment)).toThrow(message);
  });

  test("data without images is refused", () => {
    const rows = dataSet({
      inputs: { data: new Float32Array(8), shape: [4] },
      targets: { data: new Int32Array(2), shape: [] },
    });
    expect(() => checkAugment({ crop: 1 }, rows)).toThrow("an input of images");
  });
});
