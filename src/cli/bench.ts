import { writeFileSync } from "node:fs";
import path from "node:path";
import { type BenchCase, selectCases } from "../bench/cases.ts";
import type { FusionRow } from "../bench/fusion.ts";
import type { HookRow } from "../bench/hooks.ts";
import type { CaseResult } from "../bench/measure.ts";
import { SCALING, type ScalingResult } from "../bench/scaling.ts";
import type {
  BenchFile,
  CaseRequest,
  CeilingsAnswer,
  CeilingsRequest,
  FusionRequest,
  HooksRequest,
  PageMeasurement,
  PeerPackage,
  ScalingRequest,
} from "./bench-result.ts";
import { fusionLines, hookLines, scalingLines } from "./bench-tables.ts";
import { caseLines, ceilingLines, finalTable, headerLines, pageLines } from "./bench-text.ts";
import { CommandError } from "./command-error.ts";
import type { CommandContext, CommandPage } from "./context.ts";
import type { BenchOptions } from "./options.ts";
import { Terminal } from "./terminal.ts";

/** The tools of this command beside every command's. */
export interface BenchContext extends CommandContext {
  installPeers(names: readonly string[], say: (text: string) => void): Promise<readonly PeerPackage[]>;
  measurePage(entry: string, browserArgs: readonly string[], times: number): Promise<PageMeasurement>;
}

/** A sample takes about so long, and a contender may use so much in one case. Units  milliseconds */
const SAMPLE_MS = 150;
const BUDGET_MS = 4000;
const CEILING_ROUNDS = 5;
const PAGE_LOADS = 3;

/** A page that trains mnist-cnn until its first step is finished, and nothing else. */
const FIRST_STEP_PAGE = `
import { cnn } from "wgfit/src/models/small.ts";
import { crossEntropy } from "wgfit/src/nn/losses.ts";
import { requestDevice } from "wgfit/src/gpu/request-device.ts";
import { dataSet } from "wgfit/src/data/data-set.ts";
import { sgd } from "wgfit/src/optim/optimizer.ts";
import { Learner } from "wgfit/src/train/learner.ts";
const count = 64;
const data = Uint8Array.from({ length: count * 784 }, (_, i) => (i * 2654435761) >>> 24);
const labels = Int32Array.from({ length: count }, (_, i) => i % 10);
const device = await requestDevice({ onWarning() {} });
const learner = new Learner({
  device,
  model: cnn({ input: [1, 28, 28], classes: 10 }),
  data: { train: dataSet({ inputs: { data, shape: [1, 28, 28] }, targets: { data: labels, shape: [] }, classes: 10 }) },
  loss: crossEntropy(),
  optimizer: sgd({ momentum: 0.9 }),
  batchSize: count,
});
const run = await learner.fit(1, { lr: 0.05, momentum: 0.9 });
globalThis.result = { ms: performance.now(), result: [...run.loss.values()] };
`;

/** Which parts a pattern asks for; the two long tables only by their name. */
interface Parts {
  readonly cases: readonly BenchCase[];
  readonly ceilings: boolean;
  readonly page: boolean;
  readonly fusion: boolean;
  readonly scaling: boolean;
  readonly hooks: boolean;
}

function partsOf(only: string | null): Parts {
  if (only === null)
    return {
      ...{ cases: selectCases(null), ceilings: true, page: true },
      ...{ fusion: false, scaling: false, hooks: false },
    };
  const pattern = new RegExp(only, "i");
  const asked = (name: string) => pattern.test(name);
  return {
    cases: selectCases(pattern),
    ceilings: asked("ceilings"),
    page: asked("page"),
    fusion: asked("fusion"),
    scaling: asked("scaling"),
    hooks: asked("hooks"),
  };
}

/** `npm run bench`. Errors  CommandError where nothing matches or a file cannot be written */
export async function main(options: BenchOptions, context: BenchContext): Promise<number> {
  const terminal = new Terminal(context);
  const { cases, ...others } = partsOf(options.only);
  if (cases.length === 0 && !Object.values(others).includes(true))
    throw new CommandError("bench", `--only ${options.only}: no case has such a name.`);
  const peers = cases.length === 0 ? [] : await choosePeers(options, context, terminal);
  const page = await context.openPage({ module: "/src/cli/bench-page.ts", browserArgs: options.browserArgs });
  try {
    const request: CeilingsRequest = { rounds: CEILING_ROUNDS, sampleMs: SAMPLE_MS };
    const machine = (await page.call("ceilings", request)) as CeilingsAnswer;
    for (const line of [...ceilingLines(machine, peers), ""]) terminal.line(line);
    const bench = new Bench({ page, peers, machine, options }, terminal);
    const results = await bench.runCases(cases);
    const rest = {
      ...(others.page && { page: await measureFirstStep(context, options, terminal) }),
      ...(others.fusion && { fusion: await bench.runFusion() }),
      ...(others.scaling && { scaling: await bench.runScaling() }),
      ...(others.hooks && { hooks: await bench.runHooks() }),
    };
    if (results.length > 0) {
      for (const line of ["", ...finalTable(results, machine.ceilings, options.markdown)])
        terminal.line(line);
    }
    if (options.json !== null) {
      const content = { ...fileOf(machine, peers), cases: results, ...rest };
      writeResult(path.resolve(context.cwd, options.json), options.json, content);
      terminal.line(`Written to ${options.json}.`);
    }
  } finally {
    await page.close();
  }
  return 0;
}

