import { type BenchArray, type BenchArrays, stepModel, stepParameters, workloadArrays } from "../arrays.ts";
import type { Contender, Results } from "../contender.ts";
import { CLASSES, HYPERS, type StepSize, type Workload } from "../workload.ts";
import type { Jax, JaxArray } from "./jax-types.ts";
import { transposed } from "./layout.ts";
import { type PeerOps, peerModel } from "./models.ts";
import { type Peer, watch } from "./peer.ts";

const EPS = 1e-5;

/** Loads jax-js and puts it on its WebGPU backend. */
export async function loadJax(url: string): Promise<Peer> {
  const jax = (await import(/* @vite-ignore */ url)) as Jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  return {
    name: "jax-js",
    device: jax.getWebGPUDevice(),
    check: watch(jax.getWebGPUDevice()),
    contender: (workload) =>
      workload.kind === "step" ? new JaxStep(jax, workload) : new JaxKernel(jax, workload),
  };
}

function upload(jax: Jax, { data, shape }: BenchArray): JaxArray {
  return jax.numpy.array(data).reshape(shape);
}

/** One-hot rows of class labels. */
export function oneHot(labels: ArrayLike<number>, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) rows[i * classes + labels[i]!] = 1;
  return rows;
}

/** The operations in jax-js's own terms: NCHW, everything fused by its jit. */
class JaxOps implements PeerOps<JaxArray> {
  readonly #jax: Jax;
  readonly #parameters: Readonly<Record<string, JaxArray>>;

  constructor(jax: Jax, parameters: Readonly<Record<string, JaxArray>> = {}) {
    this.#jax = jax;
    this.#parameters = parameters;
  }

  parameter(name: string): JaxArray {
    return this.#parameters[name]!;
  }

  conv(x: JaxArray, weight: JaxArray, stride: number, padding: number): JaxArray {
    const sides = [padding, padding];
    return this.#jax.lax.convGeneralDilated(x, weight, [stride, stride], [sides, sides]);
  }

  bias(x: JaxArray, bias: JaxArray): JaxArray {
    return x.add(bias.reshape([1, -1, 1, 1]));
  }

  norm(x: JaxArray, gamma: JaxArray, beta: JaxArray): JaxArray {
    const { numpy } = this.#jax;
    const axes = [0, 2, 3];
    const mean = numpy.mean(x.ref, axes, { keepdims: true });
    const centred = x.sub(mean);
    const variance = numpy.mean(numpy.square(centred.ref), axes, { keepdims: true });
    const scale = gamma.reshape([1, -1, 1, 1]).div(numpy.sqrt(variance.add(EPS)));
    return centred.mul(scale).add(beta.reshape([1, -1, 1, 1]));
  }

  relu(x: JaxArray): JaxArray {
    return this.#jax.nn.relu(x);
  }

