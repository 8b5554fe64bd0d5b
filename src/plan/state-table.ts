import { BYTES_PER_ELEMENT } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { type Layout, type Physical, physical } from "../core/layout.ts";
import { roundUp } from "../core/shape.ts";
import type { FlatBuffer, State } from "../graph/value.ts";

/** Parameters per block of the flat buffers; a block belongs to one parameter, so one group number covers it. */
export const BLOCK = 256;
/** Rows of the ring of recorded scalars, one per step in flight. */
export const RECORD_ROWS = 64;
/** Scalars per row. */
export const RECORD_COLUMNS = 16;

/** Place of a state in its flat buffer. */
export interface Segment {
  readonly state: State;
  /** "params" (with a twin in "grads" and every optimizer buffer) or "stats". */
  readonly buffer: "params" | "stats";
  /** Elements from the start of the buffer. */
  readonly offset: number;
  readonly physical: Physical;
}

/**
 * Places of all states of a program. Parameters, gradients and optimizer moments share offsets, so that one dispatch
 * updates them all. The first plan that meets a state decides its layout; every later plan converts if it must.
 */
export class StateTable {
  readonly #segments = new Map<State, Segment>();
  readonly #sizes = { params: 0, stats: 0 };
  #sealed = false;

  /** Segment of a state, made in the wanted layout if the state is new. */
  place(state: State, wanted: Layout): Segment {
    const found = this.#segments.get(state);
    if (found) return found;
    if (this.#sealed) {
      throw new GraphError({
        op: "plan",
        problem: `state ${state.name} is new to a program whose buffers exist`,
        fix: "make a new Learner for a changed model",
      });
    }
    const buffer = state.role === "parameter" ? "params" : "stats";
    const place = physical(state.shape, wanted);
    const segment: Segment = { state, buffer, offset: this.#sizes[buffer], physical: place };
    // 64 elements are 256 bytes, the alignment of a binding; parameters take whole blocks.
    this.#sizes[buffer] += roundUp(place.size, buffer === "params" ? BLOCK : 256 / BYTES_PER_ELEMENT);
    this.#segments.set(state, segment);
    return segment;
  }

  get(state: State): Segment | undefined {
    return this.#segments.get(state);
  }

  segments(): Segment[] {
    return [...this.#segments.values()];
  }

  /** Elements of a flat buffer. */
  flatSize(buffer: FlatBuffer | "stats"): number {
    if (buffer === "stats") return this.#sizes.stats;
    if (buffer === "records") return RECORD_ROWS * RECORD_COLUMNS;
    return buffer === "blocks" ? this.#sizes.params / BLOCK : this.#sizes.params;
  }

  /** No new states from here on: the buffers are being made. */
  seal(): void {
    this.#sealed = true;
  }
}
