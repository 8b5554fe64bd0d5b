import { OptionError } from "../core/errors.ts";
import { MAX_GROUPS } from "../core/hypers.ts";
import { knownOptions, type OptionNames } from "../core/known-options.ts";
import type { State } from "../graph/value.ts";
import { type GroupNumbers, HYPER_NAMES, type StepHypers } from "./hyper-schedules.ts";

/** Parameters that have hyper-parameters of their own; the first group that matches a parameter takes it. */
export interface ParameterGroup {
  /** Paths: a name, or a pattern in which `*` stands for any text ("head.*", "*.bias"), or several. */
  readonly match: string | readonly string[];
  /** Multiplies the schedule's lr. Default 1. */
  readonly lrFactor?: number;
  /** Replaces the optimizer's weight decay. */
  readonly weightDecay?: number;
}

interface CommonOptions {
  readonly weightDecay?: number;
  readonly groups?: readonly ParameterGroup[];
  /** Scales the gradients so that their norm over all parameters is at most this. */
  readonly clipNorm?: number;
  /** Cuts every gradient element to [−clipValue, clipValue]. */
  readonly clipValue?: number;
}

const COMMON: OptionNames<CommonOptions> = {
  weightDecay: true,
  groups: true,
  clipNorm: true,
  clipValue: true,
};

export interface SgdOptions extends CommonOptions {
  /** Momentum where no schedule sets it. Default 0; an explicit 0 also saves its buffer, and no schedule can set it. */
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
}

