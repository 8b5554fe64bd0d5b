import { describe, expect, test } from "vitest";
import {
  decodeDoubles,
  type EncodedTensor,
  type EncodedTensors,
  type GoldenCase,
  golden,
} from "../golden/load.ts";
import file from "../golden/ops.json";
import * as binary from "../reference/binary.ts";
import * as conv from "../reference/conv.ts";
import * as loss from "../reference/loss.ts";
import * as matrix from "../reference/matmul.ts";
import * as norm from "../reference/norm.ts";
import * as pointwise from "../reference/pointwise.ts";
import * as pool from "../reference/pool.ts";
import * as reduce from "../reference/reduce.ts";
import * as shape from "../reference/shape.ts";
import { logSoftmax, softmax } from "../reference/softmax.ts";
import type { Reference, Tensor, Tensors } from "../reference/types.ts";
import { upsampleNearestReference } from "../reference/upsample.ts";

/** The references that judge the engine are judged here: against PyTorch, in float64 on both sides. */

const references: Readonly<Record<string, unknown>> = {
  ...binary,
  ...loss,
  ...matrix,
  ...pointwise,
  ...reduce,
  ...shape,
  logSoftmax,
  softmax,
  conv2d: conv.conv2dReference,
  convTranspose2d: conv.convTranspose2dReference,
  batchNorm: norm.batchNormReference,
  layerNorm: norm.layerNormReference,
  groupNorm: norm.groupNormReference,
  instanceNorm: norm.instanceNormReference,
  maxPool2d: pool.maxPool2dReference,
  avgPool2d: pool.avgPool2dReference,
  adaptiveAvgPool2d: pool.adaptiveAvgPool2dReference,
  globalAvgPool2d: pool.globalAvgPool2dReference,
  globalMaxPool2d: pool.globalMaxPool2dReference,
  upsampleNearest: upsampleNearestReference,
};

function referenceOf(op: string): Reference {
  const reference = references[op];
  if (reference === undefined) {
    throw new Error(`no reference for ${op}`);
  }
  return reference as Reference;
}

function decoded(tensor: EncodedTensor): Tensor {
  return { shape: tensor.shape, data: decodeDoubles(tensor) };
}

function allDecoded(tensors: EncodedTensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, decoded(tensor)]));
}

/** PyTorch multiplies hardsigmoid's gradient by 1/6 rounded to float32, in float64 too. */
const roundings: Readonly<Record<string, number>> = { hardsigmoid: 3e-8 };
const rounding = 1e-13;

/**
 * Shapes equal; each element within `tolerance` of its terms' magnitudes, or of the largest value where the sums run
 * in another order over more terms than the element shows.
 */
function expectClose(label: string, got: Tensor | undefined, want: Tensor, tolerance = rounding): void {
  expect(got, label).toBeDefined();
  expect(got?.shape, `${label}: shape`).toEqual(want.shape);
  const largest = want.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  want.data.forEach((value, i) => {
    const error = Math.abs((got?.data[i] ?? Number.NaN) - value);
    const terms = got?.magnitude?.[i] ?? Math.abs(value);
    if (!(error <= tolerance * (terms + largest))) {
      expect.fail(`${label}[${i}]: expected ${value}, got ${got?.data[i]}, off by ${error}`);
    }
  });
}

function check(golden: GoldenCase): void {
  const reference = referenceOf(golden.op);
  const inputs = allDecoded(golden.inputs);
  const attrs = { ...golden.attrs, training: golden.mode === "train" };
  const outputs = reference.forward(inputs, attrs);
  const state = allDecoded(golden.state);
  const [output, ...others] = Object.keys(outputs).filter((name) => !(name in state));
  expect(others).toEqual([]);
  expectClose("y", outputs[output ?? ""], decoded(golden.y));
  for (const [name, want] of Object.entries(state)) {
    expectClose(name, outputs[name] ?? inputs[name], want);
  }
  const gradients = reference.backward(inputs, attrs, { [output ?? ""]: decoded(golden.upstream) });
  for (const [name, want] of Object.entries(allDecoded(golden.gradients))) {
    expectClose(`gradient of ${name}`, gradients[name], want, roundings[golden.op]);
  }
}

const { cases } = golden("ops", file);

describe.each([...new Set(cases.map(({ op }) => op))])("%s equals PyTorch", (op) => {
  test.each(cases.filter((golden) => golden.op === op).map((golden) => [golden.name, golden] as const))(
    "%s",
    (_name, golden) => check(golden),
  );
});
