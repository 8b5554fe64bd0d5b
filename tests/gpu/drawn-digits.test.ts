import { describe, expect, test } from "vitest";
import { imageData } from "../../src/data/data-set.ts";
import { DIGIT_FORMS } from "../../src/data/digit-forms.ts";
import { drawnDigits } from "../../src/data/drawn-digits.ts";
import { DIGIT_MOMENTS } from "../../src/data/moments.ts";
import { packForms, parseForms } from "../../src/data/pack-forms.ts";
import { evaluate } from "../../src/evaluate.ts";
import * as nn from "../../src/nn/index.ts";
import { digitPixels, digitStrokes } from "../../src/ops/index.ts";
import { drawnExamples } from "../../src/train/drawn-examples.ts";
import { Learner } from "../../src/train/learner.ts";
import { digitStrokesReference, type Stroke } from "../reference/digit-strokes.ts";
import { testDevice } from "../setup/gpu.ts";

const IMAGES = 200;
const VECTORS = 98;
const forms = parseForms(DIGIT_FORMS);

/** Segments and pixels of 200 images from the 30th on, moved by up to a pixel. */
async function drawSome(row: { seed: number; step: number }) {
  const words = packForms(forms);
  const all = (IMAGES + 30) * 196;
  const inputs = {
    forms: { data: words, shape: [words.length], dtype: "u32" as const },
    images: { data: new Uint32Array(all), shape: [all], dtype: "u32" as const },
  };
  const { outputs, state } = await evaluate(
    await testDevice(),
    ({ forms: packed, images }) => {
      const segments = digitStrokes(packed!, { count: IMAGES, shift: 1 });
      digitPixels(segments, images!);
      return segments;
    },
    inputs,
    { row: { ...row, batchStart: 30, batchSize: IMAGES } },
  );
  const bytes = new Uint8Array((state.images!.data as Uint32Array<ArrayBuffer>).buffer);
  return {
    segments: outputs.output!.data as Float32Array,
    before: bytes.subarray(0, 30 * 784),
    bytes: bytes.subarray(30 * 784),
  };
}

/** The heads and strokes of an image. */
function strokesOf(segments: Float32Array, image: number) {
  const own = segments.subarray(image * VECTORS * 4, (image + 1) * VECTORS * 4);
  const strokes = Array.from({ length: own[0]! }, (_, s): Stroke => {
    const at = 8 + 8 * s;
    return [own[at]!, own[at + 1]!, own[at + 2]!, own[at + 3]!, own[at + 4]!, own[at + 5]!];
  });
  return { strokes, sharpness: own[1]!, fade: own[2]!, phase: own[3]!, waves: own.subarray(4, 8) };
}

