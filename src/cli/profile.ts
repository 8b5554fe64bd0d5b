import { writeFileSync } from "node:fs";
import path from "node:path";
import { modelEntry } from "../models/index.ts";
import { alignColumns } from "../plan/print.ts";
import { printProfile } from "../train/profile.ts";
import type { NodeResult } from "../tune/tuner.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import type { CommandContext } from "./context.ts";
import type { ProfileOptions } from "./options.ts";
import type { ProfileAnswer, ProfileRequest } from "./profile-page.ts";
import { Terminal } from "./terminal.ts";
import type { Answer } from "./train-result.ts";

/** `npm run profile`. Errors  CommandError for an unknown model, or a device without timestamps */
export async function main(options: ProfileOptions, context: CommandContext): Promise<number> {
  const { model, batch, tune, json } = options;
  try {
    modelEntry(model);
  } catch (error) {
    throw asCommandError("profile", error);
  }
  const terminal = new Terminal(context);
  terminal.redraw("Starting headless Chrome ...");
  const page = await context.openPage({ module: "/src/cli/profile-page.ts" });
  try {
    terminal.redraw(tune ? "Measuring candidates and the step ..." : "Measuring the step ...");
    const request: ProfileRequest = { model, batch, tune };
    const answer = (await page.call("profile", request)) as Answer<ProfileAnswer>;
    if ("error" in answer) throw new CommandError("profile", answer.error.message);
    const { adapter, profile, tuned } = answer.value;
    terminal.line(`${model}, batch ${batch}, on ${adapter}`);
    terminal.line("");
    if (tuned.length) for (const line of [...tuningLines(tuned), ""]) terminal.line(line);
    terminal.line(printProfile(profile));
    if (json) {
      writeFileSync(path.resolve(context.cwd, json), `${JSON.stringify(answer.value, null, 1)}\n`);
      terminal.line(`Written to ${json}.`);
    }
    return 0;
  } finally {
    await page.close();
  }
}

/** What the tuner measured: every candidate of every node, the chosen one starred. */
function tuningLines(results: readonly NodeResult[]): string[] {
  const rows = results.flatMap(({ op, path: layer, chosen, candidates }) =>
    candidates.map(({ name, ms, rejected }, i) => [
      i === 0 ? `${op} ${layer}` : "",
      `${name === chosen ? "*" : " "} ${name}${i === 0 ? " (default)" : ""}`,
      rejected ?? `${ms.toFixed(3)} ms`,
    ]),
  );
  return alignColumns([["node", "candidate", "time"], ...rows]);
}
