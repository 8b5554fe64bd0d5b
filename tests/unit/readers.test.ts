import { describe, expect, test } from "vitest";
import { DataError, EngineError, OptionError } from "../../src/core/errors.ts";
import { cifarData } from "../../src/data/cifar.ts";
import { csvData } from "../../src/data/csv.ts";
import { dataSet, imageData } from "../../src/data/data-set.ts";
import { drawnDigits } from "../../src/data/drawn-digits.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { classWeights, splitRandom, take } from "../../src/data/split.ts";
import { mutants } from "../setup/mutants.ts";

/** Damaged files of each parser; ten times as many in the full run. */
const MUTANTS = process.env.WGFIT_FULL === "1" ? 10_000 : 1_000;

/** Each mutant is read or refused by an error of the engine, the slowest in under a second. */
function surviveMutants(file: Uint8Array, read: (bytes: Uint8Array<ArrayBuffer>) => unknown): void {
  let [refused, slowest] = [0, 0];
  for (const mutant of mutants(file, MUTANTS, 11)) {
    const started = performance.now();
    try {
      read(mutant);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      refused++;
    }
    slowest = Math.max(slowest, performance.now() - started);
  }
  expect(slowest).toBeLessThan(1000);
  expect(refused).toBeGreaterThan(MUTANTS / 20);
}

describe("CIFAR", () => {
  const record = (labels: readonly number[], seed: number) =>
    Uint8Array.from([...labels, ...Array.from({ length: 3072 }, (_, i) => (i * seed) % 256)]);
  const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

  test("CIFAR-10 of two files, channel by channel", () => {
    const data = cifarData([joined(record([3], 1), record([9], 7)), record([0], 5)]);
    expect([data.count, data.classes, data.inputs.x!.shape]).toEqual([3, 10, [3, 32, 32]]);
    expect(data.targets.y!.data).toEqual(Int32Array.of(3, 9, 0));
    expect([...data.inputs.x!.data.subarray(3072, 3076)]).toEqual([0, 7, 14, 21]);
  });

  test("CIFAR-100 with fine and coarse labels", () => {
    const file = joined(record([19, 99], 1), record([4, 30], 3));
    const fine = cifarData([file], { kind: "cifar100" });
    expect([fine.classes, ...fine.targets.y!.data]).toEqual([100, 99, 30]);
    const coarse = cifarData([file], { kind: "cifar100", labels: "coarse" });
    expect([coarse.classes, ...coarse.targets.y!.data]).toEqual([20, 19, 4]);
    expect(coarse.inputs).toEqual(fine.inputs);
  });

  test.each<[string, Uint8Array[]]>([
    ["truncated", [record([1], 1).subarray(0, 3000)]],
    ["empty", [new Uint8Array(0)]],
    ["of the other kind", [record([1, 2], 1)]],
    ["with a label out of range", [record([10], 1)]],
    ["none", []],
  ])("a file that is %s is refused", (_, files) => {
    expect(() => cifarData(files)).toThrow(DataError);
  });

  test(`${MUTANTS} mutants`, () => {
    surviveMutants(joined(record([3], 1), record([9], 7)), (bytes) => cifarData([bytes]));
  });
});

