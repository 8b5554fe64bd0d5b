/** The training of a page, in a worker of its own. */
import type { Command, SessionMessage } from "./messages.ts";
import { Session } from "./session.ts";

const scope = globalThis as unknown as {
  postMessage(message: SessionMessage): void;
  onmessage: ((event: MessageEvent<Command>) => void) | null;
};

const session = new Session((message) => scope.postMessage(message));
scope.onmessage = ({ data }) => session.handle(data);
