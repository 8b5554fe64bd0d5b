import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { eventFileName } from "../tensorboard/events.ts";
import { CommandError } from "./command-error.ts";
import type { LogChunk } from "./train-result.ts";

/** A folder of TensorBoard logs: a folder for every run, which grows while the run goes on. */
export class LogFolder {
  readonly #folder: string;
  readonly #files = new Map<string, string>();

  /** Errors  CommandError if the folder cannot be made */
  constructor(folder: string, typed: string) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw new CommandError("train", `--logdir: ${typed} cannot be made: ${(error as Error).message}.`);
    }
  }

  /** Adds a piece to the file of a run; the first makes its folder. */
  append({ run, data }: LogChunk): void {
    let file = this.#files.get(run);
    if (!file) {
      const folder = this.#unused(run);
      mkdirSync(folder, { recursive: true });
      file = path.join(folder, eventFileName(Date.now() / 1000));
      this.#files.set(run, file);
    }
    appendFileSync(file, Buffer.from(data, "base64"));
  }

  /** The run's name, or with a number where an earlier run has taken it: one folder is one run. */
  #unused(run: string): string {
    for (let i = 1; ; i++) {
      const folder = path.join(this.#folder, i === 1 ? run : `${run}-${i}`);
      if (!existsSync(folder)) return folder;
    }
  }
}
