import { expect, test } from "vitest";
import { PRESETS, presetOf, searchOf, setupOf } from "../../demo/presets.ts";
import { MODELS } from "../../src/models/index.ts";

test("the address of every preset opens it, and so does that of a setup of one's own", () => {
  for (const [name, { setup }] of Object.entries(PRESETS)) {
    expect(searchOf(setup)).toBe(`?preset=${name}`);
    expect(setupOf(searchOf(setup))).toEqual(setup);
    expect(Object.keys(MODELS)).toContain(setup.model);
  }
  const own = { ...PRESETS.bad!.setup, lr: 0.0123, epochs: 3, batch: 17, model: "cnn" } as const;
  expect(presetOf(own)).toBeUndefined();
  expect(setupOf(searchOf(own))).toEqual(own);
});

test("what an address says wrongly is taken from its preset, or from the first", () => {
  const { good, bad } = PRESETS;
  expect(setupOf("?preset=none&model=toString&lr=-1&epochs=1e9&schedule=x")).toEqual(good!.setup);
  expect(setupOf("?preset=bad&batch=2.4&lr=NaN")).toEqual({ ...bad!.setup, batch: 2 });
});
