import { type Callback, CancelFit, type FitContext } from "../train/callback.ts";
import type { Learner } from "../train/learner.ts";

/** Holds training before a batch while it is closed, lets single batches through, or ends it. */
export class Gate implements Callback {
  readonly name = "gate";
  readonly order = -100;
  isCancelled = false;
  #isClosed = false;
  #passes = 0;
  #wake: (() => void) | undefined;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#passes = 0;
  }

  open(): void {
    this.#isClosed = false;
    this.#wake?.();
  }

  /** One batch more while it is closed. */
  letThrough(): void {
    if (!this.#isClosed) return;
    this.#passes++;
    this.#wake?.();
  }

  cancel(): void {
    this.isCancelled = true;
    this.#wake?.();
  }

  /** Waits while it is closed, with every step sent that was taken; waits for nothing while it is open. */
  beforeBatch({ learner }: FitContext): Promise<void> | undefined {
    if (this.isCancelled) throw new CancelFit();
    return this.#isClosed ? this.#wait(learner) : undefined;
  }

  async #wait({ feeder }: Learner): Promise<void> {
    await feeder.flush();
    while (this.#isClosed && this.#passes === 0 && !this.isCancelled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.isCancelled) throw new CancelFit();
    if (this.#passes > 0) this.#passes--;
  }
}
