import { expect, test } from "vitest";
import dropout from "../../shaders/dropout.wgsl?raw";
import { pcg, randomBits, randomUnit } from "../../src/core/random.ts";
import { evaluate } from "../../src/evaluate.ts";
import { defineOp } from "../../src/graph/define.ts";
import { testDevice } from "../setup/gpu.ts";

/** The functions as they ship, cut out of the kernel that uses them. */
const functions = ["pcg", "random_unit"].map((name) => {
  const text = new RegExp(`^fn ${name}\\([\\s\\S]*?^\\}`, "m").exec(dropout)?.[0];
  return text ?? expect.fail(`${name} is missing in dropout.wgsl`);
});

const wgsl = `
@group(0) @binding(0) var<storage, read> key: array<u32>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> hash: array<u32>;
@group(0) @binding(3) var<storage, read_write> unit: array<u32>;
@compute @workgroup_size(64)
fn draw(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&hash)) { return; }
  hash[id.x] = pcg(index[id.x]);
  unit[id.x] = bitcast<u32>(random_unit(key[id.x], index[id.x]));
}
${functions.join("\n")}
`;

const draw = defineOp({
  name: "draw",
  inputs: ["key", "index"],
  outputs: ["hash", "unit"],
  shape: ({ key }) => ({ hash: key, unit: key }),
  dtypes: { hash: "u32", unit: "u32" },
  lowerings: [{ name: "draw", wgsl, launch: ({ shape }) => ({ grid: [Math.ceil(shape.key[0]! / 64)] }) }],
  gradient: { none: "bits have none" },
});

test("random numbers on the device are those of the host, bit for bit", async () => {
  const device = await testDevice();
  const edges = [0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
  const pairs = edges.flatMap((key) => edges.map((index) => [key, index] as const));
  for (let i = 0; i < 20000; i++) pairs.push([randomBits(1, i), randomBits(2, i)]);
  const shape = [pairs.length];
  const { outputs } = await evaluate(device, ({ key, index }) => draw({ key: key!, index: index! }, {}), {
    key: { data: pairs.map(([key]) => key), shape, dtype: "u32" },
    index: { data: pairs.map(([, index]) => index), shape, dtype: "u32" },
  });
  expect(outputs.hash!.data.slice(0, pairs.length)).toEqual(
    Uint32Array.from(pairs, ([, index]) => pcg(index)),
  );
  const units = Float32Array.from(pairs, ([key, index]) => randomUnit(key, index));
  expect(outputs.unit!.data.slice(0, pairs.length)).toEqual(new Uint32Array(units.buffer));
});
