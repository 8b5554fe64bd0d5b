import { randomBits, streamKey } from "../../src/core/random.ts";

/** Damaged copies of files, for tests of parsers: the same seed gives the same damage. */

/** Mutants of one file: bits flipped, bytes replaced, pieces cut out, doubled or moved, ends cut off, sizes made huge. */
export function* mutants(file: Uint8Array, count: number, seed: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < count; i++) {
    const random = stream(streamKey(seed, i));
    let bytes = Uint8Array.from(file);
    const times = 1 + random(3);
    for (let k = 0; k < times; k++) bytes = CHANGES[random(CHANGES.length)]!(bytes, random);
    yield bytes;
  }
}

type Random = (below: number) => number;
type Bytes = Uint8Array<ArrayBuffer>;

function stream(key: number): Random {
  let index = 0;
  return (below) => (below > 0 ? randomBits(key, index++) % below : 0);
}

/** Damage lies in the first bytes half of the time: there the sizes are. */
function place(bytes: Bytes, random: Random): number {
  return random(2) ? random(bytes.length) : random(Math.min(bytes.length, 64 + random(512)));
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff];
const NUMBERS = ["0", "-1", "4294967296", "9007199254740993", "1e9", "99999999999999999999", "4"];

const CHANGES: readonly ((bytes: Bytes, random: Random) => Bytes)[] = [
  (bytes, random) => set(bytes, place(bytes, random), (byte) => byte ^ (1 << random(8))),
  (bytes, random) => set(bytes, place(bytes, random), () => random(256)),
  (bytes, random) => set(bytes, place(bytes, random), () => EDGES[random(EDGES.length)]!),
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  (bytes, random) => splice(bytes, place(bytes, random), 1 + random(16), new Uint8Array(0)),
  (bytes, random) =>
    splice(
      bytes,
      place(bytes, random),
      0,
      Uint8Array.from({ length: 1 + random(9) }, () => random(256)),
    ),
  (bytes, random) => {
    const from = place(bytes, random);
    return splice(bytes, place(bytes, random), 0, bytes.slice(from, from + 1 + random(64)));
  },
  (bytes, random) => {
    // Eight bytes of a size that lies, little-endian or as a varint.
    const at = place(bytes, random);
    const lie = random(2) ? [0, 0, 0, 0, 1, 0, 0, 0] : [255, 255, 255, 255, 15];
    return splice(bytes, at, lie.length, Uint8Array.from(lie));
  },
  (bytes, random) => {
    // A number of the text made another one.
    const at = place(bytes, random);
    const start = bytes.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
    if (start < 0) return bytes;
    const text = new TextEncoder().encode(NUMBERS[random(NUMBERS.length)]);
    return splice(bytes, start, 1 + random(3), text);
  },
];

function set(bytes: Bytes, at: number, change: (byte: number) => number): Bytes {
  if (bytes.length) bytes[at] = change(bytes[at]!);
  return bytes;
}

function splice(bytes: Bytes, at: number, removed: number, added: Uint8Array): Bytes {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const out = new Uint8Array(Math.min(at, bytes.length) + added.length + rest.length);
  out.set(bytes.subarray(0, at));
  out.set(added, Math.min(at, bytes.length));
  out.set(rest, out.length - rest.length);
  return out;
}
