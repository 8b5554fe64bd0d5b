import { writeFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { modelEntry } from "../models/index.ts";
import { progressLine } from "../train/callbacks/progress-text.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import type { CommandContext, CommandPage } from "./context.ts";
import { LogFolder } from "./log-folder.ts";
import { DRAWN_EXAMPLES, type TrainOptions } from "./options.ts";
import { Terminal } from "./terminal.ts";
import {
  type Answer,
  DATA_URL,
  EVENT_FUNCTION,
  LOG_FUNCTION,
  type LogChunk,
  type Prepared,
  type PrepareRequest,
  type RunResult,
  TEST_URL,
  type TrainEvent,
  type TrainRequest,
} from "./train-result.ts";
import { epochLine, finalTable, headLines, resultText, summaryLine, testLine } from "./train-text.ts";

/** Exit code of a program ended by Ctrl-C. */
const INTERRUPTED = 130;

/** `npm run train`. Errors  CommandError for a folder, a file or a model that cannot be used */
export async function main(options: TrainOptions, context: CommandContext): Promise<number> {
  const terminal = new Terminal(context);
  const runs: RunResult[] = [];
  const inFolder = (typed: string | null) => (typed === null ? null : path.resolve(context.cwd, typed));
  const folders = { data: inFolder(options.data), test: inFolder(options.test) };
  const json = options.json === null ? null : path.resolve(context.cwd, options.json);
  checkModel(options.model);
  if (json) await checkWritable(json, options.json ?? json);
  const files = {
    data: await idxFiles(folders.data, options.data),
    test: await idxFiles(folders.test, options.test, { option: "test" }),
  };
  const logs = options.logdir === null ? null : path.resolve(context.cwd, options.logdir);
  const logFolder = logs === null ? null : new LogFolder(logs, options.logdir ?? logs);
  terminal.redraw("Starting headless Chrome ...");
  const opening = openPage(folders, logFolder, terminal, context);
  const training = opening.then((page) => trainAll(page, options, files, runs, terminal));
  let isDone = false;
  try {
    isDone = await untilInterrupted(training, () => terminal.lastLine(interruption(runs, options)));
  } finally {
    await opening.then(
      (page) => page.close(),
      () => {},
    );
  }
  if (isDone) for (const line of ["", ...finalTable(runs), "", summaryLine(runs)]) terminal.line(line);
  if (json && runs.length > 0) {
    writeRuns(json, runs, options);
    terminal.line(`Written to ${options.json}.`);
  }
  return isDone ? 0 : INTERRUPTED;
}

/** Waits for work, or for Ctrl-C, which is answered at once; a second one ends the process. False after Ctrl-C. */
async function untilInterrupted(work: Promise<unknown>, onInterrupt: () => void): Promise<boolean> {
  let interrupt = () => {};
  const interrupted = new Promise<false>((resolve) => {
    interrupt = () => {
      onInterrupt();
      // The page goes away under the work that is under way.
      work.catch(() => {});
      resolve(false);
    };
  });
  process.once("SIGINT", interrupt);
  try {
    return await Promise.race([work.then(() => true), interrupted]);
  } finally {
    process.off("SIGINT", interrupt);
  }
}

function checkModel(model: string): void {
  try {
    modelEntry(model);
  } catch (error) {
    throw asCommandError("train", error);
  }
}

/** Something for the training data and for that of the test; null where there is none. */
interface ForBoth<T> {
  readonly data: T | null;
  readonly test: T | null;
}

async function openPage(
  { data, test }: ForBoth<string>,
  logs: LogFolder | null,
  terminal: Terminal,
  context: CommandContext,
): Promise<CommandPage> {
  return context.openPage({
    module: "/src/cli/train-page.ts",
    folders: { ...(data !== null && { [DATA_URL]: data }), ...(test !== null && { [TEST_URL]: test }) },
    expose: {
      [EVENT_FUNCTION]: (event: TrainEvent) => show(event, terminal),
      ...(logs && { [LOG_FUNCTION]: (chunk: LogChunk) => logs.append(chunk) }),
    },
  });
}

function show(event: TrainEvent, terminal: Terminal): void {
  if (event.type === "progress") terminal.redraw(progressLine(event.progress, terminal.columns));
  else if (event.type === "epoch") terminal.line(epochLine(event.result, event.epochs));
  else terminal.line(event.type === "test" ? testLine(event.result) : event.text);
}

/** Trains one seed after another; finished ones are in `runs`. */
async function trainAll(
  page: CommandPage,
  { model, data, examples, valid, seeds, epochs, batch, lrMax, schedule, logdir }: TrainOptions,
  files: ForBoth<readonly string[]>,
  runs: RunResult[],
  terminal: Terminal,
): Promise<void> {
  const request: PrepareRequest = {
    ...{ model, files: files.data, examples: examples ?? DRAWN_EXAMPLES, valid, test: files.test },
  };
  const prepared = await ask<Prepared>(page, "prepare", request);
  for (const line of headLines(prepared, model, data ?? "built-in digits, drawn anew for every epoch"))
    terminal.line(line);
  for (const seed of seeds) {
    terminal.line("");
    if (seeds.length > 1) terminal.line(`Seed ${seed}`);
    terminal.redraw("Compiling ...");
    const log = logdir === null ? null : `${model}-seed${seed}`;
    const one: TrainRequest = { model, seed, epochs, batch, lrMax, schedule, log };
    runs.push(await ask<RunResult>(page, "train", one));
  }
}

async function ask<T>(page: CommandPage, name: "prepare" | "train", request: object): Promise<T> {
  const answer = (await page.call(name, request)) as Answer<T>;
  if ("error" in answer) throw new CommandError("train", answer.error.message);
  return answer.value;
}

/** Names of the files in a folder that may be IDX. Errors  CommandError if there is no such folder, or none in it */
export async function idxFiles(
  folder: string | null,
  typed: string | null,
  { command = "train", option = "data" } = {},
): Promise<string[] | null> {
  if (folder === null) return null;
  const found = await stat(folder).catch(() => null);
  if (!found) throw new CommandError(command, `--${option}: there is no folder ${typed}.`);
  if (!found.isDirectory()) {
    throw new CommandError(
      command,
      `--${option}: ${typed} is a file; name the folder that holds the IDX files.`,
    );
  }
  const names = (await readdir(folder)).filter(
    (name) => /(images|labels)/.test(name) && !name.startsWith("."),
  );
  if (names.length > 0) return names.sort();
  throw new CommandError(
    command,
    `--${option}: ${typed} holds no IDX files; expected names such as train-images-idx3-ubyte and train-labels-idx1-ubyte, with .gz or without.`,
  );
}

/** Refuses a file that cannot be written, before minutes of training. */
async function checkWritable(file: string, typed: string): Promise<void> {
  const folder = await stat(path.dirname(file)).catch(() => null);
  const existing = await stat(file).catch(() => null);
  if (!folder?.isDirectory()) {
    throw new CommandError("train", `--json: the folder of ${typed} does not exist; make it first.`);
  }
  if (existing?.isDirectory())
    throw new CommandError("train", `--json: ${typed} is a folder; name a file in it.`);
}

function writeRuns(file: string, runs: readonly RunResult[], { seeds, json }: TrainOptions): void {
  try {
    writeFileSync(file, resultText(runs, seeds.length === 1));
  } catch (error) {
    throw new CommandError("train", `--json: ${json} cannot be written: ${(error as Error).message}.`);
  }
}

/** The sentence after Ctrl-C; what is complete is kept. */
function interruption(runs: readonly RunResult[], { seeds, json }: TrainOptions): string {
  const kept = json !== null && runs.length > 0 ? "they are kept" : "nothing is written";
  return `Stopped by Ctrl-C with ${runs.length} of ${seeds.length} runs complete: ${kept}.`;
}
