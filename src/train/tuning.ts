import { OptionError } from "../core/errors.ts";
import type { Choices } from "../passes/choose.ts";
import { type ChoiceStore, defaultStore } from "../tune/store.ts";
import type { Tuning } from "../tune/tuner.ts";
import type { Learner } from "./learner.ts";
import type { Variant } from "./program.ts";

/** From which step on a run was computed with which kernels; together with the seed it repeats the run's bits. */
export interface TuningRecord {
  readonly step: number;
  readonly choices: Choices;
}

/**
 * How kernels are chosen. "off": the defaults. "auto": training starts at once on what the store knows and on kernels
 * that compile fast, the others are measured beside the first steps, and whole plans are swapped between two steps. A
 * record of an earlier run repeats its choices and with them its bits.
 */
export type TuneOption = "off" | "auto" | readonly TuningRecord[];

export interface TuningOptions {
  readonly tune?: TuneOption;
  /** "exact" refuses kernels that trade digits for speed (Winograd). Default "fast". */
  readonly precision?: "exact" | "fast";
  /** Where measurements are kept by adapter. Default: the browser's IndexedDB, else memory. */
  readonly tuneStore?: ChoiceStore;
}

/** The choice of kernels over a learner's life: what it starts with, what is measured, when plans are swapped. */
export class TrainingTuning {
  readonly #learner: Learner;
  readonly #option: TuneOption;
  readonly #precision: "exact" | "fast";
  readonly #store: ChoiceStore;
  #started = false;
  /** True until measuring begins: after the first step, which it would delay. */
  #wanted = false;
  #cancelled = false;
  /** Measured and compiled, waiting for the end of a step. */
  #ready: Variant | undefined;
  #measuring: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** What measuring found; undefined until it is done. */
  result: Tuning | undefined;

  /** Errors  OptionError for anything but "off", "auto" or a record */
  constructor(learner: Learner, { tune: option = "off", precision = "fast", tuneStore }: TuningOptions) {
    this.#learner = learner;
    this.#option = option;
    this.#precision = precision;
    this.#store = tuneStore ?? defaultStore();
    const isKnown = option === "off" || option === "auto" || Array.isArray(option);
    if (!isKnown) refuse("tune", '"off", "auto", or the tuning of an earlier run', option);
    if (precision !== "exact" && precision !== "fast") refuse("precision", '"exact" or "fast"', precision);
  }

  /** Sets the choices that the first plans are made with. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const first = await this.#firstChoices();
    if (Object.keys(first).length === 0) return;
    const { program } = this.#learner;
    program.adopt(program.newVariant(first));
    this.#record(first);
  }

  async #firstChoices(): Promise<Choices> {
    if (Array.isArray(this.#option)) return this.#replayed(this.#learner.steps)?.choices ?? {};
    if (this.#option === "off" && this.#precision === "fast") return {};
    const graph = this.#graph();
    const { target } = this.#learner.program.engine.context;
    // The tuner is loaded where a run wants one.
    const { exactChoices, quickChoices, tunables } = await import("../tune/tunable.ts");
    const exact = this.#precision === "exact" ? exactChoices(graph, target) : {};
    if (this.#option === "off") return exact;
    const known = await this.#tune(true);
    const missing = tunables(graph, target, known.choices, { precision: this.#precision }).length > 0;
    this.#wanted = missing;
    if (!missing) this.result = known;
    return { ...exact, ...(missing && quickChoices(graph, target)), ...known.choices };
  }

  /** Begins to measure, beside the steps that follow; the first of them has been sent. */
  begin(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#measuring = this.#measure();
  }

  /** True if plans are to be swapped before this step. */
  isDue(step: number): boolean {
    if (this.#ready) return true;
    if (!Array.isArray(this.#option)) return false;
    const replayed = this.#replayed(step);
    return replayed !== undefined && replayed.choices !== this.#learner.program.variant.choices;
  }

  /** Goes over to the plans that are due. */
  async swap(step: number): Promise<void> {
    const variant = this.#ready ?? (await this.#compiled(this.#replayed(step)!.choices));
    this.#ready = undefined;
    this.#learner.program.adopt(variant);
    this.#record(variant.choices);
  }

  /** Resolves when nothing is being measured. Errors  what measuring failed with; training goes on all the same */
  async settled(): Promise<void> {
    await this.#measuring;
    if (this.#failure) throw this.#failure;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  async #measure(): Promise<void> {
    try {
      const found = await this.#tune(false);
      if (this.#cancelled) return;
      this.#ready = await this.#compiled(found.choices);
      this.result = found;
    } catch (error) {
      this.#failure = error;
    }
  }

  async #tune(onlyKnown: boolean): Promise<Tuning> {
    const { tune } = await import("../tune/tuner.ts");
    return tune(this.#learner.options.device, this.#graph(), {
      store: this.#store,
      precision: this.#precision,
      onlyKnown,
      isCancelled: () => this.#cancelled,
    });
  }

  async #compiled(choices: Choices): Promise<Variant> {
    const variant = this.#learner.program.newVariant(choices);
    await this.#learner.preparePlans(variant);
    return variant;
  }

  #graph() {
    const { program, options, batchSize } = this.#learner;
    return program.stepGraph(options.data.train, batchSize);
  }

  /** What the record of an earlier run says for a step. */
  #replayed(step: number): TuningRecord | undefined {
    return (this.#option as readonly TuningRecord[]).filter((record) => record.step <= step).at(-1);
  }

  #record(choices: Choices): void {
    this.#learner.run.addTuning({ step: this.#learner.steps, choices });
  }
}

function refuse(name: string, expected: string, got: unknown): never {
  throw new OptionError({ op: "learner", problem: name, expected, got: JSON.stringify(got) ?? `${got}` });
}
