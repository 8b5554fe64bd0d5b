/** Types of the golden files and the decoding of their tensors. Files are imported as JSON; README.md says what they hold. */

export interface EncodedTensor {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "f64" | "i32" | "u8";
  /** Base64 of row-major little-endian numbers. */
  readonly data: string;
  /** With `offset`, for bytes: value = byte · scale + offset. */
  readonly scale?: number;
  readonly offset?: number;
}

export type EncodedTensors = Readonly<Record<string, EncodedTensor>>;

export type NamedLayers = readonly (readonly [name: string, layer: GoldenLayer])[];

interface ConvLayer {
  readonly kind: "conv2d";
  readonly in: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  readonly bias: boolean;
}

interface BatchNormLayer {
  readonly kind: "batchNorm";
  readonly features: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
}

interface MaxPoolLayer {
  readonly kind: "maxPool2d";
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly ceilMode: boolean;
}

interface AvgPoolLayer {
  readonly kind: "avgPool2d";
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
}

/** One layer; tensors are named by the path of layer names, a residual's children being `body` and `shortcut`. */
export type GoldenLayer =
  | { readonly kind: "sequential"; readonly layers: NamedLayers }
  | {
      readonly kind: "residual";
      readonly layers: NamedLayers;
      readonly shortcut: { readonly layers: NamedLayers } | null;
    }
  | ConvLayer
  | { readonly kind: "linear"; readonly in: number; readonly out: number; readonly bias: boolean }
  | BatchNormLayer
  | {
      readonly kind: "layerNorm";
      readonly normalizedShape: readonly number[];
      readonly eps: number;
      readonly affine: boolean;
    }
  | {
      readonly kind: "groupNorm";
      readonly groups: number;
      readonly features: number;
      readonly eps: number;
      readonly affine: boolean;
    }
  | {
      readonly kind: "instanceNorm";
      readonly features: number;
      readonly eps: number;
      readonly affine: boolean;
    }
  | { readonly kind: "gelu"; readonly approximate: "none" | "tanh" }
  | { readonly kind: "relu" | "silu" | "tanh" | "sigmoid" | "flatten" | "globalAvgPool2d" }
  | MaxPoolLayer
  | AvgPoolLayer;

/** Reduction is always the mean. */
export type GoldenLoss =
  | {
      readonly kind: "crossEntropy";
      readonly labelSmoothing?: number;
      readonly weight?: readonly number[];
      readonly ignoreIndex?: number;
    }
  | { readonly kind: "mse" }
  | { readonly kind: "huber"; readonly delta: number }
  | { readonly kind: "bceWithLogits"; readonly posWeight: readonly number[] };

export interface GoldenGroup {
  readonly params: readonly string[];
  readonly lrFactor: number;
  readonly weightDecay: number;
}

export type GoldenOptimizer =
  | {
      readonly kind: "sgd";
      readonly dampening: number;
      readonly nesterov: boolean;
      readonly groups: readonly GoldenGroup[];
    }
  | {
      readonly kind: "adam" | "adamw";
      readonly beta2: number;
      readonly eps: number;
      readonly groups: readonly GoldenGroup[];
    };

interface Origin {
  readonly name: string;
  readonly versions: Readonly<Record<"torch" | "python" | "numpy", string>>;
  readonly seed: number;
  readonly model: GoldenLayer;
  readonly loss: GoldenLoss;
  readonly optimizer: GoldenOptimizer;
}

/** Fifty steps of a smooth net. */
export interface GoldenRun extends Origin {
  readonly kind: "run";
  readonly steps: number;
  readonly clip: { readonly norm: number } | { readonly value: number } | null;
  readonly accumulate: number;
  readonly frozen: { readonly paths: readonly string[]; readonly batchNorm: "eval" } | null;
  /** Per step; a group's rate is this times its lrFactor. */
  readonly lr: readonly number[];
  /** Per step; beta1 for Adam. */
  readonly momentum: readonly number[];
  readonly losses: readonly number[];
  readonly losses64: readonly number[];
  /** Per step, before clipping; only with clipping by norm. */
  readonly gradientNorms?: readonly number[];
  readonly conditioning: Readonly<Record<"loss" | "runningStatistics", number>>;
  /** [batches, batch, ...]. */
  readonly inputs: EncodedTensor;
  readonly targets: EncodedTensor;
  readonly initial: EncodedTensors;
  readonly finalBuffers: EncodedTensors;
}

/** Parameters and running statistics by name; optimizer state as `<parameter>.momentum`, `.first`, `.second`. */
export interface GoldenState {
  readonly tensors: EncodedTensors;
  readonly optimizer: EncodedTensors;
}

export interface GoldenStep {
  readonly step: number;
  readonly lr: number;
  readonly momentum: number;
  readonly loss: number;
  readonly loss64: number;
  /** Always empty: see README. */
  readonly ties: readonly string[];
  readonly margin: number;
  readonly batchesPassedOver: number;
  readonly conditioning: Readonly<Record<"loss" | "gradients" | "tensors" | "optimizer", number>>;
  readonly inputs: EncodedTensor;
  readonly targets: EncodedTensor;
  readonly gradients: EncodedTensors;
  /** Null: the state after the entry before this one. */
  readonly before: GoldenState | null;
  readonly after: GoldenState;
}

