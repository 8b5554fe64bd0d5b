import { numel } from "../core/shape.ts";
import type { StoredTensor } from "../files/tensor.ts";
import type { OnnxGraph, OnnxNode } from "./model.ts";

/** What an initializer becomes: trained, moved by batch norm, or a constant. */
export type Role = "parameter" | "buffer" | "constant";

/** Inputs of operators that are weights, whatever their size. */
const WEIGHTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  GroupNormalization: [1, 2],
  PRelu: [1],
};

/** Inputs of operators that must be known when the graph is built. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Slice: [1, 2, 3, 4],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
  Upsample: [1],
  Clip: [1, 2],
  Expand: [1],
  Tile: [1],
  Squeeze: [1],
  Unsqueeze: [1],
  Split: [1],
  Gather: [1],
  Dropout: [1, 2],
  ConstantOfShape: [0],
  SoftmaxCrossEntropyLoss: [2],
  NegativeLogLikelihoodLoss: [2],
};

function roleIn(node: OnnxNode, slot: number, tensor: StoredTensor): Role {
  if (node.domain !== "") return "constant";
  if (node.type === "BatchNormalization" && slot >= 3) return "buffer";
  if (WEIGHTS[node.type]?.includes(slot)) return "parameter";
  if (SETTINGS[node.type]?.includes(slot) || node.type.startsWith("Reduce")) return "constant";
  return numel(tensor.shape) > 1 ? "parameter" : "constant";
}

/**
 * Role of every initializer that the nodes use. Floats of more than one element train, and so do smaller ones that are
 * an operator's weight; integers, single numbers and what `trainable` refuses are constants; running statistics of
 * batch norm are buffers.
 */
export function rolesOf(
  graph: Pick<OnnxGraph, "nodes" | "initializers">,
  trainable: (name: string) => boolean,
): Map<string, Role> {
  const roles = new Map<string, Role>();
  for (const node of graph.nodes) {
    node.inputs.forEach((name, slot) => {
      const tensor = graph.initializers.get(name);
      if (!tensor) return;
      const isFloat = ["F32", "F16", "BF16", "F64"].includes(tensor.dtype);
      const role = isFloat ? roleIn(node, slot, tensor) : "constant";
      const known = roles.get(name);
      const refused = role === "parameter" && !trainable(name);
      if (known === undefined || (known === "constant" && !refused))
        roles.set(name, refused ? "constant" : role);
    });
  }
  return roles;
}