  maxPool(x: JaxArray): JaxArray {
    const { numpy } = this.#jax;
    return numpy.max(numpy.max(this.#windows(x), 5), 3);
  }

  averagePool(x: JaxArray): JaxArray {
    return this.#jax.numpy.mean(this.#windows(x), [3, 5]);
  }

  #windows(x: JaxArray): JaxArray {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    return x.reshape([n, c, h / 2, 2, w / 2, 2]);
  }

  mean(x: JaxArray): JaxArray {
    return this.#jax.numpy.mean(x, [2, 3]);
  }

  flatten(x: JaxArray): JaxArray {
    return x.reshape([x.shape[0]!, -1]);
  }

  linear(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
    return this.#jax.numpy.matmul(x, weight).add(bias);
  }

  add(a: JaxArray, b: JaxArray): JaxArray {
    return a.add(b);
  }

  twice(x: JaxArray): readonly [JaxArray, JaxArray] {
    return [x.ref, x];
  }

  crossEntropy(logits: JaxArray, targets: JaxArray): JaxArray {
    const count = logits.shape[0]!;
    return this.#jax.nn
      .logSoftmax(logits, -1)
      .mul(targets)
      .sum()
      .mul(-1 / count);
  }
}

type Named = Readonly<Record<string, JaxArray>>;

/** A function of a workload's arrays that jit takes whole, and the arrays' names in the order of its arguments. */
interface Kernel {
  readonly arguments: readonly string[];
  run(...arrays: JaxArray[]): Record<string, JaxArray>;
}

/** Output and gradients of `f` for the upstream gradient dy, which is the last argument. */
function outputAndGradients(
  jax: Jax,
  names: readonly string[],
  f: (...arrays: JaxArray[]) => JaxArray,
): Kernel {
  const loss = (...all: JaxArray[]): [JaxArray, JaxArray] => {
    const y = f(...all.slice(0, -1));
    return [y.ref.mul(all.at(-1)!).sum(), y];
  };
  const both = jax.valueAndGrad(loss as never, { argnums: names.map((_, i) => i), hasAux: true });
  return {
    arguments: [...names, "dy"],
    run: (...arrays) => {
      const [aux, gradients] = both(...arrays) as [[JaxArray, JaxArray], JaxArray[]];
      const [value, y] = aux;
      value.dispose();
      return { y, ...Object.fromEntries(names.map((name, i) => [`d${name}`, gradients[i]!])) };
    },
  };
}

function convKernel(jax: Jax, ops: JaxOps, pass: string, padding: number): Kernel {
  const conv = (x: JaxArray, weight: JaxArray) => ops.conv(x, weight, 1, padding);
  if (pass === "forward")
    return { arguments: ["x", "weight"], run: (x, weight) => ({ y: conv(x!, weight!) }) };
  const loss = (x: JaxArray, weight: JaxArray, dy: JaxArray) => conv(x, weight).mul(dy).sum();
  const wrt = pass === "inputGradient" ? 0 : 1;
  const gradient = jax.grad(loss as never, { argnums: [wrt] });
  return {
    arguments: ["x", "weight", "dy"],
    run: (...arrays) => ({ [wrt === 0 ? "dx" : "dweight"]: gradient(...arrays)[0]! }),
  };
}

function optimizerKernel(jax: Jax, rule: "sgd" | "adam"): Kernel {
  const { lr, momentum, beta1, beta2, adamLr, eps } = HYPERS;
  if (rule === "sgd") {
    return {
      arguments: ["params", "grads", "moment1"],
      run: (params, grads, velocity) => {
        const next = velocity!.mul(momentum).add(grads!);
        return { params: params!.sub(next.ref.mul(lr)), moment1: next };
      },
    };
  }
  return {
    arguments: ["params", "grads", "moment1", "moment2"],
    run: (params, grads, first, second) => {
      const moment1 = first!.mul(beta1).add(grads!.ref.mul(1 - beta1));
      const moment2 = second!.mul(beta2).add(jax.numpy.square(grads!).mul(1 - beta2));
      const root = jax.numpy.sqrt(moment2.ref.mul(1 / (1 - beta2))).add(eps);
      return { params: params!.sub(moment1.ref.mul(adamLr / (1 - beta1)).div(root)), moment1, moment2 };
    },
  };
}

function kernelOf(jax: Jax, workload: Exclude<Workload, { kind: "step" }>): Kernel {
  const ops = new JaxOps(jax);
  switch (workload.kind) {
    case "matmul":
      return { arguments: ["a", "b"], run: (a, b) => ({ y: jax.numpy.matmul(a!, b!) }) };
    case "conv":
      return convKernel(jax, ops, workload.pass, (workload.kernel - 1) / 2);
    case "convBlock": {
      const padding = (workload.kernel - 1) / 2;
      return outputAndGradients(jax, ["x", "weight", "gamma", "beta"], (x, weight, gamma, beta) =>
        ops.maxPool(ops.relu(ops.norm(ops.conv(x!, weight!, 1, padding), gamma!, beta!))),
      );
    }
    case "batchNorm":
      return outputAndGradients(jax, ["x", "gamma", "beta"], (x, gamma, beta) => ops.norm(x!, gamma!, beta!));
    case "pool":
      return outputAndGradients(jax, ["x"], (x) =>
        workload.pool === "max" ? ops.maxPool(x!) : ops.averagePool(x!),
      );
    case "crossEntropy": {
      const loss = (logits: JaxArray, targets: JaxArray) => ops.crossEntropy(logits, targets);
      const both = jax.valueAndGrad(loss as never, { argnums: [0] });
      return {
        arguments: ["logits", "targets"],
        run: (...arrays) => {
          const [value, gradients] = both(...arrays) as [JaxArray, JaxArray[]];
          return { loss: value, dlogits: gradients[0]! };
        },
      };
    }
    case "statistics":
      // Mean and deviation only: without the histogram and the counts that ours makes beside them.
      return {
        arguments: ["x"],
        run: (x) => {
          const flat = x!.reshape([-1]);
          const mean = jax.numpy.mean(flat.ref, 0);
          const variance = jax.numpy.mean(jax.numpy.square(flat.sub(mean.ref)), 0);
          return { mean, std: jax.numpy.sqrt(variance) };
        },
      };
    case "optimizer":
      return optimizerKernel(jax, workload.rule);
  }
}

/** Arrays of a workload and those a peer needs beside them: one-hot targets, zeros for moments. */
export function peerArrays(workload: Workload): BenchArrays {
  const arrays = workloadArrays(workload);
  if (workload.kind === "crossEntropy") {
    const { batch, classes } = workload;
    return { ...arrays, targets: { shape: [batch, classes], data: oneHot(arrays.labels!.data, classes) } };
  }
  if (workload.kind !== "optimizer") return arrays;
  const zeros = () => ({ shape: [workload.count], data: new Float32Array(workload.count) });
  return { ...arrays, moment1: zeros(), moment2: zeros() };
}

async function readAll(arrays: Named): Promise<Results> {
  const entries = await Promise.all(
    Object.entries(arrays).map(async ([name, array]) => [name, await array.data()] as const),
  );
  return Object.fromEntries(entries);
}

class JaxKernel implements Contender {
  readonly name = "jax-js";
  readonly #jax: Jax;
  readonly #workload: Exclude<Workload, { kind: "step" }>;
  #arrays: JaxArray[] = [];
  #run: ((...arrays: JaxArray[]) => Record<string, JaxArray>) | undefined;

