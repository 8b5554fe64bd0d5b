import type { HostArray } from "../../core/dtype.ts";
import { OptionError } from "../../core/errors.ts";
import { knownOptions } from "../../core/known-options.ts";
import type { Callback, FitContext } from "../callback.ts";
import type { OptimizerState } from "../state.ts";

/** Everything that training needs to go on. */
export interface CheckpointState {
  /** Optimizer steps taken, and epochs begun, over the learner's life. */
  readonly steps: number;
  readonly epochs: number;
  /** Parameters and running statistics by name. */
  readonly weights: Readonly<Record<string, HostArray>>;
  readonly optimizer: OptimizerState;
}

/** Where checkpoints go: a file, a data base, a Map. */
export interface CheckpointStore {
  save(name: string, state: CheckpointState): void | Promise<void>;
}

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  /** Epochs between two checkpoints; default 1. The end of the fit is always saved. */
  readonly every?: number;
  /** Name of a checkpoint; default "epoch-3" after three epochs of the learner's life. */
  naming?(epochs: number): string;
}

/** Saves weights and optimizer after every few epochs, and when the fit ends. */
export class Checkpoint implements Callback {
  readonly name = "checkpoint";
  readonly order = 70;
  readonly #store: CheckpointStore;
  readonly #every: number;
  readonly #naming: (epochs: number) => string;
  #lastSaved = -1;

  constructor(options: CheckpointOptions) {
    knownOptions(this.name, options, { store: true, every: true, naming: true });
    const { store, every = 1, naming = (epochs) => `epoch-${epochs}` } = options;
    if (!(Number.isInteger(every) && every >= 1)) {
      throw new OptionError({
        op: this.name,
        problem: "every",
        expected: "a positive integer",
        got: `${every}`,
      });
    }
    this.#store = store;
    this.#every = every;
    this.#naming = naming;
  }

  async afterEpoch(context: FitContext): Promise<void> {
    if ((context.epoch + 1) % this.#every === 0) await this.#save(context);
  }

  async afterFit(context: FitContext): Promise<void> {
    if (context.learner.steps !== this.#lastSaved) await this.#save(context);
  }

  async #save({ learner }: FitContext): Promise<void> {
    const { steps, epochs } = learner;
    const weights = await learner.state();
    const optimizer = await learner.optimizerState();
    await this.#store.save(this.#naming(epochs), { steps, epochs, weights, optimizer });
    this.#lastSaved = steps;
  }
}
