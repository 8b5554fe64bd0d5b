import { buildModel, modelEntry } from "../models/index.ts";
import { adam, sgd } from "../optim/optimizer.ts";
import { summary } from "../train/summary.ts";
import { asCommandError } from "./command-error.ts";
import type { CommandContext } from "./context.ts";
import type { SummaryCommandOptions } from "./options.ts";

/** `npm run summary`. Errors  CommandError for an unknown model */
export async function main(
  { model, batch, optimizer, json }: SummaryCommandOptions,
  { write }: Pick<CommandContext, "write">,
): Promise<number> {
  try {
    const { input } = modelEntry(model);
    const { toString: asText, ...data } = summary(buildModel(model), input, {
      batch,
      optimizer: optimizer === "adam" ? adam() : sgd({ momentum: 0.9 }),
    });
    write(json ? `${JSON.stringify(data, null, 2)}\n` : `${asText()}\n`);
    return 0;
  } catch (error) {
    throw asCommandError("summary", error);
  }
}
