import { describe, expect, test } from "vitest";
import {
  decodeDoubles,
  decodeFloats,
  decodeIntegers,
  type EncodedTensor,
  type EncodedTensors,
  type GoldenGroup,
  type GoldenStep,
  type GoldenSteps,
  golden,
  stateBefore,
} from "../golden/load.ts";

/** The golden files agree with themselves and with what README.md says about them. */

const every = Object.entries(
  import.meta.glob<unknown>("../golden/{run,steps}-*.json", { eager: true, import: "default" }),
);
const runs = every.filter(([path]) => path.includes("/run-")).map(([, file]) => golden("run", file));
const steps = every.filter(([path]) => path.includes("/steps-")).map(([, file]) => golden("steps", file));

const size = (tensor: EncodedTensor): number => tensor.shape.reduce((product, extent) => product * extent, 1);

function numbers(tensors: EncodedTensors, name: string): Float64Array {
  const tensor = tensors[name];
  if (tensor === undefined) {
    throw new Error(`no tensor ${name}`);
  }
  expect(decodeDoubles(tensor).length, name).toBe(size(tensor));
  return decodeDoubles(tensor);
}

function expectNear(label: string, got: Float64Array, want: Float64Array): void {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  want.forEach((value, i) => {
    const error = Math.abs((got[i] ?? Number.NaN) - value);
    if (!(error <= 1e-6 * largest)) {
      expect.fail(`${label}[${i}]: expected ${value}, got ${got[i]}`);
    }
  });
}

/** Parameters and optimizer state of one tensor after a step, by the textbook. */
type Update = (p: number, g: number, state: readonly number[]) => { p: number; state: number[] };

/** v = mu v + g (g on the first step), w -= lr (g + mu v) with Nesterov, lr v without. */
function sgdUpdate(file: GoldenSteps, entry: GoldenStep, group: GoldenGroup): Update {
  const { optimizer } = file;
  const nesterov = optimizer.kind === "sgd" && optimizer.nesterov;
  const dampening = optimizer.kind === "sgd" ? optimizer.dampening : 0;
  return (p, g, [v = 0]) => {
    const decayed = g + group.weightDecay * p;
    const next = entry.step === 0 ? decayed : entry.momentum * v + (1 - dampening) * decayed;
    const along = nesterov ? decayed + entry.momentum * next : next;
    return { p: p - entry.lr * group.lrFactor * along, state: [next] };
  };
}

/** AdamW: decay, then lr·m̂/(√v̂ + eps), with the bias corrections of update number step + 1. */
function adamwUpdate(file: GoldenSteps, entry: GoldenStep, group: GoldenGroup): Update {
  const { optimizer } = file;
  const [beta1, beta2, eps] =
    optimizer.kind === "sgd" ? [0, 0, 0] : [entry.momentum, optimizer.beta2, optimizer.eps];
  const lr = entry.lr * group.lrFactor;
  const t = entry.step + 1;
  return (p, g, [m = 0, v = 0]) => {
    const first = beta1 * m + (1 - beta1) * g;
    const second = beta2 * v + (1 - beta2) * g * g;
    const along = first / (1 - beta1 ** t) / (Math.sqrt(second / (1 - beta2 ** t)) + eps);
    return { p: p * (1 - lr * group.weightDecay) - lr * along, state: [first, second] };
  };
}

function checkUpdate(file: GoldenSteps, index: number, group: GoldenGroup, name: string): void {
  const entry = file.steps[index] as GoldenStep;
  const before = stateBefore(file, index);
  const stateNames = (file.optimizer.kind === "sgd" ? ["momentum"] : ["first", "second"]).map(
    (part) => `${name}.${part}`,
  );
  const update = (file.optimizer.kind === "sgd" ? sgdUpdate : adamwUpdate)(file, entry, group);
  const states = stateNames.map((key) =>
    key in before.optimizer ? numbers(before.optimizer, key) : undefined,
  );
  const gradient = numbers(entry.gradients, name);
  const updated = Array.from(numbers(before.tensors, name), (p, i) =>
    update(
      p,
      gradient[i] ?? Number.NaN,
      states.map((state) => state?.[i] ?? 0),
    ),
  );
  expectNear(
    name,
    Float64Array.from(updated, ({ p }) => p),
    numbers(entry.after.tensors, name),
  );
  stateNames.forEach((key, part) => {
    const got = Float64Array.from(updated, ({ state }) => state[part] ?? Number.NaN);
    expectNear(key, got, numbers(entry.after.optimizer, key));
  });
}

test("there are runs and single steps", () => {
  expect(runs.length).toBeGreaterThanOrEqual(16);
  expect(steps.length).toBeGreaterThanOrEqual(3);
});

describe.each(runs.map((run) => [run.name, run] as const))("run %s", (_name, run) => {
  test("has a loss, lr and momentum for every step, and is well conditioned", () => {
    for (const table of [run.losses, run.losses64, run.lr, run.momentum]) {
      expect(table).toHaveLength(run.steps);
    }
    expect(run.conditioning.loss).toBeLessThan(2e-6);
    expect(run.conditioning.runningStatistics).toBeLessThan(1e-5);
  });

  test("names each parameter and buffer it starts with", () => {
    const grouped = run.optimizer.groups.flatMap(({ params }) => params);
    expect(new Set(grouped).size).toBe(grouped.length);
    for (const name of [...grouped, ...Object.keys(run.finalBuffers)]) {
      numbers(run.initial, name);
    }
  });

  test("decodes its data", () => {
    const inputs = decodeFloats(run.inputs);
    expect(inputs).toHaveLength(size(run.inputs));
    expect(Math.max(...inputs)).toBeLessThan(2);
    if (run.targets.dtype === "i32") {
      expect(Math.min(...decodeIntegers(run.targets))).toBe(0);
    }
  });
});

describe.each(steps.map((file) => [file.name, file] as const))("single steps %s", (_name, file) => {
  test.each(file.steps.map((entry, index) => [entry.step, index] as const))(
    "step %i: gradients and state give the updated tensors",
    (_step, index) => {
      expect(file.steps[index]?.ties).toEqual([]);
      expect(file.steps[index]?.margin).toBeGreaterThan(file.tieMargin);
      for (const group of file.optimizer.groups) {
        for (const name of group.params) {
          checkUpdate(file, index, group, name);
        }
      }
    },
  );
});
