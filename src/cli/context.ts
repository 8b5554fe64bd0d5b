/**
 * What the set-up scripts hand to a command. `src/cli/train.ts` and `src/cli/explain.ts` each export
 * `main(options, context)`, which returns the exit code.
 */
export interface CommandContext {
  /** The folder the user typed the command in: relative paths start there. */
  readonly cwd: string;
  /** True where output is a terminal: lines may be redrawn with a carriage return. */
  readonly interactive: boolean;
  /** Columns of the terminal; 80 where that is unknown. */
  readonly columns: number;
  write(text: string): void;
  /**
   * A page in headless Chrome, served by Vite from the checkout.
   * Errors  throws one sentence where no browser can be had
   */
  openPage(options: PageOptions): Promise<CommandPage>;
}

export interface PageOptions {
  /** Module the page loads, from the root of the checkout: "/src/cli/train-page.ts". */
  readonly module: string;
  /** Folders whose files the page may fetch, by URL prefix: { "/@data": "/home/me/digits" } serves /@data/NAME. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Functions of this process that the page may call as `window[name]`; arguments and results are JSON. */
  readonly expose?: Readonly<Record<string, (argument: never) => unknown>>;
  /** Arguments of the browser beside those that every command gives it. */
  readonly browserArgs?: readonly string[];
}

export interface CommandPage {
  /**
   * Call an export of the page's module with a JSON argument and wait for its JSON result.
   * Errors  throws what the function throws, and when the page or the browser goes away
   */
  call(name: string, argument: unknown): Promise<unknown>;
  /** Load the module again in a page that remembers nothing. */
  reload(): Promise<void>;
  close(): Promise<void>;
}