  constructor(jax: Jax, workload: Exclude<Workload, { kind: "step" }>) {
    this.#jax = jax;
    this.#workload = workload;
  }

  async first(): Promise<Results> {
    const kernel = kernelOf(this.#jax, this.#workload);
    const arrays = peerArrays(this.#workload);
    this.#arrays = kernel.arguments.map((name) => upload(this.#jax, arrays[name]!));
    this.#run = this.#jax.jit((...all: JaxArray[]) => kernel.run(...all));
    return readAll(this.#call());
  }

  #call(): Record<string, JaxArray> {
    return this.#run!(...this.#arrays.map((array) => array.ref));
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    const outputs = Array.from({ length: times }, () => this.#call());
    await this.#jax.blockUntilReady(outputs);
    const ms = performance.now() - started;
    for (const named of outputs) for (const array of Object.values(named)) array.dispose();
    return ms;
  }

  dispose(): void {
    for (const array of this.#arrays) array.dispose();
  }
}

/** A whole step under one jit: loss, gradients, momentum and update. */
class JaxStep implements Contender {
  readonly name = "jax-js";
  readonly #jax: Jax;
  readonly #size: StepSize;
  #names: readonly string[] = [];
  #state: { params: JaxArray[]; velocity: JaxArray[] } = { params: [], velocity: [] };
  #data: JaxArray[] = [];
  #latest: JaxArray | undefined;
  #step:
    | ((params: JaxArray[], velocity: JaxArray[], x: JaxArray, targets: JaxArray) => StepOutput)
    | undefined;

  constructor(jax: Jax, size: StepSize) {
    this.#jax = jax;
    this.#size = size;
  }

  async first(): Promise<Results> {
    this.#upload();
    this.#step = this.#jax.jit(this.#stepFunction());
    const output = this.#call();
    await this.#jax.blockUntilReady([output.ref, this.#state.params, this.#state.velocity]);
    return { loss: await output.data() };
  }

  async latest(): Promise<Results> {
    return { lossAfterUpdate: await this.#latest!.ref.data() };
  }

  #upload(): void {
    const parameters = stepParameters(stepModel(this.#size));
    this.#names = Object.keys(parameters);
    const { x, labels } = workloadArrays({ kind: "step", ...this.#size });
    const arrays = Object.values(parameters).map((array) =>
      array.shape.length === 2 ? transposed(array) : array,
    );
    this.#state = {
      params: arrays.map((array) => upload(this.#jax, array)),
      velocity: arrays.map(({ shape, data }) =>
        upload(this.#jax, { shape, data: new Float32Array(data.length) }),
      ),
    };
    const targets = { shape: [this.#size.batch, CLASSES], data: oneHot(labels!.data, CLASSES) };
    this.#data = [upload(this.#jax, x!), upload(this.#jax, targets)];
  }

  #stepFunction() {
    const { lr, momentum } = HYPERS;
    const loss = (params: JaxArray[], x: JaxArray, targets: JaxArray) => {
      const ops = new JaxOps(this.#jax, Object.fromEntries(this.#names.map((name, i) => [name, params[i]!])));
      return ops.crossEntropy(peerModel(ops, this.#size, x), targets);
    };
    const both = this.#jax.valueAndGrad(loss as never);
    return (params: JaxArray[], velocity: JaxArray[], x: JaxArray, targets: JaxArray): StepOutput => {
      const kept = params.map((array) => array.ref);
      const [value, gradients] = both(params, x, targets) as [JaxArray, JaxArray[]];
      const next = velocity.map((v, i) => v.mul(momentum).add(gradients[i]!));
      return { loss: value, params: kept.map((p, i) => p.sub(next[i]!.ref.mul(lr))), velocity: next };
    };
  }

  /** Takes one step and gives its loss; nothing has been waited for. */
  #call(): JaxArray {
    const { params, velocity } = this.#state;
    const [x, targets] = this.#data as [JaxArray, JaxArray];
    const { loss, ...state } = this.#step!(params, velocity, x.ref, targets.ref);
    this.#state = state;
    return loss;
  }

  async run(times: number): Promise<number> {
    const started = performance.now();
    const losses = Array.from({ length: times }, () => this.#call());
    await this.#jax.blockUntilReady([losses, this.#state.params, this.#state.velocity]);
    const ms = performance.now() - started;
    this.#latest?.dispose();
    this.#latest = losses.pop();
    for (const loss of losses) loss.dispose();
    return ms;
  }

  dispose(): void {
    for (const array of [...this.#state.params, ...this.#state.velocity, ...this.#data]) array.dispose();
  }
}

type StepOutput = { loss: JaxArray; params: JaxArray[]; velocity: JaxArray[] };
