/** The part of TensorFlow.js that the bench uses. */
export interface Tensor {
  readonly shape: number[];
  readonly isDisposed: boolean;
  add(other: Tensor): Tensor;
  reshape(shape: readonly number[]): Tensor;
  data(): Promise<Float32Array>;
  dispose(): void;
}

export interface Variable extends Tensor {
  readonly name: string;
}

type Pad = "same" | "valid" | number;

export interface TfOptimizer {
  minimize(f: () => Tensor, returnCost: boolean, variables: readonly Variable[]): Tensor | null;
  applyGradients(gradients: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

export interface TfBackend {
  readonly device: GPUDevice;
  readonly commandEncoder: object | null;
  /** Must come before submitQueue: an encoder with an open pass cannot be finished. */
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  backend(): TfBackend;
  engine(): { runKernel(name: string, inputs: Readonly<Record<string, Tensor>>, attributes: object): Tensor };
  tidy<T>(body: () => T): T;
  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  variable(initial: Tensor, trainable?: boolean, name?: string): Variable;
  matMul(a: Tensor, b: Tensor): Tensor;
  conv2d(x: Tensor, filter: Tensor, strides: number, pad: Pad): Tensor;
  sqrt(x: Tensor): Tensor;
  moments(x: Tensor, axes?: readonly number[]): { mean: Tensor; variance: Tensor };
  batchNorm(x: Tensor, mean: Tensor, variance: Tensor, offset: Tensor, scale: Tensor, eps: number): Tensor;
  relu(x: Tensor): Tensor;
  maxPool(x: Tensor, size: number, strides: number, pad: Pad): Tensor;
  avgPool(x: Tensor, size: number, strides: number, pad: Pad): Tensor;
  mean(x: Tensor, axes: readonly number[]): Tensor;
  grads(f: (...xs: Tensor[]) => Tensor): (xs: readonly Tensor[], dy: Tensor) => Tensor[];
  valueAndGrad(f: (x: Tensor) => Tensor): (x: Tensor) => { value: Tensor; grad: Tensor };
  readonly losses: { softmaxCrossEntropy(targets: Tensor, logits: Tensor): Tensor };
  readonly train: {
    momentum(lr: number, momentum: number): TfOptimizer;
    adam(lr: number, beta1: number, beta2: number, eps: number): TfOptimizer;
  };
}
