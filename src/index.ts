/** The public names of wgfit; no code. Operators are in the namespace `ops`, layers and losses in `nn`. */

export type { DType, HostArray } from "./core/dtype.ts";
export {
  DataError,
  DeviceError,
  EngineError,
  type ErrorDetails,
  GraphError,
  OptionError,
  ShaderError,
  ShapeError,
} from "./core/errors.ts";
export { binEdges, type HistogramScale } from "./core/histogram.ts";
export type { GroupHypers } from "./core/hypers.ts";
export { formatShape, type Shape } from "./core/shape.ts";
export { type CifarOptions, cifarData } from "./data/cifar.ts";
export { type CsvData, type CsvOptions, csvData } from "./data/csv.ts";
export {
  type Column,
  type DataSet,
  type DataSetInit,
  dataSet,
  type ImageDataInit,
  imageData,
  slice,
} from "./data/data-set.ts";
export { type DrawnDigitsOptions, drawnDigits } from "./data/drawn-digits.ts";
export type { Generator } from "./data/generated.ts";
export { type IdxArray, readIdx } from "./data/idx.ts";
export { type IdxFolderOptions, idxSplits, idxTest, type Splits } from "./data/idx-folder.ts";
export { DIGIT_MOMENTS, imageMoments, type Moments } from "./data/moments.ts";
export { classWeights, type SplitOptions, splitRandom, take } from "./data/split.ts";
export {
  type ArrayInput,
  type ArrayOutput,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
} from "./evaluate.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./files/safetensors.ts";
export { type LoadOptions, type LoadReport, loadSafetensors, saveSafetensors } from "./files/state-dict.ts";
export { type StoredTensor, storedTensor, type TensorDType, toFloats, toIntegers } from "./files/tensor.ts";
export { type Cause, type Diagnosis, diagnose, type Environment } from "./gpu/diagnose.ts";
export type { Snapshot } from "./gpu/engine.ts";
export {
  type AdapterDescription,
  describeAdapter,
  describeEnvironment,
  type RequestDeviceOptions,
  requestDevice,
} from "./gpu/request-device.ts";
export {
  type GradientCheckOptions,
  type GradientCheckResult,
  type GradientElement,
  gradientCheck,
  type InputCheck,
} from "./gradient-check.ts";
export { defineOp, type Op, type OpDefinition } from "./graph/define.ts";
export { constant } from "./graph/leaf.ts";
export { type Mode, traceMode } from "./graph/trace.ts";
export type { Initialiser, Value } from "./graph/value.ts";
export * from "./models/index.ts";
export * as nn from "./nn/index.ts";
export { type Loss, perExample } from "./nn/losses.ts";
export type { FreezeOptions, Model } from "./nn/model.ts";
export { type AnyModule, type Module, type ModuleInit, makeModule, type Values } from "./nn/module.ts";
export { type ExportOnnxOptions, exportOnnx, type OnnxSource } from "./onnx/export.ts";
export { type ImportedOnnx, type ImportOnnxOptions, importOnnx } from "./onnx/import.ts";
export type { Attribute, Dimension, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from "./onnx/model.ts";
export { readOnnx } from "./onnx/read-model.ts";
export * as ops from "./ops/index.ts";
export { type CyclicOptions, cyclic } from "./optim/cyclic.ts";
export {
  type HyperName,
  type HyperSchedules,
  type Hypers,
  type HyperValue,
  type OverStepsOptions,
  overSteps,
  type RateRange,
  type Rates,
  type StepHypers,
  type StepSchedule,
  spreadRates,
} from "./optim/hyper-schedules.ts";
export { type OneCycleOptions, oneCycle } from "./optim/one-cycle.ts";
export {
  type AdamOptions,
  adam,
  adamw,
  type Optimizer,
  type ParameterGroup,
  type SgdOptions,
  sgd,
} from "./optim/optimizer.ts";
export type { Schedule } from "./optim/schedule.ts";
export * as schedules from "./optim/schedule.ts";
export { type ExportPyTorchOptions, exportPyTorch, type PyTorchFiles } from "./pytorch/export.ts";
export { eventFileName } from "./tensorboard/events.ts";
export { blobSink, type EventSink, privateFileSink } from "./tensorboard/sinks.ts";
export { type AugmentedExamplesOptions, type AugmentOptions, augmentedExamples } from "./train/augment.ts";
export {
  type Callback,
  Cancel,
  CancelBatch,
  CancelEpoch,
  CancelFit,
  CancelTrain,
  CancelValidate,
  type CheckedHooks,
  type EpochRecord,
  type FitContext,
  type HookName,
  type Hooks,
  type StepRecord,
  type ValidationResult,
} from "./train/callback.ts";
export {
  ActivationStats,
  type ActivationStatsOptions,
  GradientStats,
  type GradientStatsOptions,
  type StatisticsOptions,
  WeightStats,
} from "./train/callbacks/activation-stats.ts";
export {
  Checkpoint,
  type CheckpointOptions,
  type CheckpointState,
  type CheckpointStore,
} from "./train/callbacks/checkpoint.ts";
export {
  type Confusion,
  ConfusionMatrix,
  type ConfusionMatrixOptions,
} from "./train/callbacks/confusion-matrix.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./train/callbacks/early-stopping.ts";
export { GradientClip, type GradientClipOptions } from "./train/callbacks/gradient-clip.ts";
export { LabelNoise, type LabelNoiseOptions } from "./train/callbacks/label-noise.ts";
export { Mixup, type MixupOptions } from "./train/callbacks/mixup.ts";
export type { MonitorOptions } from "./train/callbacks/monitor.ts";
export { NanGuard, type NanGuardOptions } from "./train/callbacks/nan-guard.ts";
export { Progress, type ProgressOptions, type TrainingProgress } from "./train/callbacks/progress.ts";
export { epochText, progressLine } from "./train/callbacks/progress-text.ts";
export { Recorder, type RecorderData } from "./train/callbacks/recorder.ts";
export { SaveBest, type SaveBestOptions } from "./train/callbacks/save-best.ts";
export { TensorBoard, type TensorBoardOptions } from "./train/callbacks/tensorboard.ts";
export { Throughput } from "./train/callbacks/throughput.ts";
export { type ExampleLoss, TopLosses, type TopLossesOptions } from "./train/callbacks/top-losses.ts";
export { TrainingVerdict, type TrainingVerdictOptions } from "./train/callbacks/training-verdict.ts";
export { type DrawnExamplesOptions, drawnExamples } from "./train/drawn-examples.ts";
export type { FineTuneOptions } from "./train/fine-tune.ts";
export type { FitOptions, FlatCosOptions, OneCycleFitOptions, SgdrOptions } from "./train/fit-options.ts";
export { Learner, type LearnerOptions } from "./train/learner.ts";
export type { LossScaleOptions } from "./train/loss-scale.ts";
export type { LrFindOptions, LrFindResult } from "./train/lr-find.ts";
export { type LrSuggestions, suggestLr } from "./train/lr-suggestions.ts";
export { accuracy, type Metric, metric, topK } from "./train/metrics.ts";
export type { NonFinite } from "./train/non-finite.ts";
export type { PredictInput, Prediction } from "./train/predict.ts";
export type {
  ProbeKind,
  ProbeMoment,
  ProbeRequest,
  ProbeResult,
  ProbeSelector,
  ProbeSite,
} from "./train/probes.ts";
export {
  byLayer,
  type Ceilings,
  type DispatchProfile,
  type LayerProfile,
  printProfile,
  type StepProfile,
} from "./train/profile.ts";
export { type ProfileOptions, profileStep } from "./train/profile-step.ts";
export type { RunEvent, RunLog } from "./train/run.ts";
export { SmoothedLoss } from "./train/smoothed-loss.ts";
export type { TensorStatistics } from "./train/statistics.ts";
export {
  type ColorDim,
  type SeriesName,
  type StatisticsJson,
  StatisticsLog,
} from "./train/statistics-log.ts";
export type { StepChange, TrainingBatch } from "./train/step-changes.ts";
export { type Summary, type SummaryOptions, type SummaryRow, summary } from "./train/summary.ts";
export type { TuneOption, TuningRecord } from "./train/tuning.ts";
export {
  type Collapse,
  type Evidence,
  LayerWatch,
  THRESHOLDS,
  type Verdict,
  type VerdictKind,
  verdict,
} from "./train/verdict.ts";
export {
  browserStore,
  type ChoiceStore,
  memoryStore,
  type StoredChoice,
  type StoredChoices,
} from "./tune/store.ts";
export { type NodeResult, type TuneOptions, type Tuning, tune } from "./tune/tuner.ts";
