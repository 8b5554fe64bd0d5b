import type { Contender } from "../contender.ts";
import type { Workload } from "../workload.ts";

/** A library that computes the same as we do, in the same page. */
export interface Peer {
  readonly name: string;
  /** The device it works on, for the meter. */
  readonly device: GPUDevice;
  contender(workload: Workload): Contender;
  /** Errors  throws what its device has reported, after which its times mean nothing */
  check(): Promise<void>;
}

/** The `check` of a peer on a device: work that fails validation never runs, which looks fast. */
export function watch(device: GPUDevice): Peer["check"] {
  const errors: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  return async () => {
    await device.queue.onSubmittedWorkDone();
    if (errors.length > 0) throw new Error(`its device reports: ${errors[0]}`);
  };
}

export const PEER_NAMES = ["jax-js", "tfjs"] as const;
export type PeerName = (typeof PEER_NAMES)[number];
