/** Results of one run by name, in logical row-major order. */
export type Results = Readonly<Record<string, Float32Array>>;

/** One library computing one workload, ready on its device. */
export interface Contender {
  readonly name: string;
  /** Everything up to the first finished run, compiling included, and its results. */
  first(): Promise<Results>;
  /** What the run after the first gave, where that tells more: the loss after an update. */
  latest?(): Promise<Results>;
  /** Runs `times` times in a row and waits until the device has finished. Units  milliseconds of all runs */
  run(times: number): Promise<number>;
  dispose(): void;
}
