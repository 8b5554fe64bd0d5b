import { BYTES_PER_ELEMENT } from "../core/dtype.ts";
import { pcg } from "../core/random.ts";
import { roundUp } from "../core/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Lowered } from "./lower.ts";

/** Bytes every work value is aligned to: WebGPU's storage-binding offset alignment. */
export const ALIGNMENT = 256;

/** A value in work memory, alive from the dispatch that writes it to the last that reads it. */
export interface Lifetime {
  readonly value: Value;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Values that some dispatch reads while writing this one or the reverse: better in another buffer. */
  readonly conflicts: Set<Value>;
  /** Those of them that must lie in another buffer: the dispatch binds the value it reads more than once. */
  readonly hardConflicts: Set<Value>;
}

export interface Place {
  readonly buffer: number;
  readonly offset: number;
}

/** Where every work value lies. */
export interface MemoryPlan {
  readonly places: ReadonlyMap<Value, Place>;
  /** Bytes of each work buffer. */
  readonly buffers: readonly number[];
  /** Largest sum of live values at one dispatch: no plan can be smaller. */
  readonly lowerBound: number;
  /** What one buffer per value would take. */
  readonly unplanned: number;
}

/** The value whose memory this one is. */
export function rootOf(value: Value, aliases: ReadonlyMap<Value, Value>): Value {
  let root = value;
  for (let next = aliases.get(root); next; next = aliases.get(root)) root = next;
  return root;
}

/** Lifetimes of all values computed by dispatches, but gradients, which have a place of their own. */
export function lifetimes(lowered: Lowered): Lifetime[] {
  const stored = new Set(lowered.gradients.values());
  const found = new Map<Value, { -readonly [K in keyof Lifetime]: Lifetime[K] }>();
  const end = lowered.dispatches.length;
  lowered.dispatches.forEach(({ node }, at) => {
    const reads: Value[] = [];
    const twice = new Set<Value>();
    for (const value of Object.values(node.inputs)) {
      const root = rootOf(value, lowered.aliases);
      const life = found.get(root);
      if (!life) continue;
      life.last = at;
      if (reads.includes(root)) twice.add(root);
      reads.push(root);
    }
    for (const value of Object.values(node.outputs)) {
      if (stored.has(value)) continue;
      const element = lowered.elementBytes?.get(value) ?? BYTES_PER_ELEMENT;
      const bytes = roundUp(Math.max(1, lowered.physical.get(value)!.size) * element, ALIGNMENT);
      const conflicts = { conflicts: new Set(reads), hardConflicts: new Set(twice) };
      found.set(value, { value, bytes, first: at, last: at, ...conflicts });
      for (const read of reads) found.get(read)!.conflicts.add(value);
      for (const read of twice) found.get(read)!.hardConflicts.add(value);
    }
  });
  for (const value of Object.values(lowered.outputs)) {
    const life = found.get(rootOf(value, lowered.aliases));
    if (life) life.last = end;
  }
  return [...found.values()];
}

/**
 * Packs work values into few buffers. WebGPU refuses a dispatch that binds one buffer for reading and for writing, even
 * at disjoint ranges, so what a dispatch reads lies in other buffers than what it writes. Where that costs memory, they
 * share a buffer, and the step plan binds both as read_write, which is allowed. Greedy: each value goes where the buffer
 * grows least, tried by size and by time; the smaller total wins.
 * Source  Pisarchyk & Lee 2020 (arXiv:2001.03288), greedy by size, with buffers as colours
 */
export function planMemory(lives: readonly Lifetime[]): MemoryPlan {
  const bound = lowerBound(lives);
  const apart = bestPacking(lives, bound, (life) => life.conflicts);
  const isGood = total(apart.buffers) <= APART_ENOUGH * bound;
  const best = isGood ? apart : bestPacking(lives, bound, (life) => life.hardConflicts);
  return { ...best, lowerBound: bound, unplanned: total(lives.map((life) => life.bytes)) };
}

