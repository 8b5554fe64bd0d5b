/** The part of jax-js that the bench uses. An array is consumed by its use; `ref` keeps it for one more. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** Arguments and results: arrays in lists and records. */
export type JaxTree = JaxArray | readonly JaxTree[] | { readonly [name: string]: JaxTree };

interface GradOptions {
  readonly argnums?: readonly number[];
  readonly hasAux?: boolean;
}

type Loss = (...args: never[]) => JaxArray | [JaxArray, JaxArray];

export interface Jax {
  init(...devices: string[]): Promise<string[]>;
  defaultDevice(device: string): void;
  getWebGPUDevice(): GPUDevice;
  jit<A extends readonly unknown[], R extends JaxTree>(
    fn: (...args: A) => R,
  ): ((...args: A) => R) & { dispose?(): void };
  grad(fn: Loss, options?: GradOptions): (...args: unknown[]) => JaxArray[];
  valueAndGrad(fn: Loss, options?: GradOptions): (...args: unknown[]) => [unknown, JaxArray[]];
  blockUntilReady(tree: JaxTree): Promise<unknown>;
  readonly numpy: {
    array(data: Float32Array | Int32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    mean(x: JaxArray, axis: number | readonly number[], options?: { keepdims: boolean }): JaxArray;
    max(x: JaxArray, axis: number): JaxArray;
    square(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      weight: JaxArray,
      strides: readonly number[],
      padding: readonly (readonly number[])[],
    ): JaxArray;
  };
  readonly nn: { relu(x: JaxArray): JaxArray; logSoftmax(x: JaxArray, axis: number): JaxArray };
}
