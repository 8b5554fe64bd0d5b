import { afterAll, describe, expect, test } from "vitest";
import type { OpCase } from "../reference/types.ts";
import { expectCase } from "./sweep.ts";

/** Every operator case in the browser against the float64 reference: `npx vitest run --project gpu ops -t "^conv2d "`. */

const loaders = import.meta.glob<{ cases: OpCase[] }>("../ops/*.ts");
const counts = new Map<string, number>();

for (const [file, load] of Object.entries(loaders)) {
  const loaded = await load().catch((error: unknown) => error);
  if (loaded instanceof Error) {
    test(`${file} loads`, () => expect.fail(String(loaded)));
    continue;
  }
  for (const one of (loaded as { cases: OpCase[] }).cases) {
    describe(one.op, () => {
      test(one.name, async () => {
        await expectCase(one);
        counts.set(one.op, (counts.get(one.op) ?? 0) + 1);
      });
    });
  }
}

afterAll(() => {
  const rows = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([op, count]) => `${op} ${count}`);
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  console.log(`operator cases that agree with the float64 reference: ${total}\n${rows.join("  ")}`);
});
