/** The elements as classes, under no tag. "wgfit/element" defines their tags. */

export { WgfitChart } from "./dashboard/chart.ts";
export { WgfitColordim } from "./dashboard/colordim.ts";
export { WgfitDashboard } from "./dashboard/dashboard.ts";
export { WgfitNumbers } from "./dashboard/numbers.ts";
export {
  RunData,
  type RunInfo,
  type RunJson,
  type RunMessage,
  type SampleImages,
  type StatisticsKind,
  type StepNumbers,
  type SummaryData,
} from "./dashboard/run-data.ts";
export { RunElement } from "./dashboard/run-element.ts";
export { RunReporter, type RunReporterOptions } from "./dashboard/run-reporter.ts";
export { WgfitSamples } from "./dashboard/samples.ts";
export { WgfitStats } from "./dashboard/stats.ts";
export { WgfitSummary } from "./dashboard/summary.ts";
export { WgfitVerdict } from "./dashboard/verdict.ts";
export { type TrainerState, WgfitTrainer } from "./trainer/trainer.ts";
