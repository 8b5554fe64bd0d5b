/** The part of `npm run verdict` that runs in headless Chrome. */
import type { Splits } from "../data/split-last.ts";
import { describeAdapter, requestDevice } from "../gpu/request-device.ts";
import { bookNet } from "../models/index.ts";
import * as nn from "../nn/index.ts";
import type { Module } from "../nn/module.ts";
import { sgd } from "../optim/optimizer.ts";
import { TrainingVerdict } from "../train/callbacks/training-verdict.ts";
import { Learner } from "../train/learner.ts";
import { accuracy } from "../train/metrics.ts";
import { answer, loadData } from "./page.ts";
import type { Answer } from "./train-result.ts";
import type { VerdictResult, VerdictRun } from "./verdict-runs.ts";

/** Training images of an epoch where the digits are built in. */
const DRAWN_EXAMPLES = 2400;

let session: { readonly device: GPUDevice; readonly data: Splits } | undefined;

/** Requests the device and loads the data. */
export function prepare(request: { files: readonly string[] | null }): Promise<Answer<string>> {
  return answer(async () => {
    const device = await requestDevice({ onWarning: () => {} });
    const dataOf = await loadData({ ...request, examples: DRAWN_EXAMPLES, valid: null });
    const data = dataOf(1);
    session = { device, data };
    const { train, valid } = data;
    return `${describeAdapter(device).text}; ${train.count} to train, ${valid.count} to validate`;
  });
}

/** Trains one net and reads it. */
export function judge(run: VerdictRun): Promise<Answer<VerdictResult>> {
  return answer(async () => {
    const { device, data } = session!;
    const isHigh = run.rate === "constant 0.6";
    const watch = new TrainingVerdict();
    const learner = new Learner({
      device,
      data,
      model: netOf(run),
      loss: nn.crossEntropy(),
      optimizer: isHigh ? sgd({ momentum: 0 }) : sgd(),
      metrics: [accuracy()],
      batchSize: run.batch,
      seed: run.seed,
      callbacks: [watch],
      onWarning: () => {},
    });
    const started = performance.now();
    try {
      if (isHigh) await learner.fit(run.epochs, { lr: 0.6 });
      else await learner.fitOneCycle(run.epochs, { lrMax: 0.06 });
      const { validLoss, metrics } = learner.run.epochs.at(-1)!;
      const { kind, isHealthy, sentence, collapses } = watch.verdict();
      return {
        ...run,
        ...{ kind, isHealthy, sentence, collapses, accuracy: metrics.accuracy!, loss: validLoss },
        seconds: (performance.now() - started) / 1000,
        layers: Object.fromEntries(
          [...watch.layers].map(([layer, { quantiles, inactive }]) => [layer, { quantiles, inactive }]),
        ),
        updateRatios: Object.fromEntries(watch.updateRatios),
      };
    } finally {
      learner.dispose();
    }
  });
}

function netOf({ net, batchNorm }: VerdictRun): Module {
  if (net === "book") return bookNet({ batchNorm });
  return net === "conv" ? convNet(batchNorm) : mlp(batchNorm);
}

/** Three convolutions of stride 2 with 8, 16 and 32 channels, then a linear layer. */
function convNet(batchNorm: boolean): Module {
  const layers: Record<string, Module> = {};
  let previous = 1;
  for (const [i, width] of [8, 16, 32].entries()) {
    layers[`conv${i + 1}`] = nn.conv2d(previous, width, {
      kernel: 3,
      stride: 2,
      padding: 1,
      bias: !batchNorm,
    });
    if (batchNorm) layers[`norm${i + 1}`] = nn.batchNorm(width);
    layers[`relu${i + 1}`] = nn.relu();
    previous = width;
  }
  return nn.sequential({ ...layers, flatten: nn.flatten(), head: nn.linear(32 * 4 * 4, 10) });
}

/** Linear layers of 256, 128 and 64 units. */
function mlp(batchNorm: boolean): Module {
  const layers: Record<string, Module> = { flatten: nn.flatten() };
  let previous = 784;
  for (const [i, width] of [256, 128, 64].entries()) {
    layers[`linear${i + 1}`] = nn.linear(previous, width, { bias: !batchNorm });
    if (batchNorm) layers[`norm${i + 1}`] = nn.batchNorm(width);
    layers[`relu${i + 1}`] = nn.relu();
    previous = width;
  }
  return nn.sequential({ ...layers, head: nn.linear(previous, 10) });
}
