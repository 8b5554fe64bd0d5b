import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import type { Target } from "../../src/graph/define.ts";
import { input } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import * as ops from "../../src/ops/index.ts";
import { candidates, chooseLowering, nodeKey } from "../../src/passes/choose.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import { TARGET } from "./target.ts";

/** Where products on matrix units are tried, and that nothing takes them unasked. */

const PREFIXED = "chromium-experimental-subgroup-matrix";
const WIDE: Target = { ...TARGET, features: ["subgroups"], subgroupMinSize: 32, subgroupMaxSize: 32 };
const withFeature = (...features: string[]): Target => ({
  ...WIDE,
  features: [...WIDE.features, ...features],
});

function product(m: number, n: number, k: number, transposeB = false) {
  return trace("train", () => {
    const b = input("b", transposeB ? [n, k] : [k, n]);
    return { outputs: { y: ops.matmul(input("a", [m, k]), b, { transposeB }) } };
  });
}

const tried = (target: Target, m: number, n: number, k: number) =>
  candidates(product(m, n, k).nodes[0]!, target).flatMap(({ name }) =>
    /subgroup_matrix/.test(name) ? [name] : [],
  );

describe("products on matrix units", () => {
  test("are tried in every form the feature may have, for whole blocks and enough of them", () => {
    const both = ["matmul_subgroup_matrix", "matmul_subgroup_matrix_majorness"];
    expect(tried(withFeature(PREFIXED), 512, 512, 512)).toEqual(both);
    expect(tried(withFeature("subgroup-matrix"), 512, 512, 512)).toEqual([
      "matmul_subgroup_matrix_unprefixed",
    ]);
    expect(tried(WIDE, 512, 512, 512)).toEqual([]);
    expect(tried({ ...withFeature(PREFIXED), subgroupMaxSize: 64 }, 512, 512, 512)).toEqual([]);
    for (const [m, n, k] of [
      [520, 512, 512],
      [512, 520, 512],
      [512, 512, 508],
      [64, 64, 64],
    ] as const)
      expect(tried(withFeature(PREFIXED), m, n, k)).toEqual([]);
  });

  test("are the default nowhere", () => {
    const sizes = [16, 64, 128, 256, 1024];
    for (const m of sizes) {
      for (const n of sizes) {
        const node = product(m, n, 64).nodes[0]!;
        const target = withFeature(PREFIXED, "subgroup-matrix");
        expect(chooseLowering(node, target, {}).name).toBe(chooseLowering(node, WIDE, {}).name);
      }
    }
  });

  test.each([
    [
      "matmul_subgroup_matrix",
      PREFIXED,
      ["enable chromium_experimental_subgroup_matrix;", "(&b, i, B_TRANSPOSED, B_STRIDE)"],
    ],
    [
      "matmul_subgroup_matrix_majorness",
      PREFIXED,
      [
        "enable chromium_experimental_subgroup_matrix;",
        "subgroupMatrixLoad<Left, row_major>(&a, i, A_STRIDE);",
        "subgroupMatrixLoad<Right, col_major>(&b, i, B_STRIDE);",
        "subgroupMatrixStore<row_major>(&y, i, v, N);",
      ],
    ],
    [
      "matmul_subgroup_matrix_unprefixed",
      "subgroup-matrix",
      ["enable subgroup_matrix;", "<Right, col_major>(&b"],
    ],
  ])("%s is written as its browsers read it; bias and activation stay outside", (name, feature, lines) => {
    const graph = trace("train", () => {
      const y = ops.matmul(input("a", [512, 64]), input("b", [256, 64]), { transposeB: true });
      return { outputs: { y: ops.relu(y) } };
    });
    const plan = compile(graph, {
      target: withFeature(feature),
      states: new StateTable(),
      choices: { [nodeKey(graph.nodes[0]!)]: name },
    });
    expect(plan.dispatches.map(({ label }) => label)).toEqual([name, "pointwise"]);
    const { code } = plan.pipelines[0]!;
    for (const line of lines) expect(code).toContain(line);
    expect(code.startsWith("enable ")).toBe(true);
  });
});
