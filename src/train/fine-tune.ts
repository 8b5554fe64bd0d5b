import { OptionError } from "../core/errors.ts";
import { groupOf } from "../optim/optimizer.ts";
import type { OneCycleFitOptions } from "./fit-options.ts";
import type { Learner } from "./learner.ts";

/** Options of `fineTune`; the defaults are fastai's. Those of one-cycle hold for both parts. */
export interface FineTuneOptions extends Omit<OneCycleFitOptions, "lrMax"> {
  /** Peak lr while the body is frozen; half of it afterwards. Default 2e-3. */
  readonly baseLr?: number;
  /** Epochs with the body frozen. Default 1. */
  readonly freezeEpochs?: number;
  /** Afterwards the first group trains at the last one's lr over this. Default 100. */
  readonly lrMult?: number;
  /** Paths of what is frozen at first. Default what the optimizer's groups match: all but the rest. */
  readonly freeze?: readonly string[];
}

/**
 * Trains the head with the body frozen (batch norm keeps training), then everything at rates spread over the groups.
 * Source  fastai fine_tune: one_cycle(1, slice(2e-3), pct_start 0.99); one_cycle(n, slice(1e-3/100, 1e-3), pct_start 0.3, div 5)
 */
export async function fineTune(learner: Learner, epochs: number, options: FineTuneOptions): Promise<void> {
  const { baseLr = 2e-3, freezeEpochs = 1, lrMult = 100, pctStart = 0.3, div = 5, freeze, ...rest } = options;
  const paths = freeze ?? bodyOf(learner);
  for (const path of paths) learner.freeze(path, { batchNorm: "trainable" });
  try {
    await learner.fitOneCycle(freezeEpochs, { ...rest, lrMax: { to: baseLr }, pctStart: 0.99 });
  } finally {
    learner.unfreeze();
  }
  const lrMax = { from: baseLr / 2 / lrMult, to: baseLr / 2 };
  await learner.fitOneCycle(epochs, { ...rest, lrMax, pctStart, div });
}

/** Layers whose parameters all lie in a group of their own: all but the last, which holds the rest. */
function bodyOf({ model, optimizer }: Learner): string[] {
  const rest = optimizer.groups.length;
  const groups = new Map<string, number[]>();
  for (const parameter of model.parameters()) {
    const path = parameter.name.slice(0, Math.max(0, parameter.name.lastIndexOf(".")));
    groups.set(path, [...(groups.get(path) ?? []), groupOf(optimizer, parameter)]);
  }
  const body = [...groups].filter(([, found]) => found.every((group) => group < rest)).map(([path]) => path);
  if (body.length > 0 && body.length < groups.size) return body;
  throw new OptionError({
    op: "fineTune",
    problem: "layers to freeze",
    expected: "those of the optimizer's groups, with a rest that trains",
    got: body.length === 0 ? "no group that covers a layer" : "every layer",
    fix: 'give the optimizer groups ({ match: "body" }, first layers first), or pass freeze: ["body"]',
  });
}
