import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { saveSafetensors } from "../files/state-dict.ts";
import { storedTensor } from "../files/tensor.ts";
import type { OneCycleOptions } from "../optim/one-cycle.ts";
import type { Learner } from "../train/learner.ts";
import { modelFile } from "./model-file.ts";
import trainScript from "./train.py?raw";

export interface ExportPyTorchOptions {
  /** The one-cycle that is under way, with the optimizer steps it was planned for; absent: lr and momentum stay as given. */
  readonly oneCycle?: OneCycleOptions;
  /** Steps of it that are done. Default: all steps of the learner. */
  readonly position?: number;
  /** Without a one-cycle: what to go on with. Default 0.01 and the optimizer's own. */
  readonly lr?: number;
  readonly momentum?: number;
  /** Epochs that train.py plans for the rest. Default 1; `--epochs` replaces it. */
  readonly epochs?: number;
  /** Of the cross-entropy in train.py. Default 0. */
  readonly labelSmoothing?: number;
}

/** Files of a hand-over by name. */
export interface PyTorchFiles {
  readonly "model.safetensors": Uint8Array<ArrayBuffer>;
  /** Momentum or moments of the optimizer, "velocity.features.0.weight". */
  readonly "optimizer.safetensors": Uint8Array<ArrayBuffer>;
  readonly "model.py": string;
  readonly "run.json": string;
  readonly "train.py": string;
}

/**
 * A run as files with which PyTorch goes on: `torchrun --nproc-per-node 8 train.py --data DIR` continues the one-cycle
 * from where it stood, with the optimizer's state, under DistributedDataParallel. The weights come back by
 * `loadSafetensors`.
 * Errors  GraphError for an op of one's own, which needs a Python twin by hand; OptionError
 */
export async function exportPyTorch(
  learner: Learner,
  options: ExportPyTorchOptions = {},
): Promise<PyTorchFiles> {
  knownOptions("exportPyTorch", options, {
    ...{ oneCycle: true, position: true, lr: true, momentum: true, epochs: true, labelSmoothing: true },
  });
  const columns = Object.entries(learner.options.data.train.inputs);
  const text = modelFile(
    learner.model,
    Object.fromEntries(columns.map(([name, { shape }]) => [name, shape])),
  );
  const { moments } = await learner.optimizerState();
  return {
    "model.py": text,
    "model.safetensors": await saveSafetensors(learner, { format: "pt" }),
    "optimizer.safetensors": writeSafetensors(momentTensors(learner, moments)),
    "run.json": `${JSON.stringify(runOf(learner, options), null, 2)}\n`,
    "train.py": trainScript,
  };
}

function momentTensors(
  learner: Learner,
  moments: Readonly<Record<string, Readonly<Record<string, ArrayLike<number>>>>>,
) {
  const shapes = new Map(learner.model.parameters().map(({ name, shape }) => [name, shape]));
  return Object.fromEntries(
    Object.entries(moments).flatMap(([moment, values]) =>
      Object.entries(values).map(([name, data]) => [
        `${moment}.${name}`,
        storedTensor(shapes.get(name)!, Float32Array.from(data)),
      ]),
    ),
  );
}

/** What run.json holds. */
function runOf(learner: Learner, options: ExportPyTorchOptions) {
  const { optimizer, steps, batchSize } = learner;
  const { seed, accumulate } = learner.options;
  const { oneCycle, position = steps, lr = 0.01, momentum = optimizer.momentum, epochs = 1 } = options;
  if (oneCycle && !(position >= 0 && position <= oneCycle.totalSteps)) {
    throw new OptionError({
      op: "exportPyTorch",
      problem: "position in the one-cycle",
      expected: `0 to its ${oneCycle.totalSteps} steps`,
      got: `${position}`,
    });
  }
  const trainable = new Set(learner.model.trainable());
  return {
    format: 1,
    producer: "wgfit",
    inputs: Object.fromEntries(
      Object.entries(learner.options.data.train.inputs).map(([name, { shape, mean, std }]) => [
        name,
        { shape, mean, std },
      ]),
    ),
    batchSize,
    accumulate,
    seed,
    steps,
    epochs,
    labelSmoothing: options.labelSmoothing ?? 0,
    optimizer,
    frozen: learner.model
      .parameters()
      .filter((state) => !trainable.has(state))
      .map(({ name }) => name),
    // Frozen batch norm that stays in evaluation, by path.
    evaluated: learner.model
      .frozenKey()
      .split(",")
      .filter((key) => key.endsWith(":eval"))
      .map((key) => key.slice(0, -":eval".length)),
    schedule: oneCycle ? { kind: "oneCycle", ...oneCycle, position } : { kind: "constant", lr, momentum },
  };
}
