import type { Contender } from "./contender.ts";
import { median } from "./statistics.ts";

/** How long to measure. */
export interface TurnOptions {
  /** Samples of each contender, one a round. */
  readonly rounds: number;
  /** Runs are repeated within a sample until it takes about so long. Units  milliseconds */
  readonly sampleMs: number;
  /** A contender that has used up so much gets no more rounds; it has at least one sample. Units  milliseconds */
  readonly budgetMs: number;
}

/** One contender in the rounds. */
export interface Entrant {
  readonly contender: Contender;
  /** Time of a warm run that has been made already. Units  milliseconds */
  readonly warmMs?: number | undefined;
}

interface Turn {
  readonly contender: Contender;
  readonly samples: number[];
  times: number;
  spent: number;
}

/** Runs in a sample. */
const MOST_TIMES = 200;

/**
 * Times of one run of every contender, measured in turns: in each round every contender takes one sample, so that what
 * the machine does beside it falls on all alike.
 * Units  milliseconds a run, in the order of the samples
 */
export async function takeTurns(entrants: readonly Entrant[], options: TurnOptions): Promise<number[][]> {
  const turns: Turn[] = [];
  for (const { contender, warmMs } of entrants) {
    const isKnown = warmMs !== undefined && warmMs > options.sampleMs;
    const once = isKnown ? warmMs : await contender.run(1);
    const times = Math.max(1, Math.min(MOST_TIMES, Math.round(options.sampleMs / Math.max(once, 0.01))));
    // A run too slow to be repeated is a sample itself.
    const counts = once > options.budgetMs / 2;
    turns.push({ contender, times, samples: counts ? [once] : [], spent: once });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const turn of turns) {
      if (turn.samples.length > 0 && turn.spent + turn.times * median(turn.samples) > options.budgetMs)
        continue;
      const ms = await turn.contender.run(turn.times);
      turn.samples.push(ms / turn.times);
      turn.spent += ms;
    }
  }
  return turns.map(({ samples }) => samples);
}
