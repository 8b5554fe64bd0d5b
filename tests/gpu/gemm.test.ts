import { describe, expect, test } from "vitest";
import { linear, relu } from "../../src/ops/index.ts";
import type { Choices } from "../../src/passes/choose.ts";
import { linearCase } from "../ops/linear.ts";
import { matmulCase } from "../ops/matmul.ts";
import * as reference from "../reference/matmul.ts";
import type { OpCase, Tensors } from "../reference/types.ts";
import { fullRun } from "../setup/gpu.ts";
import { expectCase } from "./sweep.ts";

/** Every kernel of the matrix product by name, forward and both gradients, over shapes around its tiles. */

/** Which products of a graph take the kernel: all, the result's but not the gradients', or those that are added up. */
type Products = "all" | "first" | "partial";

/** Chooses a kernel for products of a graph, which are asked for in the order of the graph. */
function choosing(kernel: string, products: Products): Choices {
  const wanted = products === "partial" ? /^(matmul|linear)\w*_partial#/ : /^(matmul|linear)\w*#/;
  let first: string | undefined;
  const choice = (key: string): string | undefined => {
    if (!wanted.test(key)) return undefined;
    first ??= key;
    return products === "first" && key !== first ? undefined : kernel;
  };
  return new Proxy({}, { get: (_, key) => choice(String(key)) });
}

/** relu(a·b + bias), which every kernel computes in one dispatch. */
function fusedCase(m: number, k: number, n: number): OpCase {
  const one = linearCase([m, k], n);
  const keep = (y: Tensors, dy: Tensors): Tensors => {
    const data = dy.y!.data.map((value, i) => (y.y!.data[i]! > 0 ? value : 0));
    return { y: { ...dy.y!, data } };
  };
  return {
    ...one,
    name: `relu of ${one.name}`,
    run: ({ x, weight, bias }) => ({ y: relu(linear(x!, weight!, bias!)) }),
    reference: {
      forward: (inputs, attrs) => {
        const { y } = reference.linear.forward(inputs, attrs);
        return { y: { ...y!, data: y!.data.map((value) => Math.max(value, 0)) } };
      },
      backward: (inputs, attrs, upstream) =>
        reference.linear.backward(inputs, attrs, keep(reference.linear.forward(inputs, attrs), upstream)),
    },
  };
}

/** Shapes around a tile of rows and columns. */
function around(rows: number, columns: number): OpCase[] {
  return [
    matmulCase([1, 1], [1, 1]),
    matmulCase([rows - 1, 7], [7, columns + 1]),
    matmulCase([rows, 16], [16, columns]),
    matmulCase([rows + 1, 13], [13, columns - 1]),
    matmulCase([rows + 3, 8], [8, 2 * columns]),
    matmulCase([rows + 1, 20], [columns + 4, 20], { transposeB: true }),
    matmulCase([12, rows + 5], [12, columns + 4], { transposeA: true }),
    matmulCase([11, rows + 2], [columns + 1, 11], { transposeA: true, transposeB: true }),
    matmulCase([3, 1, rows, 5], [2, 5, columns + 2]),
    matmulCase([2, 3, rows + 4, 8], [2, 3, columns, 8], { transposeB: true }),
    linearCase([rows + 1, 19], columns + 2),
    fusedCase(rows + 2, 12, columns + 1),
    fusedCase(rows, 8, columns),
  ];
}

interface Swept {
  readonly kernel: string;
  readonly tile: readonly [rows: number, columns: number];
  /** Also a range of K that takes several chunks, and sums that are split. */
  readonly long: boolean;
  /** Compiles so long that gradients of matmul, which are other shapes of matmul, take the default. */
  readonly slow?: boolean;
}

/** Tiles that take seconds to compile on a software adapter. */
const large: Swept[] = [
  { kernel: "matmul_tiled_64x64", tile: [64, 64], long: true, slow: true },
  { kernel: "matmul_tiled_128x64", tile: [128, 64], long: false, slow: true },
  { kernel: "matmul_tiled_128x128", tile: [128, 128], long: true, slow: true },
];

const swept: Swept[] = [
  { kernel: "matmul_quads", tile: [32, 32], long: true },
  { kernel: "matmul_tiled_32x32", tile: [32, 32], long: true, slow: true },
  ...(fullRun ? large : []),
  { kernel: "matmul_8x8", tile: [8, 8], long: true },
  { kernel: "matmul_4x8", tile: [4, 8], long: false },
  { kernel: "matmul", tile: [4, 4], long: false },
];

for (const { kernel, tile, long, slow } of swept) {
  describe(kernel, () => {
    const run = (one: OpCase, split = false) =>
      test(split ? `${one.name}, split` : one.name, async () => {
        const seen: string[] = [];
        await expectCase(one, {
          choices: choosing(kernel, split ? "partial" : slow && one.op === "matmul" ? "first" : "all"),
          onPlan: ({ dispatches }) => {
            seen.push(...dispatches.flatMap(({ label, detail }) => [label, `${label} ${detail}`]));
            return undefined;
          },
        });
        expect(seen).toContain(kernel);
        if (split) expect(seen).toContain("add_splits");
        if (one.name.startsWith("relu"))
          expect(seen.join("; ")).toMatch(new RegExp(`${kernel} [^;]*epilogue=add→relu`));
      });
    for (const one of around(...tile)) run(one);
    if (!long) return;
    run(matmulCase([20, 1031], [1031, 24]));
    run(linearCase([12, 1100], 16));
    run(matmulCase([13, 1026], [1026, 12]), true);
    run(linearCase([1029, 11], 9), true);
  });
}
