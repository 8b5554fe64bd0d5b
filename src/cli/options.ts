/**
 * Options of the terminal commands: tables the parser and `--help` read, and the typed values the commands get.
 * Pure: neither reads files nor knows which models exist.
 */

import { PEER_NAMES, type PeerName } from "../bench/peers/peer.ts";

import { count, OptionError, type OptionValues, positive, seeds, text } from "./option-values.ts";

export { OptionError, type OptionValues } from "./option-values.ts";

/** One option as the command-line parser sees it. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** One line, saying what omission means. */
  readonly help: string;
  /** Name of the value in the help text. */
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** May be given several times; the value is then a list. */
  readonly multiple?: boolean;
}

/** A command with its options. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples?: readonly string[];
}

/** What `npm run train` is asked to do. */
export interface TrainOptions {
  /** Folder of IDX files; null: the built-in data. */
  readonly data: string | null;
  /** Built-in training images of an epoch; null: the default. */
  readonly examples: number | null;
  /** Folder of IDX files to test on after training; null: none. */
  readonly test: string | null;
  readonly model: string;
  readonly epochs: number;
  readonly batch: number;
  readonly lrMax: number;
  readonly schedule: ScheduleName;
  /** One training run for each. */
  readonly seeds: readonly number[];
  /** The last N examples of the files validate, or N built-in ones; null: the default of either. */
  readonly valid: number | null;
  /** File for the result; null: none. */
  readonly json: string | null;
  /** Folder for TensorBoard logs, one run a folder in it; null: none. */
  readonly logdir: string | null;
}

/** What `npm run explain` is asked to do. */
export interface ExplainOptions {
  readonly model: string;
  readonly batch: number;
  /** Print the plan as JSON instead of text. */
  readonly json: boolean;
}

/** What `npm run profile` is asked to do. */
export interface ProfileOptions {
  readonly model: string;
  readonly batch: number;
  /** Measure the candidates first and profile the best. */
  readonly tune: boolean;
  /** File for the result; null: none. */
  readonly json: string | null;
}

/** What `npm run summary` is asked to do. */
export interface SummaryCommandOptions {
  readonly model: string;
  readonly batch: number;
  readonly optimizer: "sgd" | "adam";
  /** Print the summary as JSON instead of text. */
  readonly json: boolean;
}

/** Courses of the learning rate that a run may take. */
export const SCHEDULES = ["one-cycle", "flat-cos", "constant"] as const;
export type ScheduleName = (typeof SCHEDULES)[number];
/** What `npm run verdict` is asked to do. */
export interface VerdictOptions {
  /** Folder of IDX files; null: the built-in data. */
  readonly data: string | null;
  /** Runs of each configuration. */
  readonly seeds: number;
  /** File for all runs; null: none. */
  readonly json: string | null;
}

const DEFAULT_MODEL = "book";

/** Built-in training images of an epoch: half a minute's training on a software adapter. */
export const DRAWN_EXAMPLES = 10_000;

export const trainCommand: CommandSpec = {
  name: "train",
  summary: "Train a model in headless Chrome, with a progress bar per epoch and a table at the end.",
  options: {
    data: {
      type: "string",
      value: "DIR",
      help: "folder of IDX files, plain or gzip (default: the built-in digits)",
    },
    examples: {
      type: "string",
      value: "N",
      help: `built-in digits drawn anew for every epoch (default ${DRAWN_EXAMPLES})`,
    },
    test: {
      type: "string",
      value: "DIR",
      help: "folder of IDX files to test on when training is over (default: none)",
    },
    model: { type: "string", value: "NAME", help: `model to train (default ${DEFAULT_MODEL})` },
    epochs: { type: "string", value: "N", help: "passes over the training data (default 5)" },
    batch: { type: "string", value: "N", help: "examples in a step (default 64)" },
    "lr-max": {
      type: "string",
      value: "X",
      help: "peak learning rate of the schedule (default 0.06)",
    },
    schedule: {
      type: "string",
      value: "NAME",
      help: `course of the learning rate: ${SCHEDULES.join(", ")} (default one-cycle)`,
    },
    seed: {
      type: "string",
      value: "N|A..B",
      help: "seed of weights, order and dropout, or one run for each of A to B (default 1)",
    },
    valid: {
      type: "string",
      value: "N",
      help: "examples to validate on, the last ones of the files (default: t10k- files, or a fifth)",
    },
    json: {
      type: "string",
      value: "FILE",
      help: "write the result there (a list if there are several seeds)",
    },
    logdir: {
      type: "string",
      value: "DIR",
      help: "write TensorBoard event files there while training, a folder for each run",
    },
  },
  examples: ["npm run train -- --epochs 5 --batch 64 --lr-max 0.06 --seed 1..3 --json runs.json"],
};

