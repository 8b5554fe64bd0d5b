import { FASTAI_BINS } from "../../src/core/histogram.ts";
import { randomBits, randomUnit, streamKey } from "../../src/core/random.ts";
import { RunData, type RunMessage } from "../../src/dashboard/run-data.ts";
import type { ProbeResult } from "../../src/train/probes.ts";

export interface RandomRunOptions {
  readonly steps: number;
  /** Steps from one histogram to the next. */
  readonly every: number;
  /** A bin that has half of all elements at one step. */
  readonly outlier?: { readonly step: number; readonly bin: number };
}

const LAYERS = ["block1.relu", "block2.relu"];
const ELEMENTS = 1000;
const EPOCH = 30;

/** What a run of random numbers tells. The same every time. */
export function randomMessages({ steps, every, outlier }: RandomRunOptions): RunMessage[] {
  const messages: RunMessage[] = [];
  const key = streamKey(7, 1);
  for (let step = 0; step < steps; step++) {
    const loss = 2.3 * Math.exp(-step / 40) + 0.05 + 0.1 * randomUnit(key, step);
    const epoch = Math.floor(step / EPOCH);
    const numbers = { step, epoch, loss, lr: 0.001 + 0.01 * randomUnit(key + 1, step), momentum: 0.85 };
    messages.push({ type: "steps", records: [numbers] });
    if (step % every === 0) {
      const results = LAYERS.map((path, layer) => {
        const bins = histogram(streamKey(step, layer));
        if (step === outlier?.step) bins[outlier.bin] = ELEMENTS / 2;
        return activation(path, bins);
      });
      messages.push({ type: "statistics", of: "activations", histogram: FASTAI_BINS, step, results });
    }
    if (step % EPOCH === EPOCH - 1) {
      const metrics = { accuracy: 1 - loss / 3 };
      const record = { epoch, trainLoss: loss, validLoss: 1.1 * loss, metrics, seconds: 1 };
      messages.push({ type: "epoch", record });
    }
  }
  return messages;
}

export function randomRun(options: RandomRunOptions): RunData {
  const run = new RunData();
  for (const message of randomMessages(options)) run.apply(message);
  return run;
}

function histogram(key: number): Uint32Array {
  const bins = new Uint32Array(FASTAI_BINS.bins);
  for (let i = 0; i < ELEMENTS; i++) {
    const bin = Math.floor(
      FASTAI_BINS.bins * randomUnit(key, i) ** 3 * (0.3 + (randomBits(key, 0) % 7) / 10),
    );
    bins[Math.min(bins.length - 1, bin)]!++;
  }
  return bins;
}

function activation(path: string, bins: Uint32Array): ProbeResult {
  const share = bins[0]! / ELEMENTS;
  const moments = { mean: 1 - share, std: 1, min: 0, max: 10, norm: 3, nan: 0, inf: 0 };
  const rest = { signedBelow005: share, firstBinShare: share, under: 0, over: 0 };
  const statistics = { count: ELEMENTS, ...moments, ...rest, bins };
  return { of: "activations", path, kind: "relu", shape: [10, 100], statistics };
}
