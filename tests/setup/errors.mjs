/** A failure the user can act on: its message is one sentence with what is missing and what to type. */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "SetupError";
  }
}

/**
 * Run an entry point: a SetupError prints as its sentence, anything else with its stack; both exit with 1.
 * @param {() => Promise<number | undefined>} main returns the exit code
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    const text = error instanceof SetupError ? error.message : error instanceof Error ? error.stack : error;
    process.stderr.write(`wgfit: ${text}\n`);
    // Not only the code: a download that hangs would keep the process alive.
    process.exit(1);
  }
}
