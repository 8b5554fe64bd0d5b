import { OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";

/**
 * A number at a position in [0, 1] of a run: learning rate, momentum, weight decay or any other.
 * Units   position: steps done / steps of the run
 */
export type Schedule = (position: number) => number;

/** Positions are quotients of whole steps: so far short of an edge, a position is meant to lie on it. */
const EDGE = 1e-9;

/** Cosine from `start` to `end`. */
export function cosineBetween(start: number, end: number, position: number): number {
  return start + ((1 + Math.cos(Math.PI * (1 - position))) * (end - start)) / 2;
}

/** Straight line from `start` to `end`. */
export function linearBetween(start: number, end: number, position: number): number {
  return start + (end - start) * position;
}

/** The same number everywhere.   value */
export function constant(value: number): Schedule {
  return () => value;
}

/** Straight line.   start + (end − start)·p */
export function linear(start: number, end: number): Schedule {
  return (position) => linearBetween(start, end, position);
}

/**
 * Half a cosine.   start + (end − start)·(1 − cos πp)/2
 * Source  Loshchilov & Hutter 2017 (arXiv:1608.03983); fastai SchedCos; torch CosineAnnealingLR
 */
export function cosine(start: number, end: number): Schedule {
  return (position) => cosineBetween(start, end, position);
}

/**
 * Equal factors over equal distances.   start·(end/start)^p
 * Errors  OptionError unless both are above 0
 * Source  fastai SchedExp; torch ExponentialLR with gamma^N = end/start
 */
export function exponential(start: number, end: number): Schedule {
  if (!(start > 0 && end > 0)) refuse("exponential", "start and end", "numbers above 0", `${start}, ${end}`);
  return (position) => start * (end / start) ** position;
}

/** A power of the position.   start + (end − start)·p^power   Source  fastai SchedPoly */
export function polynomial(start: number, end: number, power: number): Schedule {
  return (position) => start + (end - start) * position ** power;
}

/**
 * A power of what is left.   end + (start − end)·(1 − p)^power
 * Source  torch PolynomialLR (end 0); Chen et al. 2017 (arXiv:1606.00915), "poly"
 */
export function polynomialDecay(start: number, end: number, power: number): Schedule {
  return (position) => end + (start - end) * Math.max(0, 1 - position) ** power;
}

/**
 * Multiplied by `factor` at regular distances, or at given positions.   start·factor^(edges passed)
 * Errors  OptionError for a distance that is not above 0
 * Source  torch StepLR, MultiStepLR
 */
export function step(start: number, factor: number, at: number | readonly number[]): Schedule {
  if (typeof at !== "number") {
    return (position) => start * factor ** at.filter((edge) => position >= edge - EDGE).length;
  }
  if (!(at > 0)) refuse("step", "distance between steps", "a share above 0", `${at}`);
  return (position) => start * factor ** Math.floor(position / at + EDGE);
}

/**
 * One schedule after another, each over its share of the run.
 * Errors  OptionError unless there is a share for every schedule and they add up to 1
 * Source  fastai combine_scheds
 */
export function combine(shares: readonly number[], schedules: readonly Schedule[]): Schedule {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (shares.length !== schedules.length || shares.length === 0) {
    refuse("combine", "shares", `one for each of ${schedules.length} schedules`, `${shares.length}`);
  }
  if (!shares.every((share) => share >= 0) || Math.abs(total - 1) > EDGE) {
    refuse("combine", "shares", "numbers of at least 0 that add up to 1", shares.join(" + "));
  }
  const starts = shares.map((_, i) => shares.slice(0, i).reduce((sum, share) => sum + share, 0));
  return (position) => {
    // The last part that has begun; one of no length gives way to the next.
    let part = shares.length - 1;
    while (part > 0 && (position < starts[part]! - EDGE || shares[part] === 0)) part--;
    const within = shares[part] === 0 ? 1 : (position - starts[part]!) / shares[part]!;
    return schedules[part]!(within);
  };
}

/** Cosine to `middle` over the first share, cosine to `end` over the rest. Source  fastai combined_cos */
export function combinedCosine(share: number, start: number, middle: number, end: number): Schedule {
  return combine([share, 1 - share], [cosine(start, middle), cosine(middle, end)]);
}

/** The same number over the first share (default 0.75), then a cosine to `end`. Source  fastai fit_flat_cos */
export function flatCosine(value: number, end: number, share = 0.75): Schedule {
  return combinedCosine(share, value, value, end);
}

/**
 * A straight line up to where `schedule` starts, over the first share; then that schedule over the rest.
 * Units   from: share of the schedule's first number, default 0
 * Source  Goyal et al. 2017 (arXiv:1706.02677) §2.2; torch LinearLR in SequentialLR
 */
export function warmUp(share: number, schedule: Schedule, from = 0): Schedule {
  const first = schedule(0);
  return combine([share, 1 - share], [linear(first * from, first), schedule]);
}

export interface WarmRestartsOptions {
  /** Share of the run that the first cycle takes; default 1. */
  readonly first?: number;
  /** Length of a cycle over that of the one before; default 1. */
  readonly multiplier?: number;
}

/**
 * Cosines from `start` to `end`, each beginning anew: SGDR. A run may end inside a cycle.
 * Errors  OptionError for a first share that is not above 0 or a multiplier below 1
 * Source  Loshchilov & Hutter 2017 (arXiv:1608.03983); torch CosineAnnealingWarmRestarts; fastai fit_sgdr
 */
export function warmRestarts(start: number, end: number, options: WarmRestartsOptions = {}): Schedule {
  knownOptions("warmRestarts", options, { first: true, multiplier: true });
  const { first = 1, multiplier = 1 } = options;
  if (!(first > 0)) refuse("warmRestarts", "first", "a share above 0", `${first}`);
  if (!(multiplier >= 1)) refuse("warmRestarts", "multiplier", "a number of at least 1", `${multiplier}`);
  return (position) => {
    let [began, length] = [0, first];
    while (position >= began + length - EDGE) {
      // The end of the run is the end of its last cycle, not the start of one that never comes.
      if (position >= 1 && began + length >= 1 - EDGE) return cosineBetween(start, end, 1);
      began += length;
      length *= multiplier;
    }
    return cosineBetween(start, end, Math.max(0, position - began) / length);
  };
}

export interface TriangularOptions {
  /** Share of the run in which it rises. */
  readonly up: number;
  /** Share in which it falls again; default `up`. */
  readonly down?: number;
  /** Every cycle as high ("triangular"), half as high as the last, or lower by a constant factor. Default the first. */
  readonly mode?: "triangular" | "triangular2" | "exp_range";
  /** For "exp_range": what is left of the height at the end of the run, in (0, 1]. Default 1. */
  readonly decay?: number;
}

/**
 * Cycles from `base` to `peak` and back; with `peak` below `base` for a momentum that runs against lr.
 * Errors  OptionError for shares that are not above 0
 * Source  Smith 2017 (arXiv:1506.01186); torch CyclicLR (decay = gamma^N over N steps)
 */
export function triangular(base: number, peak: number, options: TriangularOptions): Schedule {
  knownOptions("triangular", options, { up: true, down: true, mode: true, decay: true });
  const { up, down = up, mode = "triangular", decay = 1 } = options;
  if (!(up > 0 && down >= 0)) refuse("triangular", "up and down", "shares above 0", `${up}, ${down}`);
  if (!(decay > 0)) refuse("triangular", "decay", "a number above 0", `${decay}`);
  return (position) => {
    const cycle = Math.floor(position / (up + down) + EDGE);
    const within = Math.max(0, position - cycle * (up + down));
    const height = within <= up ? within / up : (up + down - within) / down;
    const scale = mode === "triangular" ? 1 : mode === "triangular2" ? 2 ** -cycle : decay ** position;
    return base + (peak - base) * height * scale;
  };
}

function refuse(op: string, problem: string, expected: string, got: string): never {
  throw new OptionError({ op, problem, expected, got });
}
