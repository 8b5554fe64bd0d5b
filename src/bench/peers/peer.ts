import type { Contender } from "../contender.ts";
import type { Workload } from "../workload.ts";

/** A library that computes the same as we do, in the same page. */
export interface Peer {
  readonly name: string;
  /** The device it works on, for the meter. */
  readonly device: GPUDevice;
  contender(workload: Workload): Contender;
}

export const PEER_NAMES = ["jax-js", "tfjs"] as const;
export type PeerName = (typeof PEER_NAMES)[number];
