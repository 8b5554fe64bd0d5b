import type { Snapshot } from "../gpu/engine.ts";
import type { SentStep } from "./fit-context.ts";
import { LOSS_COLUMN } from "./graphs.ts";
import type { Learner } from "./learner.ts";
import { histogramScale, type ProbeKind, type ProbeRequest, type ProbeResult, readProbes } from "./probes.ts";

/** Where numbers stopped being finite. */
export interface NonFinite {
  /** Optimizer steps before the one in which it happened, over the learner's life. */
  readonly step: number;
  /** Outputs of a layer; gradients of its parameters while all outputs were finite; or only what the update made of them. */
  readonly phase: "forward" | "backward" | "update";
  /** Path of the layer that went first in the order of that phase; "loss" where every layer's outputs are finite; "unknown". */
  readonly layer: string;
  /** One sentence for people. */
  readonly message: string;
}

const KINDS: readonly ProbeKind[] = ["weights", "activations", "gradients"];

/**
 * Goes back to a snapshot, runs the steps since then again bit for bit, and looks at the step whose loss was not
 * finite: at its weights, else at the outputs of its layers; where its weights are broken, at the step before. Leaves
 * the learner before the step to blame.
 */
export async function findNonFinite(
  learner: Learner,
  snapshot: Snapshot,
  steps: readonly SentStep[],
  bad: number,
): Promise<NonFinite> {
  const { seen, loss } = await probedStep(learner, snapshot, steps, bad);
  const weights = broken(seen, "weights");
  const [output] = broken(seen, "activations");
  let found: NonFinite;
  if (weights.length === 0 || !steps.some(({ row }) => row.step < bad)) {
    found = output
      ? report(bad, "forward", output.path, `the outputs of ${described(output)}`)
      : lossOnly(bad, loss);
  } else {
    const before = await probedStep(learner, snapshot, steps, bad - 1);
    found = blame(before.seen, weights[0]!, bad - 1);
  }
  await replay(learner, snapshot, steps, found.step);
  learner.steps = found.step;
  learner.restoreOrder();
  return found;
}

/** Every layer's outputs are finite: the loss is not, or it was so only because of a change that is not part of a step. */
function lossOnly(step: number, loss: number): NonFinite {
  return Number.isFinite(loss)
    ? report(
        step,
        "forward",
        "unknown",
        "what something other than training wrote: run again, the steps are finite",
      )
    : report(step, "forward", "loss", "the loss itself, while the outputs of every layer are finite");
}

/** The update of a step broke weights: by its gradients, of which the last layer's come first, or by itself. */
function blame(seen: readonly ProbeResult[], weight: ProbeResult, step: number): NonFinite {
  const gradient = broken(seen, "gradients").at(-1);
  if (!gradient) {
    return report(
      step,
      "update",
      layerOf(weight),
      `${described(weight)}, which the update made of finite gradients`,
    );
  }
  return report(step, "backward", layerOf(gradient), `the gradient of ${described(gradient)}`);
}

function report(step: number, phase: NonFinite["phase"], layer: string, what: string): NonFinite {
  const message = `step ${step}, ${phase}: first not finite is ${what}; the weights are those before that step`;
  return { step, phase, layer: layer || "model", message };
}

function described({ path, statistics }: ProbeResult): string {
  const { nan, inf, count } = statistics;
  return `${path} (${nan} NaN and ${inf} infinite of ${count})`;
}

function layerOf({ path }: ProbeResult): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}

function broken(seen: readonly ProbeResult[], kind: ProbeKind): ProbeResult[] {
  return seen.filter(({ of, statistics: { nan, inf } }) => of === kind && nan + inf > 0);
}

/** Statistics of everything in one step, after the steps before it; of its first micro-batch that is not finite. */
async function probedStep(
  learner: Learner,
  snapshot: Snapshot,
  steps: readonly SentStep[],
  step: number,
): Promise<{ readonly seen: readonly ProbeResult[]; readonly loss: number }> {
  await replay(learner, snapshot, steps, step);
  const { program, feeder, options } = learner;
  const requests = KINDS.map((of): ProbeRequest => {
    return { of, at: "*", every: 1, splits: ["train"], histogram: histogramScale({}), receive: () => {} };
  });
  let seen: ProbeResult[] = [];
  let loss = Number.NaN;
  for (const { row } of steps.filter((sent) => sent.row.step === step && sent.row.batchSize !== undefined)) {
    const plan = await program.step("train", options.data.train, row.batchSize!, program.variant, requests);
    await feeder.add(plan, row, (scalars, bytes) => {
      loss = scalars[LOSS_COLUMN]!;
      seen = readProbes(program.planned(plan).values(), bytes).map(({ result }) => result);
    });
    await feeder.drain();
    if (!Number.isFinite(loss) || KINDS.some((kind) => broken(seen, kind).length > 0)) break;
  }
  return { seen, loss };
}

/** The state before a step: the snapshot's, and the steps since then again. */
async function replay(
  learner: Learner,
  snapshot: Snapshot,
  steps: readonly SentStep[],
  until: number,
): Promise<void> {
  const { feeder, program } = learner;
  learner.restore(snapshot);
  const plans = await learner.preparePlans();
  let epoch = -1;
  for (const { plan, row, epoch: own } of steps) {
    // The order of examples that the step itself needs is sent too.
    if (own !== epoch && row.step <= until) {
      await feeder.flush();
      learner.shuffle(own);
      epoch = own;
    }
    if (row.step >= until) break;
    // A plan that tuning has replaced since computes the same but for rounding.
    const instead = row.batchSize === undefined ? plans.update! : plans.full;
    await feeder.add(program.engine.has(plan) ? plan : instead, row);
  }
  await feeder.drain();
}
