/**
 * Counter-based random numbers: every number is a pure function of a key and an index, so that results do not depend
 * on the order of evaluation, the batch size or the layout in memory. The same integer arithmetic runs in WGSL
 * (`pcg`, `random_bits`, `random_unit` in the shaders that draw), bit for bit.
 * Source  PCG output permutation RXS-M-XS, Jarzynski & Olano 2020, "Hash Functions for GPU Rendering"
 */
export function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const shift = (state >>> 28) + 4;
  const word = Math.imul((state >>> shift) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Key of a stream: seed, step, micro-step and a hash of the drawing node's path, folded one after another. */
export function streamKey(...parts: readonly number[]): number {
  return parts.reduce((key, part) => pcg((key ^ (part >>> 0)) >>> 0), 0x9e3779b9);
}

/** 32 random bits for (key, index). */
export function randomBits(key: number, index: number): number {
  return pcg((pcg((index ^ key) >>> 0) + key) >>> 0);
}

/** Uniform in [0, 1) with 24 bits, exact in f32. */
export function randomUnit(key: number, index: number): number {
  return (randomBits(key, index) >>> 8) / 16777216;
}

/** Standard normal by Box-Muller from two uniforms of the stream. */
export function randomNormal(key: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - randomUnit(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * randomUnit(key, 2 * index + 1));
}

/** FNV-1a hash of a string, 32 bits. */
export function hashString(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

/**
 * A random permutation of 0..count−1 (Fisher-Yates on the stream `key`).
 * Units   indices
 */
export function permutation(count: number, key: number): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((randomBits(key, i) / 4294967296) * (i + 1));
    const swap = order[i]!;
    order[i] = order[j]!;
    order[j] = swap;
  }
  return order;
}
