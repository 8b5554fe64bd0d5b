import { expect, it } from "vitest";
import type { Callback, FitContext, Learner } from "../../src/index.ts";
import { checkHooks } from "../../src/train/callback.ts";

/** Never called: what matters is what compiles. */
function misspeltHooksDoNotCompile(learner: Learner): void {
  learner.use({ name: "good", afterEpoch() {}, onRecord: ({ loss }) => void loss });
  learner.on("afterEpoch", ({ epoch }) => void epoch);
  // @ts-expect-error a letter too few
  learner.use({ name: "bad", aftrEpoch() {} });
  // @ts-expect-error another case
  learner.use({ name: "bad", afterepoch() {} });
  // @ts-expect-error no hook of this name
  learner.use({ name: "bad", onRecords() {} });
  // @ts-expect-error no hook of this name
  learner.on("epochEnd", () => {});
  // @ts-expect-error a hook takes what it is given, nothing else
  learner.use({ name: "bad", afterEpoch(_count: number) {} });
  // @ts-expect-error misspelt in a class
  learner.use(new Misspelt());
  const kept: Own = learner.use(new Own());
  kept.total();
  // @ts-expect-error a literal of the type itself
  const literal: Callback = { name: "bad", aftrEpoch() {} };
  void literal;
}

class Misspelt {
  readonly name = "misspelt";
  beforeEpochs(): void {}
}

class Own implements Callback {
  readonly name = "own";
  readonly batchSize = 3;
  afterBatch(_context: FitContext): void {}
  total(): number {
    return 0;
  }
  validate(): boolean {
    return true;
  }
}

it("misspelt hooks do not compile (checked by tsc), well-spelt ones do", () => {
  expect(misspeltHooksDoNotCompile).toBeTypeOf("function");
});

it("refuses misspelt hooks at run time, for callers without types", () => {
  expect(() => checkHooks(new Own())).not.toThrow();
  expect(() => checkHooks(new Misspelt() as Callback)).toThrow(
    "callback misspelt: unknown hook: expected beforeEpoch, got beforeEpochs",
  );
  const bad: object = { name: "bad", afterepoch() {} };
  expect(() => checkHooks(bad as Callback)).toThrow("expected afterEpoch, got afterepoch");
});