/** Single steps of a ReLU or max-pool net. */
export interface GoldenSteps extends Origin {
  readonly kind: "steps";
  readonly tieMargin: number;
  readonly steps: readonly GoldenStep[];
}

/** lr and momentum of update k; without them, `error` says how torch refuses. Options beside these depend on `kind`. */
export interface GoldenSchedule {
  readonly kind: string;
  readonly totalSteps: number;
  readonly indexing?: "torch" | "fastai";
  readonly lr?: readonly number[];
  readonly momentum?: readonly number[];
  readonly error?: string;
  readonly [option: string]: unknown;
}

export interface GoldenSchedules {
  readonly kind: "schedules";
  readonly baseLr: number;
  readonly baseMomentum: number;
  readonly tables: readonly GoldenSchedule[];
}

export interface GoldenCase {
  readonly op: string;
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly mode: "train" | "eval";
  readonly inputs: EncodedTensors;
  readonly y: EncodedTensor;
  readonly upstream: EncodedTensor;
  readonly gradients: EncodedTensors;
  readonly state: EncodedTensors;
}

export interface GoldenOps {
  readonly kind: "ops";
  readonly cases: readonly GoldenCase[];
}

/** Nets whose state_dict lies beside as `state-<name>.safetensors`. */
export interface GoldenStates {
  readonly kind: "states";
  readonly nets: readonly {
    readonly name: string;
    readonly model: GoldenLayer;
    readonly inputs: EncodedTensor;
    /** In evaluation mode, float64. */
    readonly logits: EncodedTensor;
  }[];
}

/** ONNX files `onnx-<name>.onnx` and what onnxruntime answers. */
export interface GoldenOnnx {
  readonly kind: "onnx";
  readonly nets: readonly {
    readonly name: string;
    readonly opset: number;
    readonly inputs: EncodedTensor;
    readonly logits: EncodedTensor;
  }[];
}

/** Steps of SGD from the nets of ONNX files. */
export interface GoldenOnnxSteps {
  readonly kind: "onnxSteps";
  readonly runs: readonly {
    readonly name: string;
    readonly lr: number;
    readonly momentum: number;
    readonly weightDecay: number;
    readonly losses: readonly number[];
    /** [steps, batch, ...]. */
    readonly inputs: EncodedTensor;
    readonly targets: EncodedTensor;
    readonly after: EncodedTensors;
  }[];
}

type GoldenFile =
  | GoldenRun
  | GoldenSteps
  | GoldenSchedules
  | GoldenOps
  | GoldenStates
  | GoldenOnnx
  | GoldenOnnxSteps;

/**
 * The imported JSON as its type. TypeScript widens literals in imported JSON, so the type is asserted here once.
 * Errors: a file of another kind.
 */
export function golden<Kind extends GoldenFile["kind"]>(
  kind: Kind,
  file: unknown,
): Extract<GoldenFile, { kind: Kind }> {
  const found = (file as { readonly kind?: unknown }).kind;
  if (found !== kind) {
    throw new Error(`golden file: wrong kind: expected ${kind}, got ${String(found)}`);
  }
  return file as Extract<GoldenFile, { kind: Kind }>;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[i] = text.charCodeAt(i);
  }
  return bytes;
}

function numbersOf(tensor: EncodedTensor): Float32Array | Float64Array | Int32Array | Uint8Array {
  const bytes = bytesOf(tensor.data);
  switch (tensor.dtype) {
    case "f32":
      return new Float32Array(bytes.buffer);
    case "f64":
      return new Float64Array(bytes.buffer);
    case "i32":
      return new Int32Array(bytes.buffer);
    case "u8":
      return bytes;
  }
}

/** The tensor as float32: exact for f32, and for bytes with the scales used here. */
export function decodeFloats(tensor: EncodedTensor): Float32Array<ArrayBuffer> {
  const { scale = 1, offset = 0 } = tensor;
  return Float32Array.from(numbersOf(tensor), (value) => value * scale + offset);
}

/** The tensor as float64, exact for every dtype. */
export function decodeDoubles(tensor: EncodedTensor): Float64Array<ArrayBuffer> {
  const { scale = 1, offset = 0 } = tensor;
  return Float64Array.from(numbersOf(tensor), (value) => value * scale + offset);
}

/** An integer tensor. Errors: any other dtype. */
export function decodeIntegers(tensor: EncodedTensor): Int32Array<ArrayBuffer> {
  if (tensor.dtype !== "i32") {
    throw new Error(`golden tensor: wrong dtype: expected i32, got ${tensor.dtype}`);
  }
  return Int32Array.from(numbersOf(tensor));
}

/** The state a step of a file of single steps starts from. Errors: an entry whose chain of nulls has no start. */
export function stateBefore(file: GoldenSteps, index: number): GoldenState {
  const state = file.steps[index]?.before ?? file.steps[index - 1]?.after;
  if (state === undefined) {
    throw new Error(`golden steps: no state before entry ${index}`);
  }
  return state;
}
