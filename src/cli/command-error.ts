import { EngineError } from "../core/errors.ts";

/** A command cannot go on; the message is one sentence for the user, printed after the command's name. */
export class CommandError extends Error {
  constructor(command: string, message: string) {
    super(message);
    this.name = `npm run ${command}`;
  }
}

/** An error of the engine as the sentence of a command; other errors as they are, with their stack. */
export function asCommandError(command: string, error: unknown): unknown {
  return error instanceof EngineError ? new CommandError(command, error.message) : error;
}
