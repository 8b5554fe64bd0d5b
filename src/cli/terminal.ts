import type { CommandContext } from "./context.ts";

/** Time between two plain lines of progress where lines cannot be redrawn, in milliseconds. */
const PLAIN_INTERVAL_MS = 10_000;

/** Lines of output of which the last may be drawn again and again, where output is a terminal. */
export class Terminal {
  readonly #context: Pick<CommandContext, "interactive" | "columns" | "write">;
  readonly #now: () => number;
  #isDrawn = false;
  #isEnding = false;
  #lastPlain: number;

  constructor(
    context: Pick<CommandContext, "interactive" | "columns" | "write">,
    now: () => number = () => performance.now(),
  ) {
    this.#context = context;
    this.#now = now;
    this.#lastPlain = now();
  }

  /** Room for a line; a full last column would wrap on some terminals. */
  get columns(): number {
    return Math.max(20, this.#context.columns - 1);
  }

  /** Draws the last line again; in a file or a pipe one of them every ten seconds. */
  redraw(line: string): void {
    const { interactive, write } = this.#context;
    if (this.#isEnding) return;
    if (interactive) {
      write(`\r\x1b[K${line}`);
      this.#isDrawn = true;
    } else if (this.#now() - this.#lastPlain >= PLAIN_INTERVAL_MS) {
      this.line(line);
    }
  }

  /** A line that stays, in place of the one drawn. */
  line(text: string): void {
    this.clear();
    this.#context.write(`${text}\n`);
    this.#lastPlain = this.#now();
  }

  /** A line that stays, after which nothing is redrawn. */
  lastLine(text: string): void {
    this.line(text);
    this.#isEnding = true;
  }

  /** Removes the line that was drawn. */
  clear(): void {
    if (this.#isDrawn) this.#context.write("\r\x1b[K");
    this.#isDrawn = false;
  }
}
