import { expect, test } from "vitest";
import { explainCommand, explainOptions, trainCommand, trainOptions } from "../../src/cli/options.ts";
import { helpText, nearest, parseOptions } from "../setup/options.mjs";

const train = (...argv: string[]) => trainOptions(parseOptions(trainCommand, argv)?.values ?? {});

test("train: what omission means", () => {
  expect(train()).toEqual({
    data: null,
    examples: null,
    test: null,
    model: "book",
    epochs: 5,
    batch: 64,
    lrMax: 0.06,
    schedule: "one-cycle",
    seeds: [1],
    valid: null,
    json: null,
    logdir: null,
  });
});

test("train: every option, with a space or an equals sign", () => {
  const argv = ["--data", "my digits", "--model=plain", "--epochs", "2", "--batch=32", "--lr-max", "1e-3"];
  expect(
    train(
      ...[...argv, "--schedule", "flat-cos", "--seed", "1..3", "--valid", "100", "--json", "out.json"],
      ...["--logdir", "logs", "--test", "real"],
    ),
  ).toEqual({
    data: "my digits",
    examples: null,
    test: "real",
    model: "plain",
    epochs: 2,
    batch: 32,
    lrMax: 0.001,
    schedule: "flat-cos",
    seeds: [1, 2, 3],
    valid: 100,
    json: "out.json",
    logdir: "logs",
  });
});

test("train: examples of the built-in data, never with files", () => {
  expect(train("--examples", "60000").examples).toBe(60_000);
  expect(() => train("--examples=10", "--data=x")).toThrow("--examples: expected none with --data");
});

test("explain: a switch and numbers", () => {
  expect(explainOptions(parseOptions(explainCommand, ["--json", "--batch", "8"])?.values ?? {})).toEqual({
    model: "book",
    batch: 8,
    json: true,
  });
});

test.each([
  ["--epochs", "0", '--epochs: expected a whole number of at least 1, got "0"'],
  ["--batch", "2.5", '--batch: expected a whole number of at least 1, got "2.5"'],
  ["--lr-max", "fast", '--lr-max: expected a number above 0, got "fast"'],
  ["--lr-max", "-1", '--lr-max: expected a number above 0, got "-1"'],
  ["--schedule", "cosine", '--schedule: expected one of one-cycle, flat-cos, constant, got "cosine"'],
  ["--seed", "3..1", "--seed: expected a whole number from 0 to 4294967295"],
  ["--seed", "4294967296", "--seed: expected a whole number from 0 to 4294967295"],
  ["--seed", "0..1000", "at most 1000 runs"],
])("%s %s is refused", (option, value, message) => {
  expect(() => train(`${option}=${value}`)).toThrow(message);
});

test.each([
  [["--epocs", "3"], "npm run train: unknown option --epocs: did you mean --epochs?"],
  [["--lr", "3"], "npm run train: unknown option --lr: did you mean --lr-max?"],
  [["--lrMax=3"], "npm run train: unknown option --lrMax: did you mean --lr-max?"],
  [["-x"], "npm run train: unknown option -x: see npm run train -- --help."],
  [["--quantization"], "npm run train: unknown option --quantization: see npm run train -- --help."],
  [["--epochs"], "npm run train: --epochs needs a value: --epochs N."],
  [["--epochs", "--batch", "3"], "npm run train: --epochs needs a value: --epochs N."],
  [["--data="], "npm run train: --data needs a value: --data DIR."],
  [
    ["fast"],
    'npm run train: unexpected argument "fast": options start with --, see npm run train -- --help.',
  ],
])("%j is refused in one sentence", (argv, message) => {
  expect(() => parseOptions(trainCommand, argv)).toThrow(message);
});

test("a switch takes no value", () => {
  expect(() => parseOptions(explainCommand, ["--json=yes"])).toThrow(
    'npm run explain: --json takes no value, got "yes".',
  );
});

test("--help and -h win over everything but mistakes", () => {
  expect(parseOptions(trainCommand, ["--help"])).toBeNull();
  expect(parseOptions(trainCommand, ["--epochs", "3", "-h"])).toBeNull();
});

test("the help text lists every option within 110 columns", () => {
  for (const command of [trainCommand, explainCommand]) {
    const help = helpText(command);
    for (const name of Object.keys(command.options)) expect(help).toContain(`--${name}`);
    for (const line of help.split("\n")) expect(line.length, line).toBeLessThanOrEqual(110);
  }
});

test("the nearest word, or none", () => {
  expect(nearest("modle", ["model", "epochs"])).toBe("model");
  expect(nearest("zzzzzz", ["model", "epochs"])).toBeNull();
});
