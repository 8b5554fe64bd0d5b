import { type BenchArray, type BenchArrays, stepModel, stepParameters, workloadArrays } from "../arrays.ts";
import type { Contender, Results } from "../contender.ts";
import { CLASSES, HYPERS, type StepSize, type Workload } from "../workload.ts";
import { oneHot, peerArrays } from "./jax.ts";
import { channelsFirst, channelsLast, filtersFirst, filtersLast, transposed } from "./layout.ts";
import { type PeerOps, peerModel } from "./models.ts";
import { type Peer, watch } from "./peer.ts";
import type { Tensor, TensorFlow, TfOptimizer, Variable } from "./tfjs-types.ts";

const EPS = 1e-5;

/** Loads TensorFlow.js with its WebGPU backend: the two scripts in their order. */
export async function loadTfjs(urls: readonly string[]): Promise<Peer> {
  for (const url of urls) await loadScript(url);
  const { tf } = globalThis as unknown as { tf: TensorFlow };
  await tf.setBackend("webgpu");
  await tf.ready();
  return {
    name: "tfjs",
    device: tf.backend().device,
    check: watch(tf.backend().device),
    contender: (workload) =>
      workload.kind === "step" ? new TfStep(tf, workload) : new TfKernel(tf, workload),
  };
}

function loadScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${url} cannot be loaded`));
    document.head.append(script);
  });
}

/** Sends what is queued and waits until the device has finished. */
async function finish(tf: TensorFlow): Promise<void> {
  const backend = tf.backend();
  // With nothing queued there is no encoder to finish, and submitQueue fails.
  if (backend.commandEncoder) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
  await backend.device.queue.onSubmittedWorkDone();
}

/** The operations in TensorFlow.js's own terms: NHWC. */
class TfOps implements PeerOps<Tensor> {
  readonly #tf: TensorFlow;
  readonly #parameters: Readonly<Record<string, Tensor>>;

  constructor(tf: TensorFlow, parameters: Readonly<Record<string, Tensor>> = {}) {
    this.#tf = tf;
    this.#parameters = parameters;
  }

  parameter(name: string): Tensor {
    return this.#parameters[name]!;
  }

  conv(x: Tensor, weight: Tensor, stride: number, padding: number): Tensor {
    // With stride 1 "same" is this padding on all sides; with stride 2 it would be one-sided.
    const isSame = stride === 1 && padding === (weight.shape[0]! - 1) / 2;
    return this.#tf.conv2d(x, weight, stride, isSame ? "same" : padding);
  }

  bias(x: Tensor, bias: Tensor): Tensor {
    return x.add(bias);
  }

  norm(x: Tensor, gamma: Tensor, beta: Tensor): Tensor {
    const { mean, variance } = this.#tf.moments(x, [0, 1, 2]);
    return this.#tf.batchNorm(x, mean, variance, beta, gamma, EPS);
  }

  relu(x: Tensor): Tensor {
    return this.#tf.relu(x);
  }

  maxPool(x: Tensor): Tensor {
    return this.#tf.maxPool(x, 2, 2, "valid");
  }

  averagePool(x: Tensor): Tensor {
    return this.#tf.avgPool(x, 2, 2, "valid");
  }

  mean(x: Tensor): Tensor {
    return this.#tf.mean(x, [1, 2]);
  }

  /** Equal to the NCHW order where one channel, or one pixel, is left: in the models of the bench. */
  flatten(x: Tensor): Tensor {
    return x.reshape([x.shape[0]!, -1]);
  }

  linear(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
    return this.#tf.matMul(x, weight).add(bias);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return a.add(b);
  }

  twice(x: Tensor): readonly [Tensor, Tensor] {
    return [x, x];
  }

  crossEntropy(logits: Tensor, targets: Tensor): Tensor {
    return this.#tf.losses.softmaxCrossEntropy(targets, logits);
  }
}

/** A function of a workload's arrays, the arrays' names in the order of its arguments. */
interface Kernel {
  readonly arguments: readonly string[];
  run(...tensors: Tensor[]): Record<string, Tensor>;
  dispose?(): void;
}

function outputAndGradients(
  tf: TensorFlow,
  names: readonly string[],
  f: (...xs: Tensor[]) => Tensor,
): Kernel {
  const gradients = tf.grads(f);
  return {
    arguments: [...names, "dy"],
    run: (...all) => {
      const found = gradients(all.slice(0, -1), all.at(-1)!);
      return Object.fromEntries(names.map((name, i) => [`d${name}`, found[i]!]));
    },
  };
}

function convKernel(tf: TensorFlow, workload: Extract<Workload, { kind: "conv" }>): Kernel {
  const { pass, batch, channels, filters, kernel, height, width } = workload;
  const common = { strides: 1, pad: "same", dataFormat: "NHWC", dimRoundingMode: undefined };
  const engine = tf.engine();
  if (pass === "forward") {
    return { arguments: ["x", "weight"], run: (x, weight) => ({ y: tf.conv2d(x!, weight!, 1, "same") }) };
  }
  if (pass === "inputGradient") {
    const attributes = { ...common, inputShape: [batch, height, width, channels] };
    return {
      arguments: ["dy", "weight"],
      run: (dy, filter) => ({
        dx: engine.runKernel("Conv2DBackpropInput", { dy: dy!, filter: filter! }, attributes),
      }),
    };
  }
  const attributes = { ...common, filterShape: [kernel, kernel, channels, filters] };
  return {
    arguments: ["x", "dy"],
    run: (x, dy) => ({ dweight: engine.runKernel("Conv2DBackpropFilter", { x: x!, dy: dy! }, attributes) }),
  };
}

function optimizerKernel(tf: TensorFlow, rule: "sgd" | "adam"): Kernel {
  const { lr, momentum, beta1, beta2, adamLr, eps } = HYPERS;
  const optimizer =
    rule === "sgd" ? tf.train.momentum(lr, momentum) : tf.train.adam(adamLr, beta1, beta2, eps);
  let variable: Variable | undefined;
  return {
    arguments: ["params", "grads"],
    run: (params, grads) => {
      variable ??= tf.variable(params!, true, "bench");
      optimizer.applyGradients({ bench: grads! });
      return { params: variable };
    },
    dispose: () => {
      optimizer.dispose();
      variable?.dispose();
    },
  };
}

function kernelOf(tf: TensorFlow, workload: Exclude<Workload, { kind: "step" }>): Kernel {
  const ops = new TfOps(tf);
  switch (workload.kind) {
    case "matmul":
      return { arguments: ["a", "b"], run: (a, b) => ({ y: tf.matMul(a!, b!) }) };
    case "conv":
      return convKernel(tf, workload);
    case "convBlock":
      return outputAndGradients(tf, ["x", "weight", "gamma", "beta"], (x, weight, gamma, beta) =>
        ops.maxPool(ops.relu(ops.norm(ops.conv(x!, weight!, 1, (workload.kernel - 1) / 2), gamma!, beta!))),
      );
    case "batchNorm":
      return outputAndGradients(tf, ["x", "gamma", "beta"], (x, gamma, beta) => ops.norm(x!, gamma!, beta!));
    case "pool":
      return outputAndGradients(tf, ["x"], (x) =>
        workload.pool === "max" ? ops.maxPool(x!) : ops.averagePool(x!),
      );
    case "crossEntropy":
      return {
        arguments: ["logits", "targets"],
        run: (logits, targets) => {
          const { value, grad } = tf.valueAndGrad((x) => ops.crossEntropy(x, targets!))(logits!);
          return { loss: value, dlogits: grad };
        },
      };
    case "statistics":
      // Mean and deviation only: without the histogram and the counts that ours makes beside them.
      return {
        arguments: ["x"],
        run: (x) => {
          const { mean, variance } = tf.moments(x!);
          return { mean, std: tf.sqrt(variance) };
        },
      };
    case "optimizer":
      return optimizerKernel(tf, workload.rule);
  }
}

/** Rank 4 arrays by their name: weights are [R, S, C, K], the others NHWC. */
function toTfjs(name: string, array: BenchArray): BenchArray {
  if (array.shape.length !== 4) return array;
  return /weight$/.test(name) ? filtersLast(array) : channelsLast(array);
}

async function fromTfjs(name: string, tensor: Tensor): Promise<Float32Array> {
  const array = { shape: tensor.shape, data: await tensor.data() };
  if (array.shape.length !== 4) return array.data;
  return (/weight$/.test(name) ? filtersFirst(array) : channelsFirst(array)).data;
}

class TfKernel implements Contender {
  readonly name = "tfjs";
  readonly #tf: TensorFlow;
  readonly #workload: Exclude<Workload, { kind: "step" }>;
  #kernel: Kernel | undefined;
  #tensors: Tensor[] = [];

  constructor(tf: TensorFlow, workload: Exclude<Workload, { kind: "step" }>) {
    this.#tf = tf;
    this.#workload = workload;
  }

  async first(): Promise<Results> {
    this.#kernel = kernelOf(this.#tf, this.#workload);
    const arrays: BenchArrays = peerArrays(this.#workload);
    this.#tensors = this.#kernel.arguments.map((name) => {
      const { data, shape } = toTfjs(name, arrays[name]!);
      return this.#tf.tensor(data, shape);
    });
    const outputs = this.#call();
    const results: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(outputs)) results[name] = await fromTfjs(name, tensor);
    this.#free(outputs);
    return results;
  }

  #call(): Record<string, Tensor> {
    return this.#tf.tidy(() => this.#kernel!.run(...this.#tensors));
  }

  /** Outputs of a call; an optimizer's variable stays. */
  #free(outputs: Record<string, Tensor>): void {
    if (this.#kernel!.dispose) return;
    for (const tensor of Object.values(outputs)) tensor.dispose();
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    const outputs = Array.from({ length: times }, () => this.#call());
    await finish(this.#tf);
    const ms = performance.now() - started;
    for (const named of outputs) this.#free(named);
    return ms;
  }

  dispose(): void {
    for (const tensor of this.#tensors) if (!tensor.isDisposed) tensor.dispose();
    this.#kernel?.dispose?.();
  }
}

/** A whole step: `minimize` in a tidy, nothing read back but the loss. */
class TfStep implements Contender {
  readonly name = "tfjs";
  readonly #tf: TensorFlow;
  readonly #size: StepSize;
  readonly #optimizer: TfOptimizer;
  #variables: Variable[] = [];
  #data: Tensor[] = [];
  #latest: Float32Array = new Float32Array();
  #loss: () => Tensor = () => this.#data[0]!;

  constructor(tf: TensorFlow, size: StepSize) {
    this.#tf = tf;
    this.#size = size;
    this.#optimizer = tf.train.momentum(HYPERS.lr, HYPERS.momentum);
  }

  async first(): Promise<Results> {
    this.#upload();
    return { loss: await this.#call() };
  }

  async latest(): Promise<Results> {
    return { lossAfterUpdate: this.#latest };
  }

  #upload(): void {
    const parameters = stepParameters(stepModel(this.#size));
    const placed = Object.entries(parameters).map(([name, array]) => {
      const { data, shape } = array.shape.length === 2 ? transposed(array) : toTfjs(name, array);
      return [name, this.#tf.variable(this.#tf.tensor(data, shape), true, name)] as const;
    });
    this.#variables = placed.map(([, variable]) => variable);
    const { x, labels } = workloadArrays({ kind: "step", ...this.#size });
    const images = channelsLast(x!);
    this.#data = [
      this.#tf.tensor(images.data, images.shape),
      this.#tf.tensor(oneHot(labels!.data, CLASSES), [this.#size.batch, CLASSES]),
    ];
    const ops = new TfOps(this.#tf, Object.fromEntries(placed));
    this.#loss = () => ops.crossEntropy(peerModel(ops, this.#size, this.#data[0]!), this.#data[1]!);
  }

  /** One step; its loss, when it has arrived. */
  async #call(): Promise<Float32Array> {
    const cost = this.#tf.tidy(() => this.#optimizer.minimize(this.#loss, true, this.#variables)!);
    const loss = await cost.data();
    cost.dispose();
    return loss;
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    for (let i = 0; i < times; i++) this.#latest = await this.#call();
    await finish(this.#tf);
    return performance.now() - started;
  }

  dispose(): void {
    for (const tensor of [...this.#variables, ...this.#data]) tensor.dispose();
    this.#optimizer.dispose();
  }
}
