import { describe, expect, test } from "vitest";
import { Terminal } from "../../src/cli/terminal.ts";
import type { EpochResult, RunResult } from "../../src/cli/train-result.ts";
import { epochLine, finalTable, headLines, resultText, summaryLine } from "../../src/cli/train-text.ts";
import type { TrainingProgress } from "../../src/train/callbacks/progress.ts";
import {
  bar,
  formatLoss,
  formatRate,
  formatSeconds,
  progressLine,
} from "../../src/train/callbacks/progress-text.ts";

const progress: TrainingProgress = {
  epoch: 2,
  epochs: 5,
  step: 31,
  steps: 62,
  loss: 0.21345,
  accuracy: 0.9343,
  lr: 0.0563,
  momentum: 0.862,
  examplesPerSecond: 5120.4,
  secondsLeft: 72,
};

const epoch = (number: number, validAccuracy: number): EpochResult => ({
  epoch: number,
  trainLoss: 0.5,
  validLoss: 0.25,
  validAccuracy,
  seconds: 2,
});

const run = (seed: number, validAccuracy: number): RunResult => ({
  adapter: "google swiftshader",
  model: "book",
  seed,
  parameters: 29_730,
  epochs: [epoch(1, 0.9), epoch(2, validAccuracy)],
  steps: 124,
  msPerStep: 12.5,
  history: { loss: [2.5, 0.5], lr: [0.0024, 2.4e-7], momentum: [0.95, Number.NaN] },
});

describe("numbers", () => {
  test("times", () => {
    expect([0.4, 59.6, 750, 3723].map(formatSeconds)).toEqual(["0:00", "1:00", "12:30", "1:02:03"]);
  });

  test("losses and rates", () => {
    const losses = [2.3021, 0.0004, 12.345, 123456, Number.NaN];
    expect(losses.map(formatLoss)).toEqual(["2.3021", "4.00e-4", "12.35", "1.23e+5", "NaN"]);
    expect([0.06, 0.0024, 6e-7].map(formatRate)).toEqual(["0.0600", "0.00240", "6.00e-7"]);
  });

  test("a bar is full only at the end", () => {
    expect([0, 0.5, 1, 2].map((share) => bar(share, 4))).toEqual(["░░░░", "██░░", "████", "████"]);
  });
});

describe("the line of a running epoch", () => {
  test("in full", () => {
    expect(progressLine(progress, 140)).toBe(
      "epoch 2/5 ████████████░░░░░░░░░░░░  loss 0.2135  accuracy 93.4 %  lr 0.0563  momentum 0.862  5120 examples/s  1:12 left",
    );
  });

  test.each([119, 100, 79, 60, 40, 20])("fits in %i columns", (columns) => {
    expect(progressLine(progress, columns).length).toBeLessThanOrEqual(columns);
  });

  test("has every number in the usual 80 columns, then leaves out what matters least", () => {
    expect(progressLine(progress, 79)).toMatchInlineSnapshot(
      `"2/5 ██████░░░░░░ loss 0.2135 acc 93.4 % lr 0.0563 mom 0.862 5120 ex/s 1:12 left"`,
    );
    expect(progressLine(progress, 60)).toMatchInlineSnapshot(
      `"2/5 ███████░░░░░░ loss 0.2135 acc 93.4 % lr 0.0563 1:12 left"`,
    );
    expect(progressLine(progress, 30)).toMatchInlineSnapshot(`"2/5 ███████░░░░░░░ loss 0.2135"`);
  });
});

describe("what stays", () => {
  test("head and epochs", () => {
    const prepared = {
      adapter: "a GPU",
      software: false,
      train: 4000,
      valid: 1000,
      shape: [1, 28, 28],
      classes: 10,
    };
    expect(headLines(prepared, "book", "digits").join("\n")).toMatchInlineSnapshot(`
      "Adapter  a GPU
      Data     digits: 4000 to train, 1000 to validate, 1×28×28, 10 classes
      Model    book"
    `);
    expect(epochLine(epoch(3, 0.976), 12)).toMatchInlineSnapshot(
      `"epoch  3/12  train loss 0.5000  valid loss 0.2500  valid accuracy 97.60 %  2.0 s"`,
    );
  });

  test("one seed: a row an epoch", () => {
    expect(finalTable([run(1, 0.975)]).join("\n")).toMatchInlineSnapshot(`
      "epoch  train loss  valid loss  valid accuracy  seconds
      1      0.5000      0.2500      90.00 %         2.0
      2      0.5000      0.2500      97.50 %         2.0"
    `);
  });

  test("several seeds: a row a seed, and the mean", () => {
    expect(finalTable([run(1, 0.97), run(2, 0.98)]).join("\n")).toMatchInlineSnapshot(`
      "seed  train loss  valid loss  valid accuracy  seconds  ms/step
      1     0.5000      0.2500      97.00 %         4.0      12.50
      2     0.5000      0.2500      98.00 %         4.0      12.50
      mean  0.5000      0.2500      97.50 %         4.0      12.50"
    `);
    expect(summaryLine([run(1, 0.97), run(2, 0.98)])).toMatchInlineSnapshot(
      `"book: 29,730 parameters, 124 steps a run, 12.50 ms a step"`,
    );
  });

  test("the file: an object for one seed, a list for several; numbers side by side", () => {
    const text = resultText([run(1, 0.97)], true);
    expect(JSON.parse(text)).toEqual({
      ...run(1, 0.97),
      history: { ...run(1, 0).history, momentum: [0.95, null] },
    });
    expect(text).toContain('"lr": [0.0024,2.4e-7]');
    expect(JSON.parse(resultText([run(1, 0.9), run(2, 0.9)], false))).toHaveLength(2);
  });
});

describe("terminal", () => {
  const record = (interactive: boolean) => {
    let text = "";
    let now = 0;
    const write = (more: string) => {
      text += more;
    };
    const terminal = new Terminal({ interactive, columns: 80, write }, () => now);
    return { terminal, text: () => text, wait: (ms: number) => (now += ms) };
  };

  test("redraws in place, and a line that stays replaces what was drawn", () => {
    const { terminal, text } = record(true);
    terminal.redraw("10 %");
    terminal.redraw("20 %");
    terminal.line("done");
    expect(text()).toBe("\r\x1b[K10 %\r\x1b[K20 %\r\x1b[Kdone\n");
    terminal.lastLine("stopped");
    terminal.redraw("30 %");
    expect(text()).toMatch(/done\nstopped\n$/);
  });

  test("in a pipe: no control characters, a line of progress every ten seconds", () => {
    const { terminal, text, wait } = record(false);
    terminal.redraw("10 %");
    wait(9000);
    terminal.redraw("20 %");
    wait(1500);
    terminal.redraw("30 %");
    terminal.redraw("40 %");
    terminal.line("done");
    expect(text()).toBe("30 %\ndone\n");
  });
});