export const explainCommand: CommandSpec = {
  name: "explain",
  summary: "Print graph, step plan and memory of a model's training step. Needs no GPU.",
  options: {
    model: { type: "string", value: "NAME", help: `model to compile (default ${DEFAULT_MODEL})` },
    batch: { type: "string", value: "N", help: "examples in a step (default 64)" },
    json: { type: "boolean", help: "print the plan as JSON" },
  },
};

export const profileCommand: CommandSpec = {
  name: "profile",
  summary: "Time a training step on the GPU, dispatch by dispatch and layer by layer, in headless Chrome.",
  options: {
    model: { type: "string", value: "NAME", help: `model to profile (default ${DEFAULT_MODEL})` },
    batch: { type: "string", value: "N", help: "examples in a step (default 64)" },
    tune: { type: "boolean", help: "measure all kernels first and profile the fastest" },
    json: { type: "string", value: "FILE", help: "write the times there" },
  },
};

export const summaryCommand: CommandSpec = {
  name: "summary",
  summary: "Print a model's layers with parameters, multiply-adds and memory. Needs no GPU.",
  options: {
    model: { type: "string", value: "NAME", help: `model to describe (default ${DEFAULT_MODEL})` },
    batch: { type: "string", value: "N", help: "examples in a step (default 64)" },
    optimizer: {
      type: "string",
      value: "sgd|adam",
      help: "whose state is counted (default sgd, with momentum)",
    },
    json: { type: "boolean", help: "print the summary as JSON" },
  },
};

export const verdictCommand: CommandSpec = {
  name: "verdict",
  summary: "Train nets with and without batch norm at low and high rates; print how the verdict judges them.",
  options: {
    data: {
      type: "string",
      value: "DIR",
      help: "folder of IDX files, plain or gzip (default: the built-in data set)",
    },
    seeds: { type: "string", value: "N", help: "runs of each of 12 configurations (default 4)" },
    json: { type: "string", value: "FILE", help: "write every run there, with what the verdict saw" },
  },
};

/**
 * Typed values of `npm run train`.
 * Units   lrMax per step
 * Errors  OptionError if a number is none or out of range, or options exclude each other
 */
export function trainOptions(values: OptionValues): TrainOptions {
  const data = text(values, "data");
  const examples = count(values, "examples");
  if (data !== null && examples !== null) {
    throw new OptionError("--examples: expected none with --data, which uses all examples of the files");
  }
  return {
    data,
    examples,
    test: text(values, "test"),
    model: text(values, "model") ?? DEFAULT_MODEL,
    epochs: count(values, "epochs") ?? 5,
    batch: count(values, "batch") ?? 64,
    lrMax: positive(values, "lr-max") ?? 0.06,
    schedule: schedule(values),
    seeds: seeds(values),
    valid: count(values, "valid"),
    json: text(values, "json"),
    logdir: text(values, "logdir"),
  };
}

/**
 * Typed values of `npm run explain`.
 * Errors  OptionError if the batch is no whole number above 0
 */
export function explainOptions(values: OptionValues): ExplainOptions {
  return {
    model: text(values, "model") ?? DEFAULT_MODEL,
    batch: count(values, "batch") ?? 64,
    json: values.json === true,
  };
}

/**
 * Typed values of `npm run profile`.
 * Errors  OptionError if the batch is no whole number above 0
 */
