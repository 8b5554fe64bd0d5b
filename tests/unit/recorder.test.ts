import { describe, expect, it } from "vitest";
import type { EpochRecord, FitContext, StepRecord } from "../../src/train/callback.ts";
import { csvTable, readCsvTable } from "../../src/train/callbacks/csv.ts";
import { Monitor } from "../../src/train/callbacks/monitor.ts";
import { Recorder } from "../../src/train/callbacks/recorder.ts";

const group = (lr: number) => ({
  lr,
  momentum: 0.9,
  beta2: 0.99,
  weightDecay: 0.01,
  eps: 1e-8,
  dampening: 0,
});

function record(step: number, loss: number, groups = 1): StepRecord {
  const all = Array.from({ length: groups }, (_, i) => group((step + 1) / 10 ** (groups - i)));
  const { lr, momentum } = all.at(-1)!;
  return {
    step,
    epoch: Math.floor(step / 2),
    loss,
    lr,
    momentum,
    groups: all,
    metrics: { accuracy: step / 7 },
  };
}

function epoch(number: number, validLoss: number): FitContext {
  const result: EpochRecord = {
    ...{ epoch: number, trainLoss: 1 / 3, validLoss, seconds: 0.1 },
    metrics: { accuracy: 0.5 + number / 9 },
  };
  return { result } as FitContext;
}

function recorded(groups = 1): Recorder {
  const recorder = new Recorder();
  [0.1, 0.2, Number.NaN, Number.POSITIVE_INFINITY].forEach((loss, step) => {
    recorder.onRecord(record(step, loss, groups));
    if (step % 2 === 1) recorder.afterEpoch(epoch((step - 1) / 2, step === 1 ? 0.3 : Number.NaN));
  });
  return recorder;
}

describe("Recorder", () => {
  it("keeps every number of every step, as typed arrays", () => {
    const recorder = recorded(2);
    expect(recorder.columns.slice(0, 6)).toEqual(["step", "epoch", "loss", "smoothLoss", "lr", "momentum"]);
    expect([...recorder.column("lr.0")]).toEqual([0.01, 0.02, 0.03, 0.04]);
    expect([...recorder.column("lr.1")]).toEqual([0.1, 0.2, 0.3, 0.4]);
    expect(recorder.column("lr")).toEqual(recorder.column("lr.1"));
    expect([...recorder.column("train.accuracy")]).toEqual([0, 1 / 7, 2 / 7, 3 / 7]);
    expect(recorder.column("loss")).toBeInstanceOf(Float64Array);
    expect(recorder.column("smoothLoss")[1]).toBeCloseTo((0.98 * 0.1 + 0.2) / 1.98, 12);
    expect(() => recorder.column("lr.2")).toThrow("expected step, epoch, loss");
  });

  it.each([1, 2])("leaves as JSON and CSV and comes back equal, with %i groups", (groups) => {
    const recorder = recorded(groups);
    const json = Recorder.fromJSON(JSON.stringify(recorder));
    const csv = Recorder.fromCSV({ steps: recorder.toCSV(), epochs: recorder.toCSV("epochs") });
    for (const copy of [json, csv]) {
      expect(copy.columns).toEqual(recorder.columns);
      for (const name of recorder.columns) expect(copy.column(name), name).toEqual(recorder.column(name));
      expect(copy.epochs).toEqual(recorder.epochs);
      // The copy goes on as the original does, in the smoothed loss too.
      for (const each of [copy]) each.onRecord(record(4, 0.5, groups));
    }
    recorder.onRecord(record(4, 0.5, groups));
    expect(json.column("smoothLoss")).toEqual(recorder.column("smoothLoss"));
    expect(JSON.stringify(csv)).toBe(JSON.stringify(recorder));
  });

  it("goes on beyond its first room, and refuses columns of unequal length", () => {
    const recorder = new Recorder();
    for (let step = 0; step < 1000; step++) recorder.onRecord(record(step, step));
    expect([...recorder.column("loss")]).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    const { steps, epochs } = recorder.toJSON();
    expect(() => Recorder.fromJSON({ steps: { ...steps, lr: [1] }, epochs })).toThrow(
      "column lr: expected 1000 numbers, got 1",
    );
    expect(new Recorder().toCSV()).toBe("\n");
    expect(Recorder.fromJSON(new Recorder().toJSON()).columns).toEqual([]);
  });
});

it("CSV quotes names with commas, and refuses lines of another length", () => {
  const text = csvTable(["a,b", 'say "x"', "c"], [[1], [2], ["NaN"]]);
  expect(text).toBe('"a,b","say ""x""",c\n1,2,NaN\n');
  expect(readCsvTable(text)).toEqual({ "a,b": [1], 'say "x"': [2], c: [Number.NaN] });
  expect(() => readCsvTable("a,b\n1\n")).toThrow("line 2: expected 2 numbers, got 1");
});

describe("Monitor", () => {
  const values = (monitor: Monitor, losses: readonly number[]) =>
    losses.map((loss, i) => monitor.improves(epoch(i, loss)));

  it("takes less loss and more of anything else as better, differences of minDelta not", () => {
    expect(values(new Monitor("test", {}), [1, 0.9, 0.95, Number.NaN, 0.8])).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(values(new Monitor("test", { minDelta: 0.15 }), [1, 0.9, 0.8])).toEqual([true, false, true]);
    expect(values(new Monitor("test", { mode: "max" }), [1, 0.9, 1.1])).toEqual([true, false, true]);
    expect(values(new Monitor("test", { monitor: "accuracy" }), [1, 1, 1])).toEqual([true, true, true]);
  });

  it("refuses what is not measured", () => {
    const learner = { options: { data: { train: {} }, metrics: [] } };
    expect(() => new Monitor("saveBest", {}).start({ learner } as unknown as FitContext)).toThrow(
      "saveBest: monitor: expected trainLoss, got validLoss",
    );
  });
});
