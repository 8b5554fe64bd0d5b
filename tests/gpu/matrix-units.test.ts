import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { randomUnit } from "../../src/core/random.ts";
import { contextOf } from "../../src/gpu/context.ts";
import { PlanRunner } from "../../src/gpu/plan-runner.ts";
import { input } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import * as ops from "../../src/ops/index.ts";
import { nodeKey } from "../../src/passes/choose.ts";
import { StateTable } from "../../src/plan/state-table.ts";
import type { StepPlan } from "../../src/plan/step-plan.ts";
import { testDevice } from "../setup/gpu.ts";

/**
 * The product on matrix units where there are none: its matrices become arrays that every lane holds whole, its
 * built-in functions become loops. What is tested is the kernel's own: tiles, places, layouts and edges of the launch.
 */

const ARRAYS = `
fn subgroupMatrixMultiplyAccumulate(l: Left, r: Right, sum: Result) -> Result {
  var left = l;
  var right = r;
  var result = sum;
  for (var at = 0u; at < 64u; at++) {
    for (var k = 0u; k < 8u; k++) {
      result[at] += left[at / 8u * 8u + k] * right[k * 8u + at % 8u];
    }
  }
  return result;
}
`;

function emulated(code: string): string {
  const block = (name: "a" | "b", type: string, transposed: boolean) =>
    `fn ${name}_block(i: u32) -> ${type} { var block = ${type}(); for (var at = 0u; at < 64u; at++) { block[at] = ` +
    `${name}[i + ${transposed ? "at % 8u" : "at / 8u"} * ${name.toUpperCase()}_STRIDE + ` +
    `${transposed ? "at / 8u" : "at % 8u"}]; } return block; }`;
  const isTransposed = (name: string) => new RegExp(`const ${name}_TRANSPOSED: bool = true;`).test(code);
  return (
    code
      .replace(/^enable .*;/, "")
      .replace(/^alias (Left|Right|Result) = .*;/gm, "alias $1 = array<f32, 64>;")
      .replace(/^fn a_block.*$/m, block("a", "Left", isTransposed("A")))
      .replace(/^fn b_block.*$/m, block("b", "Right", isTransposed("B")))
      .replace(
        /^fn store.*$/m,
        "fn store(i: u32, v: Result) { var block = v; for (var at = 0u; at < 64u; at++) " +
          "{ y[i + at / 8u * N + at % 8u] = block[at]; } }",
      ) + ARRAYS
  );
}

interface Case {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** The plan of a product on matrix units, as for an adapter that has them. */
async function planOf({ a, b, ...options }: Case, name: string): Promise<StepPlan> {
  const { target } = contextOf(await testDevice());
  const graph = trace("train", () => ({
    outputs: { y: ops.matmul(input("a", a), input("b", b), options) },
  }));
  const features = [...target.features, "chromium-experimental-subgroup-matrix", "subgroup-matrix"];
  return compile(graph, {
    target: { ...target, features, subgroupMinSize: 32, subgroupMaxSize: 32 },
    states: new StateTable(),
    choices: { [nodeKey(graph.nodes[0]!)]: name },
  });
}

const random = (shape: readonly number[], key: number) =>
  Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => randomUnit(key, i) - 0.5);

describe("matmul on matrix units, emulated", () => {
  const cases: Case[] = [
    { a: [16, 8], b: [8, 16] },
    { a: [48, 24], b: [24, 32] },
    { a: [24, 48], b: [24, 32], transposeA: true },
    { a: [48, 24], b: [32, 24], transposeB: true },
    { a: [24, 48], b: [32, 24], transposeA: true, transposeB: true },
    { a: [3, 16, 8], b: [3, 8, 32] },
    { a: [2, 1, 16, 8], b: [3, 8, 16] },
  ];
  const names = ["matmul", "matmul_subgroup_matrix"];

  test.each(cases)("%o", async (one) => {
    const [a, b] = [random(one.a, 1), random(one.b, 2)];
    const context = contextOf(await testDevice());
    const results: Float32Array[] = [];
    for (const name of names) {
      const plan = await planOf(one, name);
      const pipelines = plan.pipelines.map(({ label, code, entryPoint }) => ({
        label,
        code: name === "matmul" ? code : emulated(code),
        entryPoint,
      }));
      expect(plan.dispatches.map(({ label }) => label)).toEqual([name]);
      const runner = await PlanRunner.create(context, { ...plan, pipelines }, { inputs: { a, b } });
      await runner.run(1);
      const { y } = await runner.outputs();
      results.push(new Float32Array(y!.slice(0)));
      runner.destroy();
    }
    for (const result of results.slice(1)) {
      result.forEach((value, i) => {
        expect(Math.abs(value - results[0]![i]!), `y[${i}]`).toBeLessThanOrEqual(1e-6);
      });
    }
  });
});
