import type { Reporter, TestCase } from "vitest/node";

const SILENCE_MS = 15_000;

/** Where output is no terminal, Vitest prints a file when it is done: this says every 15 s how far it is. */
export class ProgressReporter implements Reporter {
  #done = 0;
  #failed = 0;
  #current = "";
  #timer: ReturnType<typeof setInterval> | undefined;

  onTestRunStart(): void {
    this.#done = 0;
    this.#failed = 0;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#print(), SILENCE_MS);
  }

  onTestCaseReady(test: TestCase): void {
    this.#current = test.fullName;
  }

  onTestCaseResult(test: TestCase): void {
    this.#done++;
    if (test.result().state === "failed") this.#failed++;
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #print(): void {
    const at = this.#current ? `, at: ${this.#current}` : "";
    process.stdout.write(`  ... ${this.#done} tests done, ${this.#failed} failed${at}\n`);
  }
}