async function measureFirstStep(
  context: BenchContext,
  { browserArgs }: BenchOptions,
  terminal: Terminal,
): Promise<PageMeasurement> {
  terminal.redraw("first step of a page ...");
  const measured = await context.measurePage(FIRST_STEP_PAGE, browserArgs, PAGE_LOADS);
  for (const line of ["", ...pageLines(measured)]) terminal.line(line);
  return measured;
}

async function choosePeers(
  { peers }: BenchOptions,
  context: BenchContext,
  terminal: Terminal,
): Promise<readonly PeerPackage[]> {
  if (peers.length === 0) return [];
  const installed = await context.installPeers(peers, (text) => terminal.line(text));
  const missing = peers.filter((name) => !installed.some((one) => one.name === name));
  if (missing.length > 0)
    terminal.line(`Without ${missing.join(" and ")}: our own times are measured alone.`);
  return installed;
}

interface Surroundings {
  readonly page: CommandPage;
  readonly peers: readonly PeerPackage[];
  readonly machine: CeilingsAnswer;
  readonly options: BenchOptions;
}

/** Steps that are trained with and without callbacks. */
const HOOK_CASES = ["book net step", "mnist-cnn step"];

/** Steps whose passes are switched. */
const FUSION_CASES = ["mnist-cnn step", "resnet8-cifar step"];

/** The parts that run in the page, each in a fresh one. */
class Bench {
  readonly #around: Surroundings;
  readonly #terminal: Terminal;

  constructor(around: Surroundings, terminal: Terminal) {
    this.#around = around;
    this.#terminal = terminal;
  }

  /** Calls an export of the page after loading it anew, so that no case meets another's leavings. */
  async #call(name: string, title: string, request: object): Promise<unknown> {
    this.#terminal.redraw(`${title} ...`);
    await this.#around.page.reload();
    const { rounds } = this.#around.options;
    const turns = { rounds, sampleMs: SAMPLE_MS, budgetMs: BUDGET_MS };
    return this.#around.page.call(name, { ...turns, ...request });
  }

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#terminal.line(line);
  }

  async runCases(cases: readonly BenchCase[]): Promise<CaseResult[]> {
    const { peers, machine } = this.#around;
    if (cases.length > 0) this.#print(headerLines());
    const results: CaseResult[] = [];
    for (const { name } of cases) {
      const request: Partial<CaseRequest> = { name, peers };
      const result = (await this.#call("measure", name, request)) as CaseResult;
      results.push(result);
      this.#print(caseLines(result, machine.ceilings));
    }
    return results;
  }

  async runFusion(): Promise<{ name: string; rows: FusionRow[] }[]> {
    const all: { name: string; rows: FusionRow[] }[] = [];
    for (const name of FUSION_CASES) {
      const request: Partial<FusionRequest> = { name };
      const rows = (await this.#call("fusion", `fusion: ${name}`, request)) as FusionRow[];
      all.push({ name, rows });
      this.#print(["", ...fusionLines(name, rows)]);
    }
    return all;
  }

  async runHooks(): Promise<{ name: string; rows: HookRow[] }[]> {
    const all: { name: string; rows: HookRow[] }[] = [];
    for (const name of HOOK_CASES) {
      const request: Partial<HooksRequest> = { name };
      const rows = (await this.#call("hooks", `hooks: ${name}`, request)) as HookRow[];
      all.push({ name, rows });
      this.#print(["", ...hookLines(name, rows)]);
    }
    return all;
  }

  async runScaling(): Promise<ScalingResult[]> {
    const all: ScalingResult[] = [];
    for (const series of ["batch", "width"] as const) {
      const results: ScalingResult[] = [];
      for (const [index, { label }] of SCALING[series].entries()) {
        const request: Partial<ScalingRequest> = { series, index };
        results.push((await this.#call("scaling", label, request)) as ScalingResult);
      }
      all.push(...results);
      this.#print(["", ...scalingLines(results)]);
    }
    return all;
  }
}

function fileOf({ adapter, browser, ceilings }: CeilingsAnswer, peers: readonly PeerPackage[]) {
  const versions = peers.map(({ name, version }) => ({ name, version }));
  return { date: new Date().toISOString(), adapter, browser, peers: versions, ceilings };
}

function writeResult(file: string, typed: string, content: BenchFile): void {
  try {
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  } catch (error) {
    throw new CommandError("bench", `--json: ${typed} cannot be written: ${(error as Error).message}.`);
  }
}
