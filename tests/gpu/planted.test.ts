import { afterAll, describe, expect, test } from "vitest";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import type { OpCase } from "../reference/types.ts";
import { choosing } from "./choosing.ts";
import { type CaseName, planted } from "./planted.ts";
import { caseMismatches, describeMismatches } from "./sweep.ts";

/** The sweep notices mistakes: each one planted in a compiled plan makes the cases named beside it fail. */

const files = import.meta.glob<{ cases: OpCase[] }>("../ops/*.ts");
const noticed: string[] = [];

/** The case of exactly this name, or else the only one whose name begins so. */
async function findCase([file, op, name]: CaseName): Promise<OpCase> {
  const { cases } = await files[`../ops/${file}.ts`]!();
  const own = cases.filter((one) => one.op === op);
  const exact = own.filter((one) => one.name === name);
  const found = exact.length > 0 ? exact : own.filter((one) => one.name.startsWith(name));
  expect(
    found.map((one) => one.name),
    `cases of ${op} called "${name}"`,
  ).toHaveLength(1);
  return found[0]!;
}

describe("planted mistakes", () => {
  test.for(planted)("$name", async ({ name, plant, caughtBy, lowerings = {} }) => {
    const lines: string[] = [];
    const choices = choosing(lowerings);
    for (const wanted of caughtBy) {
      const one = await findCase(wanted);
      const sound = await caseMismatches(one, { choices });
      expect(sound, `without the mistake: ${describeMismatches(sound)}`).toEqual([]);
      const found = await caseMismatches(one, { onPlan: plant, choices });
      expect(found.length, `not noticed by ${one.op} ${one.name}`).toBeGreaterThan(0);
      lines.push(`    ${one.op} ${one.name}: ${describeMismatches(found).split("\n", 2).join(", ")}`);
    }
    noticed.push([name, ...lines].join("\n"));
  });

  test("have to change the plan", () => {
    const plan = { pipelines: [], dispatches: [] } as unknown as StepPlan;
    for (const { name, plant } of planted) expect(() => plant(plan), name).toThrow();
  });

  test("are at least ten, each different", () => {
    expect(new Set(planted.map(({ name }) => name)).size).toBe(planted.length);
    expect(planted.length).toBeGreaterThanOrEqual(10);
  });
});

afterAll(() => console.log(`planted mistakes and what noticed them:\n${noticed.join("\n")}`));