describe("CSV", () => {
  test("classes by name, a header found by itself, quotes and line ends of all kinds", () => {
    const text = '\ufeffwidth,"hei""ght",kind\r\n1,2.5,rose\r\n\r\n-3e2,"4",iris\n5,6,rose';
    const { data, features, classes } = csvData(text);
    expect(features).toEqual(["width", 'hei"ght']);
    expect(classes).toEqual(["iris", "rose"]);
    expect(data.inputs.x!.data).toEqual(Float32Array.of(1, 2.5, -300, 4, 5, 6));
    expect(data.targets.y!.data).toEqual(Int32Array.of(1, 0, 1));
  });

  test("numbers as target, by place and name; no header", () => {
    const byPlace = csvData("7;1\n8;2\n", { separator: ";", target: 0, kind: "number" });
    expect(byPlace.data.targets.y).toEqual({ data: Float32Array.of(7, 8), shape: [1] });
    expect([...byPlace.data.inputs.x!.data]).toEqual([1, 2]);
    const byNameOf = csvData("a,b,c\n1,2,3", { target: "b", kind: "number" });
    expect(byNameOf.features).toEqual(["a", "c"]);
  });

  test("classes that are numbers count in their order", () => {
    expect(csvData("1,10\n2,9\n3,10").classes).toEqual(["9", "10"]);
  });

  test("a quoted field may hold a separator and an end of line", () => {
    const { classes } = csvData('1,"a,\nb"\n2,c');
    expect(classes).toEqual(["a,\nb", "c"]);
    expect(() => csvData('1,"a\nb"\n2,c\nx,d')).toThrow("column 0 in line 4");
  });

  test.each([
    ["", "no lines"],
    ["a,b", "no examples"],
    ["1\n2", "columns"],
    ["1,2,3\n4,5", "fields in line 2"],
    ["1,a\n,b", "column 0 in line 2"],
    ["1,a\nNaN,b", "column 0 in line 2"],
    ["1,a\n1e99,b", "column 0 in line 2"],
    ['1,"a', "quote opened in line 1"],
    ['1,"a"b\n', "line 1"],
  ])("%j is refused: %s", (text, problem) => {
    expect(() => csvData(text)).toThrow(problem);
    expect(() => csvData(text)).toThrow(DataError);
  });

  test(`${MUTANTS} mutants`, () => {
    const file = new TextEncoder().encode(
      'width,height,kind\n1,2.5,rose\n3,"4",iris\n5,6,rose\n7,8,"li,ly"\n',
    );
    surviveMutants(file, (bytes) => csvData(new TextDecoder().decode(bytes)));
  });
});

test(`IDX: ${MUTANTS} mutants`, () => {
  const header = [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6];
  surviveMutants(Uint8Array.from([...header, ...Array.from({ length: 120 }, (_, i) => i)]), parseIdx);
});

describe("splits", () => {
  // Class 0 has 60 examples, class 1 has 30, class 2 has 10; each image holds its own number.
  const labels = Array.from({ length: 100 }, (_, i) => (i < 60 ? 0 : i < 90 ? 1 : 2));
  const data = imageData({
    images: Uint8Array.from({ length: 200 }, (_, i) => i >> 1),
    shape: [1, 1, 2],
    labels,
    classes: 3,
  });
  const numbers = (split: typeof data) => [...split.inputs.x!.data].filter((_, i) => i % 2 === 0);

  test("at random by seed: every example on one side, labels with their images", () => {
    const { train, valid } = splitRandom(data, { valid: 0.25, seed: 3 });
    expect([train.count, valid.count]).toEqual([75, 25]);
    expect([...numbers(train), ...numbers(valid)].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect([...valid.targets.y!.data]).toEqual(numbers(valid).map((n) => labels[n]));
    expect(splitRandom(data, { valid: 0.25, seed: 3 })).toEqual({ train, valid });
    expect(numbers(splitRandom(data, { valid: 0.25, seed: 4 }).valid)).not.toEqual(numbers(valid));
  });

  test("stratified: the share of every class", () => {
    const { valid } = splitRandom(data, { valid: 0.2, stratify: true });
    const counts = [0, 1, 2].map((c) => [...valid.targets.y!.data].filter((label) => label === c).length);
    expect(counts).toEqual([12, 6, 2]);
  });

  test("weights of classes count them alike", () => {
    const weights = classWeights(data);
    expect([...weights].map((w, c) => w * [60, 30, 10][c]!)).toEqual([
      expect.closeTo(100 / 3, 4),
      expect.closeTo(100 / 3, 4),
      expect.closeTo(100 / 3, 4),
    ]);
    expect([...classWeights(take(data, [0, 1, 70]))]).toEqual([0.5, 1, 0]);
  });

  test("what cannot be split is refused", () => {
    expect(() => splitRandom(data, { valid: 1 })).toThrow(OptionError);
    expect(() => splitRandom(take(data, [1]), {})).toThrow(OptionError);
    expect(() => splitRandom(drawnDigits().train)).toThrow(DataError);
    expect(() => take(data, [100])).toThrow(DataError);
    const floats = dataSet({
      inputs: { data: new Float32Array(4), shape: [1] },
      targets: { data: new Float32Array(4), shape: [1] },
    });
    expect(() => splitRandom(floats, { stratify: true })).toThrow("a class for each example");
    expect(() => classWeights(floats)).toThrow(DataError);
  });
});
