import type { Command, SessionMessage } from "./messages.ts";
import type { Session } from "./session.ts";

/** Where training runs: in a worker, or in the page. */
export interface Host {
  readonly place: "worker" | "page";
  post(command: Command): void;
  dispose(): void;
}

/** A worker that trains. `failed` hears that it cannot be loaded. */
export function workerHost(tell: (message: SessionMessage) => void, failed: (reason: string) => void): Host {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "wgfit" });
  worker.onmessage = ({ data }: MessageEvent<SessionMessage>) => tell(data);
  worker.onerror = (event) => {
    event.preventDefault();
    failed(event.message || "the worker could not be loaded");
  };
  return {
    place: "worker",
    post: (command) => worker.postMessage(command),
    dispose: () => worker.terminate(),
  };
}

/** Training in the page itself, whose engine is loaded on the first command. */
export function pageHost(tell: (message: SessionMessage) => void): Host {
  let isDisposed = false;
  const loaded: Promise<Session> = import("./session.ts").then(
    (module) => new module.Session((message) => !isDisposed && tell(message)),
  );
  return {
    place: "page",
    post: (command) => void loaded.then((session) => session.handle(command)),
    dispose() {
      isDisposed = true;
      void loaded.then((session) => session.dispose());
    },
  };
}
