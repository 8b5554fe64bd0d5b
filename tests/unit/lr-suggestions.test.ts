import { describe, expect, it } from "vitest";
import { suggestLr } from "../../src/train/lr-suggestions.ts";
import { SmoothedLoss } from "../../src/train/smoothed-loss.ts";
import golden from "../golden/lr-find.json";

const { startLr, endLr } = golden;
const decoded = (values: readonly (number | null)[]) => values.map((value) => value ?? Number.NaN);

describe.each(golden.curves.map((curve) => [curve.name, curve] as const))("%s", (_, curve) => {
  const losses = decoded(curve.losses);
  const lrs = losses.map((__, k) => startLr * (endLr / startLr) ** (k / curve.steps));

  it("gets the reference's four suggestions", () => {
    const found = suggestLr(lrs, losses, curve.steps);
    for (const [rule, want] of Object.entries(curve.suggestions)) {
      expect(found[rule as keyof typeof found], rule).toBeCloseTo(want, 12);
    }
  });

  it("is smoothed as fastai's Recorder does", () => {
    const smoothed = new SmoothedLoss();
    const got = decoded(curve.raw)
      .slice(0, losses.length)
      .map((loss) => smoothed.add(loss));
    got.forEach((value, k) => {
      if (Number.isNaN(losses[k]!)) expect(value).toBeNaN();
      else expect(Math.abs(value - losses[k]!)).toBeLessThanOrEqual(1e-9 * losses[k]!);
    });
  });
});

it("has no suggestion where there are too few points", () => {
  expect(suggestLr([1e-7, 1e-6], [1, 0.5], 6)).toEqual({
    valley: Number.NaN,
    steep: Number.NaN,
    slide: Number.NaN,
    minimum: Number.NaN,
  });
});
