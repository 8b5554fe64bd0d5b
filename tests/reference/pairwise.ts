/**
 * Rows of levels 0..4 for up to six factors in which every pair of levels of every two factors occurs: the lines of
 * the affine plane over the integers modulo 5. Row (a, b) is a, b, a+b, a+2b, a+3b, a+4b.
 */
export function pairwiseRows(): number[][] {
  const rows: number[][] = [];
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 5; b++) {
      rows.push([a, b, (a + b) % 5, (a + 2 * b) % 5, (a + 3 * b) % 5, (a + 4 * b) % 5]);
    }
  }
  return rows;
}

/** The entry for a level; levels beyond a shorter list wrap around, shifted by `turn`, so pairs stay covered. */
export function pick<T>(options: readonly T[], level: number, turn = 0): T {
  return options[(level < options.length ? level : level + turn) % options.length] as T;
}
