import { describe, expect, test } from "vitest";
import type { Target } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/leaf.ts";
import { trace } from "../../src/graph/trace.ts";
import { conv2d } from "../../src/ops/index.ts";
import { candidates, chooseLowering } from "../../src/passes/choose.ts";
import { TARGET } from "./target.ts";

/** Where Winograd is taken unmeasured, where it is only measured, and where it must not be taken at all. */

const QUADS: Target = { ...TARGET, features: ["subgroups"], subgroupMinSize: 4, subgroupMaxSize: 4 };

function convolution(
  [n, c, size, k]: readonly [number, number, number, number],
  options: { kernel?: number; stride?: number; dilation?: number; groups?: number } = {},
): Node {
  const { kernel = 3, groups = 1, ...rest } = options;
  const { nodes } = trace("train", () => {
    const x = input("x", [n, c, size, size]);
    const weight = input("weight", [k, c / groups, kernel, kernel]);
    return { outputs: { y: conv2d(x, weight, null, { padding: 1, groups, ...rest }) } };
  });
  return nodes.find(({ op }) => op.name === "conv2d")!;
}

const isDefault = (node: Node, target: Target) => chooseLowering(node, target, {}).name === "winograd";
const isTried = (node: Node, target: Target) =>
  candidates(node, target).some(({ name }) => name === "winograd");
const isPossible = (node: Node, target: Target) =>
  node.op.lowerings!.some(
    ({ name, when }) =>
      name === "winograd" && when!({ shape: shapes(node), attrs: node.attrs, target } as never),
  );
const shapes = (node: Node) =>
  Object.fromEntries(
    Object.entries({ ...node.inputs, ...node.outputs }).map(([name, value]) => [name, value.shape]),
  );

describe("Winograd", () => {
  test("is the default from 16 channels where lanes form quads, from 64 elsewhere", () => {
    expect(isDefault(convolution([32, 16, 32, 16]), QUADS)).toBe(true);
    expect(isDefault(convolution([32, 32, 32, 32]), TARGET)).toBe(false);
    expect(isDefault(convolution([32, 64, 8, 64]), TARGET)).toBe(true);
  });

  test("is measured below that", () => {
    const eight = convolution([64, 8, 14, 16]);
    expect([isDefault(eight, QUADS), isTried(eight, QUADS), isTried(eight, TARGET)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(isTried(convolution([32, 32, 32, 32]), TARGET)).toBe(true);
  });

  test("is not worth it for few tiles, for tiles that are mostly edge, for little work", () => {
    expect(isTried(convolution([2, 64, 8, 64]), QUADS)).toBe(false);
    expect(isTried(convolution([64, 64, 5, 64]), QUADS)).toBe(false);
    expect(isDefault(convolution([64, 16, 7, 32]), QUADS)).toBe(false);
  });

  test("gives way where its tiles would take over a quarter of the largest buffer", () => {
    const node = convolution([32, 64, 56, 64]);
    expect(isTried(node, { ...QUADS, maxBufferSize: 2 ** 30 })).toBe(true);
    expect([isTried(node, QUADS), isPossible(node, QUADS)]).toEqual([false, true]);
    expect(isPossible(node, { ...QUADS, maxStorageBufferBindingSize: 2 ** 25 })).toBe(false);
  });

  test.each([{ kernel: 5 }, { kernel: 1 }, { stride: 2 }, { dilation: 2 }, { groups: 2 }])(
    "does not fit %o",
    (options) => {
      expect(isPossible(convolution([32, 64, 16, 64], options), QUADS)).toBe(false);
    },
  );
});