/** Share of the bound up to which what is read and what is written lie apart. */
const APART_ENOUGH = 1.06;

/** Which values a value may not share a buffer with. */
type Forbid = (life: Lifetime) => ReadonlySet<Value>;

function bestPacking(lives: readonly Lifetime[], bound: number, forbid: Forbid): Packing {
  const bySize = [...lives].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  const byTime = [...lives].sort((a, b) => a.first - b.first || b.bytes - a.bytes);
  const [size, time] = [pack(bySize, forbid), pack(byTime, forbid)];
  return total(time.buffers) < total(size.buffers)
    ? reorder(byTime, time, bound, forbid)
    : reorder(bySize, size, bound, forbid);
}

/** Orders tried before the best one is taken. */
const MOST_ORDERS = 400;
/** Share of the bound that is as good as the bound: what is above it is small values. */
const GOOD_ENOUGH = 1.03;

/**
 * Betters a packing by moving one value at a time to another place in the order, keeping what does not make it larger:
 * the greedy rule takes most from the order. The moves are the same each time: equal graphs get equal plans.
 */
function reorder(order: readonly Lifetime[], packed: Packing, bound: number, forbid: Forbid): Packing {
  let best = packed;
  let sorted = [...order];
  for (let attempt = 0; attempt < MOST_ORDERS && total(best.buffers) > GOOD_ENOUGH * bound; attempt++) {
    const next = [...sorted];
    const [moved] = next.splice(pcg(2 * attempt) % next.length, 1);
    next.splice(pcg(2 * attempt + 1) % (next.length + 1), 0, moved!);
    const tried = pack(next, forbid);
    if (total(tried.buffers) > total(best.buffers)) continue;
    best = tried;
    sorted = next;
  }
  return best;
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, size) => sum + size, 0);
}

function lowerBound(lives: readonly Lifetime[]): number {
  const end = Math.max(0, ...lives.map((life) => life.last));
  let most = 0;
  for (let at = 0; at <= end; at++) {
    most = Math.max(most, total(lives.filter((l) => l.first <= at && at <= l.last).map((l) => l.bytes)));
  }
  return most;
}

type Packing = Pick<MemoryPlan, "places" | "buffers">;

function pack(order: readonly Lifetime[], forbid: Forbid): Packing {
  const places = new Map<Value, Place>();
  const buffers: number[] = [];
  const members: { life: Lifetime; offset: number }[][] = [];
  for (const life of order) {
    const forbidden = new Set([...forbid(life)].map((value) => places.get(value)?.buffer));
    let best: { buffer: number; offset: number; growth: number } | undefined;
    for (let buffer = 0; buffer < buffers.length; buffer++) {
      if (forbidden.has(buffer)) continue;
      const offset = firstFit(life, members[buffer]!);
      const growth = Math.max(0, offset + life.bytes - buffers[buffer]!);
      if (!best || growth < best.growth) best = { buffer, offset, growth };
    }
    // Another buffer only where the rule leaves no other way; two from the start, so that most can lie apart.
    if (!best || (best.growth >= life.bytes && buffers.length < 2)) {
      best = { buffer: buffers.length, offset: 0, growth: life.bytes };
      buffers.push(0);
      members.push([]);
    }
    const { buffer, offset } = best;
    buffers[buffer] = Math.max(buffers[buffer]!, offset + life.bytes);
    members[buffer]!.push({ life, offset });
    places.set(life.value, { buffer, offset });
  }
  return { places, buffers };
}

/** Lowest offset at which the value overlaps no member that is alive with it. */
function firstFit(life: Lifetime, members: readonly { life: Lifetime; offset: number }[]): number {
  const alive = members
    .filter((other) => other.life.first <= life.last && life.first <= other.life.last)
    .sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const other of alive) {
    if (offset + life.bytes <= other.offset) break;
    offset = Math.max(offset, other.offset + other.life.bytes);
  }
  return offset;
}