export interface AdamOptions extends CommonOptions {
  /** β1 (where no schedule sets it) and β2. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
}

/** An optimizer as data; the compiler appends its update to the step. */
export interface Optimizer {
  readonly kind: "sgd" | "adam" | "adamw";
  /** Momentum of SGD, β1 of Adam, where no schedule sets it. */
  readonly momentum: number;
  readonly beta2: number;
  readonly eps: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  /** True if SGD keeps a momentum buffer. */
  readonly velocity: boolean;
  readonly weightDecay: number;
  readonly clipNorm: number | undefined;
  readonly clipValue: number | undefined;
  readonly groups: readonly ParameterGroup[];
}

/**
 * Stochastic gradient descent.   g += decay·w;  v = μ·v + (1 − dampening)·g (first step v = g);  w −= lr·v, or
 * lr·(g + μ·v) with Nesterov.
 * Errors  OptionError for numbers out of range, or Nesterov with dampening
 * Source  torch.optim.SGD
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  knownOptions("sgd", options, { ...COMMON, momentum: true, dampening: true, nesterov: true });
  const { momentum = 0, dampening = 0, nesterov = false } = options;
  if (nesterov && dampening !== 0) {
    throw new OptionError({
      op: "sgd",
      problem: "dampening with nesterov",
      expected: "0",
      got: `${dampening}`,
    });
  }
  return checked({
    ...common(options),
    kind: "sgd",
    momentum,
    beta2: 0,
    eps: 0,
    dampening,
    nesterov,
    velocity: options.momentum !== 0,
  });
}

/** Adam; weight decay is added to the gradient. Source  Kingma & Ba 2015 (arXiv:1412.6980), torch.optim.Adam */
export function adam(options: AdamOptions = {}): Optimizer {
  return adaptive("adam", options, 0);
}

/** AdamW; weight decay shrinks the weights by lr·decay, default 0.01. Source  Loshchilov & Hutter 2019, torch.optim.AdamW */
export function adamw(options: AdamOptions = {}): Optimizer {
  return adaptive("adamw", options, 0.01);
}

function adaptive(kind: "adam" | "adamw", options: AdamOptions, defaultDecay: number): Optimizer {
  knownOptions(kind, options, { ...COMMON, betas: true, eps: true });
  const [beta1, beta2] = options.betas ?? [0.9, 0.999];
  const { eps = 1e-8 } = options;
  const weightDecay = options.weightDecay ?? defaultDecay;
  return checked({
    ...common(options),
    kind,
    momentum: beta1,
    beta2,
    eps,
    dampening: 0,
    nesterov: false,
    velocity: false,
    weightDecay,
  });
}

function common({ weightDecay = 0, groups = [], clipNorm, clipValue }: CommonOptions) {
  return { weightDecay, groups, clipNorm, clipValue };
}

function checked(optimizer: Optimizer): Optimizer {
  const { kind: op, momentum, beta2, groups } = optimizer;
  const share = (name: string, value: number) => {
    if (value >= 0 && value < 1) return;
    throw new OptionError({ op, problem: name, expected: "a number from 0 to below 1", got: `${value}` });
  };
  share(op === "sgd" ? "momentum" : "beta1", momentum);
  share("beta2", beta2);
  for (const [name, value] of [
    ["weightDecay", optimizer.weightDecay],
    ["eps", optimizer.eps],
    ["clipNorm", optimizer.clipNorm ?? 0],
    ["clipValue", optimizer.clipValue ?? 0],
  ] as const) {
    if (value >= 0) continue;
    throw new OptionError({ op, problem: name, expected: "a number of at least 0", got: `${value}` });
  }
  for (const group of groups) {
    knownOptions(`${op} group`, group, { match: true, lrFactor: true, weightDecay: true });
  }
  if (groups.length + 1 > MAX_GROUPS) {
    throw new OptionError({
      op,
      problem: "parameter groups",
      expected: `at most ${MAX_GROUPS - 1} beside the rest`,
      got: `${groups.length}`,
    });
  }
  return optimizer;
}

/** Group of a parameter: the index of the first match, or the last group, which holds the rest. */
export function groupOf(optimizer: Optimizer, parameter: State): number {
  const found = optimizer.groups.findIndex(({ match }) =>
    (typeof match === "string" ? [match] : match).some((pattern) => matches(parameter.name, pattern)),
  );
  return found < 0 ? optimizer.groups.length : found;
}

/** True if a path is the pattern, lies inside it, or fits its `*`. */
export function matches(path: string, pattern: string): boolean {
  if (!pattern.includes("*")) return path === pattern || path.startsWith(`${pattern}.`);
  const escaped = pattern.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`).test(path);
}

/**
 * Refuses groups that match nothing.
 * Errors  OptionError naming the pattern and some of the parameters there are
 */
export function checkGroups(optimizer: Optimizer, parameters: readonly State[]): void {
  optimizer.groups.forEach((group, index) => {
    if (parameters.some((parameter) => groupOf(optimizer, parameter) === index)) return;
    throw new OptionError({
      op: optimizer.kind,
      problem: `parameter group ${index} matches nothing`,
      expected: `a path or pattern such as ${parameters
        .slice(0, 4)
        .map((p) => p.name)
        .join(", ")}`,
      got: JSON.stringify(group.match),
    });
  });
}

/**
 * Numbers of every group at a step, in the order of `groupOf`: what the schedule says, else the optimizer's own. A
 * weight decay of the group's own stays unless the schedule has one for every group.
 * Errors  OptionError for an lr that is no number of at least 0, or a momentum that SGD has no buffer for
 */
export function groupHypers(optimizer: Optimizer, hypers: StepHypers): GroupNumbers[] {
  const { beta2, eps, dampening, weightDecay } = optimizer;
  return Array.from({ length: optimizer.groups.length + 1 }, (_, index) => {
    const group = optimizer.groups[index];
    const decay = hypers.weightDecay;
    const numbers = {
      lr: pick(hypers.lr, index, 0) * (group?.lrFactor ?? 1),
      momentum: pick(hypers.momentum, index, optimizer.momentum),
      beta2: pick(hypers.beta2, index, beta2),
      eps: pick(hypers.eps, index, eps),
      dampening: pick(hypers.dampening, index, dampening),
      weightDecay:
        typeof decay === "object"
          ? pick(decay, index, weightDecay)
          : (group?.weightDecay ?? decay ?? weightDecay),
    };
    checkHypers(optimizer, numbers, index);
    return numbers;
  });
}

function pick(value: number | readonly number[] | undefined, index: number, own: number): number {
  if (value === undefined) return own;
  return typeof value === "number" ? value : (value[index] ?? Number.NaN);
}

/** Errors  OptionError for numbers that would ruin the weights */
export function checkHypers(optimizer: Optimizer, group: GroupNumbers, index: number): void {
  const { kind, velocity } = optimizer;
  for (const name of HYPER_NAMES) {
    const value = group[name];
    if (value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new OptionError({
      op: kind,
      problem: `${name} of parameter group ${index}`,
      expected: "a number of at least 0",
      got: `${value}`,
    });
  }
  if (kind === "sgd" && !velocity && group.momentum !== 0) {
    throw new OptionError({
      op: kind,
      problem: "momentum of a schedule",
      expected: "0, or an optimizer with a buffer for it",
      got: `${group.momentum}`,
      fix: "leave momentum out of sgd(), or schedule none",
    });
  }
}

/** Names of the flat buffers an optimizer keeps, without "optimizer.". */
export function momentBuffers(optimizer: Optimizer): readonly string[] {
  if (optimizer.kind === "sgd") return optimizer.velocity ? ["velocity"] : [];
  return ["firstMoment", "secondMoment"];
}
