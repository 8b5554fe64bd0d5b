import { hashString, permutation, streamKey } from "../core/random.ts";
import type { DataSet } from "../data/data-set.ts";
import { augmentKey } from "./augment.ts";
import type { Program, Variant } from "./program.ts";

/** The data of a learner: what it trains on, validates on after every epoch, and is tested on when asked. */
export interface LearnerData {
  readonly train: DataSet;
  readonly valid?: DataSet;
  readonly test?: DataSet;
}

export type Split = keyof LearnerData;

interface DataOptions {
  readonly data: LearnerData;
  readonly seed: number;
  readonly shuffle?: boolean;
}

/** A learner's examples on the device: stored ones are sent once, generated ones drawn, the order sent every epoch. */
export class DataOnDevice {
  readonly #program: Program;
  readonly #options: DataOptions;
  readonly #uploaded = new Set<Split>();
  /** Epoch whose examples a generated split holds. */
  readonly #drawn = new Map<Split, number>();

  constructor(program: Program, options: DataOptions) {
    this.#program = program;
    this.#options = options;
  }

  /** Sends a split's stored examples, once, and has its generated ones drawn; plans of a later variant are made ready. */
  async upload(split: Split, epoch: number, variant?: Variant): Promise<void> {
    const data = this.#options.data[split];
    if (!data) return;
    await this.#program.prepareDrawing(split, data, variant);
    if (!this.#uploaded.has(split)) {
      this.#uploaded.add(split);
      for (const [name, column] of Object.entries({ ...data.inputs, ...data.targets })) {
        const isDrawn = data.generator?.columns.includes(name);
        if (!isDrawn) this.#program.engine.upload(`${split}.${name}`, column.data);
      }
      this.naturalOrder(split);
    }
    if (!variant) this.#draw(split, data, epoch);
  }

  /** Begins an epoch: its order of the training examples, and its examples where they are generated. */
  begin(epoch: number): void {
    const { seed, data, shuffle = true } = this.#options;
    this.#draw("train", data.train, epoch);
    if (this.#program.recipe.augment) {
      this.#program.engine.upload("train.key", Uint32Array.of(augmentKey(seed, epoch), 0, 0, 0));
    }
    if (!shuffle) return;
    const key = streamKey(seed, hashString("order of examples"), epoch);
    this.#program.engine.upload("train.indices", permutation(data.train.count, key));
  }

  /** Sends the order in which the examples are stored. */
  naturalOrder(split: Split = "train"): void {
    const { count } = this.#options.data[split]!;
    this.#program.engine.upload(
      `${split}.indices`,
      Uint32Array.from({ length: count }, (_, i) => i),
    );
  }

  #draw(split: Split, data: DataSet, epoch: number): void {
    const wanted = data.generator?.fresh ? epoch : 0;
    if (!data.generator || this.#drawn.get(split) === wanted) return;
    this.#program.draw(split, data, wanted);
    this.#drawn.set(split, wanted);
  }
}
