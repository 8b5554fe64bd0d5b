import type { Value } from "../graph/value.ts";

/**
 * Draws examples on the device in place of stored ones. A data set with a generator is never on the host: its columns
 * that are drawn have empty `data`, whose type says what the device holds.
 */
export interface Generator {
  /** Names of the columns that `draw` fills. */
  readonly columns: readonly string[];
  /** Examples that one run draws at most: memory for work, and the length of a submit. */
  readonly chunk: number;
  /** Reaches the ops as the step's seed. */
  readonly seed: number;
  /** New examples every epoch; else those of epoch 0, once. */
  readonly fresh: boolean;
  /**
   * Appends the ops that draw `count` examples. When they run, the step's index is the epoch, its batchStart and
   * batchSize say which examples are wanted; an op writes its examples into the columns' words, given by name.
   */
  draw(columns: Readonly<Record<string, Value>>, count: number): void;
}
