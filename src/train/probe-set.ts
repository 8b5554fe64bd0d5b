import type { Callback } from "./callback.ts";
import {
  type PlannedProbe,
  type ProbeMoment,
  type ProbeRequest,
  type ProbeResult,
  readProbes,
} from "./probes.ts";

const ids = new WeakMap<ProbeRequest, number>();
let nextId = 0;

/** Name of a set of requests in the key of a plan: the same objects give the same plan. */
export function requestsKey(requests: readonly ProbeRequest[]): string {
  return requests
    .map((request) => {
      if (!ids.has(request)) ids.set(request, nextId++);
      return ids.get(request);
    })
    .join("+");
}

/** The requests of all callbacks of a fit: which are due when, and who gets what. */
export class ProbeSet {
  readonly #requests: readonly ProbeRequest[];
  readonly #end: number;

  /** `end`: the step before which the fit ends. */
  constructor(callbacks: readonly Callback[], end = 0) {
    this.#requests = callbacks.flatMap(({ probes }) => probes ?? []);
    this.#end = end;
  }

  /** Requests that a training step, or a batch of a validation, serves; none for most. */
  due(split: "train" | "valid", index: number): readonly ProbeRequest[] {
    if (this.#requests.length === 0) return this.#requests;
    return this.#requests.filter(({ splits, every }) => splits.includes(split) && index % every === 0);
  }

  /** All sets of requests that come due together from a step (or batch) on; until the fit ends by default. */
  combinations(split: "train" | "valid", first: number, end = this.#end): (readonly ProbeRequest[])[] {
    const found = new Map<string, readonly ProbeRequest[]>();
    const wanted = this.#requests.some(({ splits }) => splits.includes(split));
    for (let index = first; index < end && wanted; index++) {
      const due = this.due(split, index);
      if (due.length > 0) found.set(requestsKey(due), due);
    }
    return [...found.values()];
  }

  /** Hands statistics to those who asked for them; returns all. */
  deliver(
    planned: ReadonlyMap<string, PlannedProbe>,
    bytes: Readonly<Record<string, ArrayBuffer>>,
    moment: ProbeMoment,
  ): readonly ProbeResult[] {
    const all = readProbes(planned.values(), bytes);
    for (const request of new Set(all.flatMap(({ probe }) => probe.requests))) {
      const own = all.filter(({ probe }) => probe.requests.includes(request));
      request.receive(
        own.map(({ result }) => result),
        moment,
      );
    }
    return all.map(({ result }) => result);
  }
}
