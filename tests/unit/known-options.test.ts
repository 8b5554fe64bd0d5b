import { describe, expect, test } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import { knownOptions, type OptionNames } from "../../src/core/known-options.ts";

interface Options {
  readonly batchSize?: number;
  readonly seed?: number;
}
const NAMES: OptionNames<Options> = { batchSize: true, seed: true };

/** Options as JavaScript passes them. */
const untyped = (value: unknown) => value as Options;

describe("knownOptions", () => {
  test("what exists passes, absent and undefined too", () => {
    for (const given of [{}, { seed: 1 }, { batchSize: 1, seed: undefined }]) {
      expect(() => knownOptions("learner", untyped(given), NAMES)).not.toThrow();
    }
  });

  test("a misspelt one names the nearest", () => {
    const body = () => knownOptions("learner", untyped({ batchsize: 3 }), NAMES);
    expect(body).toThrow(OptionError);
    expect(body).toThrow(
      "learner: unknown option: expected batchSize, got batchsize\n  fix   the options are batchSize, seed",
    );
  });

  test("one that is like none lists them all; inherited names are no options", () => {
    expect(() => knownOptions("learner", untyped({ temperature: 1 }), NAMES)).toThrow(
      "expected batchSize, seed, got temperature",
    );
    expect(() => knownOptions("learner", untyped({ toString: 1 }), NAMES)).toThrow("unknown option");
  });

  test("something that is no object", () => {
    expect(() => knownOptions("nn.conv2d", untyped(3), NAMES)).toThrow(
      "nn.conv2d: options: expected an object with batchSize, seed, got 3",
    );
    expect(() => knownOptions("nn.conv2d", untyped(null), NAMES)).toThrow("got null");
  });
});
