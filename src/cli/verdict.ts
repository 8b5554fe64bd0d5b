import { writeFileSync } from "node:fs";
import path from "node:path";
import { CommandError } from "./command-error.ts";
import type { CommandContext, CommandPage } from "./context.ts";
import type { VerdictOptions } from "./options.ts";
import { Terminal } from "./terminal.ts";
import { idxFiles } from "./train.ts";
import { type Answer, DATA_URL } from "./train-result.ts";
import { expectation, type VerdictResult, type VerdictRun, verdictRuns } from "./verdict-runs.ts";
import { configuration, confusionTable, runLine, verdictTable } from "./verdict-text.ts";

/** `npm run verdict`: 1 where a run with batch norm is flagged. Errors  CommandError for a folder without data */
export async function main(options: VerdictOptions, context: CommandContext): Promise<number> {
  const terminal = new Terminal(context);
  const folder = options.data === null ? null : path.resolve(context.cwd, options.data);
  const files = await idxFiles(folder, options.data, { command: "verdict" });
  terminal.redraw("Starting headless Chrome ...");
  const page = await context.openPage({
    module: "/src/cli/verdict-page.ts",
    ...(folder !== null && { folders: { [DATA_URL]: folder } }),
  });
  try {
    terminal.line(await ask<string>(page, "prepare", { files }));
    const results = await judgeAll(page, verdictRuns(options.seeds), terminal);
    for (const line of ["", ...verdictTable(results), "", ...confusionTable(results)]) terminal.line(line);
    if (options.json) {
      writeFileSync(path.resolve(context.cwd, options.json), `${JSON.stringify(results)}\n`);
      terminal.line(`Written to ${options.json}.`);
    }
    return results.some((result) => expectation(result) === "clean" && !result.isHealthy) ? 1 : 0;
  } finally {
    await page.close();
  }
}

async function judgeAll(
  page: CommandPage,
  runs: readonly VerdictRun[],
  terminal: Terminal,
): Promise<VerdictResult[]> {
  const results: VerdictResult[] = [];
  for (const [i, run] of runs.entries()) {
    terminal.redraw(`Run ${i + 1} of ${runs.length}: ${configuration(run)}, seed ${run.seed}`);
    const result = await ask<VerdictResult>(page, "judge", run);
    results.push(result);
    terminal.line(runLine(result));
    if (!result.isHealthy) terminal.line(`  ${result.sentence}`);
  }
  return results;
}

async function ask<T>(page: CommandPage, name: "prepare" | "judge", request: object): Promise<T> {
  const answer = (await page.call(name, request)) as Answer<T>;
  if ("error" in answer) throw new CommandError("verdict", answer.error.message);
  return answer.value;
}