export function profileOptions(values: OptionValues): ProfileOptions {
  return {
    model: text(values, "model") ?? DEFAULT_MODEL,
    batch: count(values, "batch") ?? 64,
    tune: values.tune === true,
    json: text(values, "json"),
  };
}

/**
 * Typed values of `npm run summary`.
 * Errors  OptionError if the batch is no whole number above 0, or for an unknown optimizer
 */
export function summaryOptions(values: OptionValues): SummaryCommandOptions {
  const optimizer = text(values, "optimizer") ?? "sgd";
  if (optimizer !== "sgd" && optimizer !== "adam") {
    throw new OptionError(`--optimizer: expected sgd or adam, got "${optimizer}"`);
  }
  return {
    model: text(values, "model") ?? DEFAULT_MODEL,
    batch: count(values, "batch") ?? 64,
    optimizer,
    json: values.json === true,
  };
}

/**
 * Typed values of `npm run verdict`.
 * Errors  OptionError if the number of seeds is no whole number above 0
 */
export function verdictOptions(values: OptionValues): VerdictOptions {
  return { data: text(values, "data"), seeds: count(values, "seeds") ?? 4, json: text(values, "json") };
}

function schedule(values: OptionValues): ScheduleName {
  const typed = text(values, "schedule") ?? SCHEDULES[0];
  const found = SCHEDULES.find((name) => name === typed);
  if (found) return found;
  throw new OptionError(`--schedule: expected one of ${SCHEDULES.join(", ")}, got "${typed}"`);
}

/** What `npm run bench` is asked to do. */
export interface BenchOptions {
  /** Cases to run; null: all, without the long tables. */
  readonly only: string | null;
  readonly peers: readonly PeerName[];
  /** Samples of each contender in each case. */
  readonly rounds: number;
  /** File for the result; null: none. */
  readonly json: string | null;
  /** Print the last table as Markdown. */
  readonly markdown: boolean;
  readonly browserArgs: readonly string[];
}

export const benchCommand: CommandSpec = {
  name: "bench",
  summary:
    "Time kernels and whole training steps in headless Chrome, beside jax-js and TensorFlow.js, in turns.",
  options: {
    only: {
      type: "string",
      value: "RE",
      help: "cases with such names; also ceilings, page; fusion, scaling, hooks (only so)",
    },
    peers: {
      type: "string",
      value: "LIST|none",
      help: `of ${PEER_NAMES.join(",")}; fetched when needed (default: both)`,
    },
    rounds: {
      type: "string",
      value: "N",
      help: "samples of each contender; slow ones get fewer (default 5)",
    },
    json: { type: "string", value: "FILE", help: "write every sample there" },
    markdown: { type: "boolean", help: "print the last table as Markdown" },
    "browser-arg": {
      type: "string",
      value: "ARG",
      multiple: true,
      help: "argument for Chrome; may be repeated",
    },
  },
  examples: ["npm run bench -- --only 'matmul|conv' --peers jax-js --json bench.json"],
};

/** Typed values of `npm run bench`. Errors  OptionError for an unknown peer, a bad pattern or number */
export function benchOptions(values: OptionValues): BenchOptions {
  const browserArgs = values["browser-arg"];
  return {
    only: benchPattern(text(values, "only")),
    peers: benchPeers(text(values, "peers")),
    rounds: count(values, "rounds") ?? 5,
    json: text(values, "json"),
    markdown: values.markdown === true,
    browserArgs: Array.isArray(browserArgs) ? browserArgs : [],
  };
}

function benchPattern(typed: string | null): string | null {
  if (typed === null) return null;
  try {
    new RegExp(typed, "i");
    return typed;
  } catch {
    throw new OptionError(`--only: expected a regular expression, got "${typed}"`);
  }
}

function benchPeers(typed: string | null): readonly PeerName[] {
  if (typed === null) return PEER_NAMES;
  if (typed === "none") return [];
  return typed.split(",").map((name) => {
    const found = PEER_NAMES.find((known) => known === name.trim());
    if (found) return found;
    throw new OptionError(`--peers: expected a list of ${PEER_NAMES.join(", ")}, or none, got "${name}"`);
  });
}