/** A pixel in double precision. */
function inkAt(
  x: number,
  y: number,
  { strokes, sharpness, fade, phase, waves }: ReturnType<typeof strokesOf>,
) {
  const distances = strokes.map(([x0, y0, dx, dy, radius, change]) => {
    const along = ((x - x0) * dx + (y - y0) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
    const t = Math.min(1, Math.max(0, along));
    return Math.hypot(x - x0 - t * dx, y - y0 - t * dy) - (radius + t * change);
  });
  const ink = Math.min(1, Math.max(0, 0.5 - Math.min(...distances) * sharpness));
  if (fade >= 1) return ink;
  const [ax, ay, bx, by] = waves as unknown as [number, number, number, number];
  const noise = Math.sin(phase + ax * x + ay * y) * Math.sin(bx * x + by * y);
  return ink * (1 - Math.min(1, Math.max(0, 4 * (noise - fade))));
}

describe("the kernels", () => {
  test("strokes and pixels are those of the reference; the images before are left alone", async () => {
    const row = { seed: 5, step: 3 };
    const { segments, bytes, before } = await drawSome(row);
    let faded = 0;
    for (let i = 0; i < IMAGES; i++) {
      const drawn = strokesOf(segments, i);
      const wanted = digitStrokesReference(forms, { seed: 5, epoch: 3, image: 30 + i, shift: 1 });
      expect(drawn.strokes.length, `image ${i}`).toBe(wanted.strokes.length);
      expect(1 / drawn.sharpness).toBeCloseTo(wanted.softness, 4);
      const errors = drawn.strokes.flatMap((stroke, s) =>
        stroke.map((value, k) => Math.abs(value - wanted.strokes[s]![k]!)),
      );
      // Sines are good to 2^-11 in WGSL: a hundredth of a pixel over a digit of twenty.
      expect(Math.max(...errors), `strokes of image ${i}`).toBeLessThan(0.03);
      if (drawn.fade < 1) faded++;
      // The sines of a fade are good to 2^-11 in WGSL, and its edge is four times as steep.
      const slack = drawn.fade < 1 ? 2 : 0.52;
      for (let p = 0; p < 784; p++) {
        const ink = 255 * inkAt((p % 28) + 0.5, Math.floor(p / 28) + 0.5, drawn);
        const byte = bytes[784 * i + p]!;
        if (Math.abs(byte - ink) > slack) expect.fail(`image ${i}, pixel ${p}: ${byte}, expected ${ink}`);
      }
    }
    expect(faded).toBeGreaterThan(4);
    expect(before.every((byte) => byte === 0)).toBe(true);
  });
});

describe("drawn digits", () => {
  test("same seed and epoch, same bytes; the stroke's box has 20 pixels and its mass is centred", async () => {
    const device = await testDevice();
    const draw = async (seed: number, epoch: number, count = IMAGES) => {
      const { train } = drawnDigits({ count: IMAGES, seed, shift: 0 });
      return (await drawnExamples(device, train, { count, epoch })).x!;
    };
    const one = await draw(1, 0);
    expect(await draw(1, 0)).toEqual(one);
    expect(await draw(1, 0, 7)).toEqual(one.slice(0, 7 * 784));
    expect(await draw(1, 1)).not.toEqual(one);
    expect(await draw(2, 0)).not.toEqual(one);
    for (let i = 0; i < IMAGES; i++) {
      const { width, height, x, y } = inkOf(one.subarray(784 * i, 784 * (i + 1)));
      expect(Math.max(width, height), `image ${i}`).toBeLessThanOrEqual(22);
      // Overlapping segments count twice where the kernel takes the mean, and half a pixel is rounded.
      expect(Math.max(Math.abs(x - 14), Math.abs(y - 14)), `image ${i}`).toBeLessThan(2);
    }
  });

  test("a run on drawn digits has the losses of one on the same digits stored", async () => {
    const device = await testDevice();
    const count = 1100;
    const drawn = drawnDigits({ count, valid: 40 });
    const still = drawnDigits({ count, valid: 40, fresh: false });
    const stored = async (epoch: number) =>
      imageData({
        images: (await drawnExamples(device, drawn.train, { epoch })).x!,
        shape: [1, 28, 28],
        labels: Array.from({ length: count }, (_, i) => i % 10),
        ...DIGIT_MOMENTS,
      });
    const run = async (data: Learner["options"]["data"], epochs: number) => {
      const model = nn.sequential(nn.flatten(), nn.linear(784, 10));
      const learner = new Learner({ device, model, data, loss: nn.crossEntropy(), batchSize: 100 });
      const log = await learner.fit(epochs, { lr: 0.01 });
      const after = await learner.validate("train");
      learner.dispose();
      return { losses: [...log.loss.values()], after: after.loss };
    };
    const first = await run({ train: await stored(0) }, 2);
    const fixed = await run({ train: still.train }, 2);
    expect(fixed).toEqual(first);
    const fresh = await run({ train: drawn.train, valid: drawn.valid }, 2);
    expect(fresh.losses.slice(0, 11)).toEqual(first.losses.slice(0, 11));
    // The second epoch shows new images: what it ends with is measured on those.
    expect(fresh.losses.slice(11)).not.toEqual(first.losses.slice(11));
    const second = await run({ train: await stored(1) }, 1);
    expect(second.losses.slice(0, 11)).not.toEqual(first.losses.slice(0, 11));
  });
});

/** Size of the box of visible ink, and the ink's centre of mass. */
function inkOf(image: Uint8Array) {
  const lines = { rows: new Float64Array(28), columns: new Float64Array(28) };
  for (const [p, value] of image.entries()) {
    lines.rows[Math.floor(p / 28)]! += value;
    lines.columns[p % 28]! += value;
  }
  const extent = (sums: Float64Array) =>
    sums.findLastIndex((sum) => sum > 0) - sums.findIndex((sum) => sum > 0) + 1;
  const centre = (sums: Float64Array) => {
    const total = sums.reduce((sum, value) => sum + value, 0);
    return sums.reduce((sum, value, i) => sum + value * (i + 0.5), 0) / total;
  };
  return {
    width: extent(lines.columns),
    height: extent(lines.rows),
    x: centre(lines.columns),
    y: centre(lines.rows),
  };
}
