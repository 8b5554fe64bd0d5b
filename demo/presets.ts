import type { WgfitTrainer } from "../src/components.ts";

/** What the address of the page says: a setup to train. */
export interface Setup extends Pick<WgfitTrainer, "model" | "schedule" | "lr" | "epochs"> {
  readonly batch: number;
}

/** A run worth seeing. */
export interface Preset {
  readonly title: string;
  readonly about: string;
  readonly setup: Setup;
}

const common = { epochs: 10, batch: 64 } as const;

export const PRESETS: Readonly<Record<string, Preset>> = {
  good: {
    title: "Trains well",
    about: "Batch norm and one-cycle to 0.06: activations spread over the bins and stay there.",
    setup: { ...common, model: "book", schedule: "one-cycle", lr: 0.06 },
  },
  bad: {
    title: "Trains badly",
    about:
      "No batch norm and a rate of 0.6 from the first batch: activations rise and crash, and it learns slowly.",
    setup: { ...common, model: "book-plain", schedule: "constant", lr: 0.6 },
  },
  rescued: {
    title: "Rescued",
    about: "The same rate of 0.6, now with batch norm: it trains.",
    setup: { ...common, model: "book", schedule: "constant", lr: 0.6 },
  },
  gentle: {
    title: "Warmed up",
    about: "No batch norm, but a warm-up: one-cycle to 0.06 lets momentum fall while the rate rises.",
    setup: { ...common, model: "book-plain", schedule: "one-cycle", lr: 0.06 },
  },
  linear: {
    title: "No convolution",
    about: "Two linear layers of 203,530 weights, seven times the book's net, on the same digits.",
    setup: { ...common, model: "mlp", schedule: "one-cycle", lr: 0.06 },
  },
};

const MODELS = ["book", "book-plain", "cnn", "mlp"] as const;
const SCHEDULES = ["one-cycle", "flat-cos", "constant"] as const;

/** The setup in an address, where it has one; what is not valid is the first preset's. */
export function setupOf(search: string): Setup {
  const query = new URLSearchParams(search);
  const { setup } = PRESETS[query.get("preset") ?? "good"] ?? PRESETS.good!;
  const number = (name: "lr" | "epochs" | "batch", highest: number) => {
    const value = Number(query.get(name) ?? Number.NaN);
    return value > 0 && value <= highest ? value : setup[name];
  };
  const count = (name: "epochs" | "batch", highest: number) => Math.max(1, Math.round(number(name, highest)));
  return {
    model: MODELS.find((name) => name === query.get("model")) ?? setup.model,
    schedule: SCHEDULES.find((name) => name === query.get("schedule")) ?? setup.schedule,
    lr: number("lr", 10),
    epochs: count("epochs", 100),
    batch: count("batch", 1024),
  };
}

/** The preset of a setup, if it is one. */
export function presetOf(setup: Setup): string | undefined {
  const isSame = (other: Setup) =>
    Object.entries(other).every(([key, value]) => setup[key as keyof Setup] === value);
  return Object.keys(PRESETS).find((name) => isSame(PRESETS[name]!.setup));
}

/** The address of a setup: the name of a preset, or all of its numbers. */
export function searchOf(setup: Setup): string {
  const preset = presetOf(setup);
  const query = preset ? { preset } : Object.fromEntries(Object.entries(setup).map(([k, v]) => [k, `${v}`]));
  return `?${new URLSearchParams(query)}`;
}
