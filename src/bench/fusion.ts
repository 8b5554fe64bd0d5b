import type { DeviceContext } from "../gpu/context.ts";
import type { PlanRunner } from "../gpu/plan-runner.ts";
import { PASSES, type PassName } from "../passes/index.ts";
import { recordedLoss, stepRunner } from "./step-runner.ts";
import { type TurnOptions, takeTurns } from "./turns.ts";
import type { StepSize } from "./workload.ts";

/** A step compiled without one pass, or with all of them. */
export interface FusionRow {
  /** Null: with all passes. */
  readonly without: string | null;
  readonly samples: readonly number[];
  readonly dispatches: number;
  /** Bytes read and written by all dispatches. */
  readonly traffic: number;
  /** Work memory. Units  bytes */
  readonly planned: number;
  /** Losses of the first step and of the third, after two updates. */
  readonly losses: readonly [number, number];
  readonly error?: string;
}

/** Passes that can be left out. */
export const SWITCHABLE: readonly PassName[] = PASSES.map(({ name }) => name as PassName).filter(
  (name) => name !== "expand",
);

async function lossesOf(runner: PlanRunner): Promise<[number, number]> {
  await runner.run(1);
  const first = await recordedLoss(runner);
  await runner.run(1);
  await runner.run(1);
  return [first, await recordedLoss(runner)];
}

/** Times one step with all passes and without each of them, in turns. */
export async function measureFusion(
  context: DeviceContext,
  size: StepSize,
  options: TurnOptions,
): Promise<FusionRow[]> {
  const rows: (Omit<FusionRow, "samples"> & { runner?: PlanRunner })[] = [];
  for (const without of [null, ...SWITCHABLE]) {
    try {
      const runner = await stepRunner(context, size, without === null ? {} : { skip: [without] });
      const { dispatches, memory } = runner.plan;
      const traffic = dispatches.reduce((sum, { bytes }) => sum + bytes, 0);
      const losses = await lossesOf(runner);
      rows.push({ without, dispatches: dispatches.length, traffic, planned: memory.planned, losses, runner });
    } catch (error) {
      const nothing = { dispatches: 0, traffic: 0, planned: 0, losses: [Number.NaN, Number.NaN] as const };
      rows.push({ without, ...nothing, error: (error as Error).message.split("\n")[0]! });
    }
  }
  const ready = rows.filter((row) => row.runner);
  const samples = await takeTurns(
    ready.map(({ without, runner }) => ({
      contender: {
        name: without ?? "all",
        first: async () => ({}),
        run: (times) => runner!.run(times),
        dispose: () => runner!.destroy(),
      },
    })),
    options,
  );
  for (const { runner } of ready) runner!.destroy();
  return rows.map(({ runner, ...row }) => ({
    ...row,
    samples: runner ? samples[ready.findIndex((one) => one.runner === runner)]! : [],
  }));
}
