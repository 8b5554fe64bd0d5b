import { DataError } from "../core/errors.ts";
import {
  type Attribute,
  type Dimension,
  ELEMENT_TYPES,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
} from "./model.ts";
import { bytesOf, type Field, fieldsOf, floatBytesOf, integerOf, integersOf, textOf } from "./protobuf.ts";
import { readTensor } from "./read-tensor.ts";

/**
 * Reads an .onnx file. Weights are views into its bytes where it holds them raw, as all exporters write them.
 * Errors  DataError for a damaged file, names used twice, inputs that nothing makes, weights in files beside it
 * Source  ONNX IR specification; field numbers of onnx.proto3
 */
export function readOnnx(file: Uint8Array): OnnxModel {
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  let irVersion = 0;
  let producer = "";
  let graph: OnnxGraph | undefined;
  for (const field of fieldsOf(file)) {
    if (field.number === 1) irVersion = integerOf(field);
    else if (field.number === 2) producer = textOf(field);
    else if (field.number === 7 && !graph) graph = readGraph(bytesOf(field));
    else if (field.number === 7) fail("graph", "one", "two");
    else if (field.number === 8) addOpset(opsets, bytesOf(field));
    else if (field.number === 14) addEntry(metadata, bytesOf(field));
  }
  if (!graph) return fail("file", "an ONNX model", "no graph in it");
  const version = opsets.get("");
  if (version === undefined) fail("opset_import", "a version of ai.onnx", "none");
  return { irVersion, producer, opsets, metadata, graph };
}

function addOpset(opsets: Map<string, number>, message: Uint8Array): void {
  let domain = "";
  let version = 0;
  for (const field of fieldsOf(message)) {
    if (field.number === 1) domain = textOf(field);
    else if (field.number === 2) version = integerOf(field);
  }
  opsets.set(domain === "ai.onnx" ? "" : domain, version);
}

function addEntry(entries: Map<string, string>, message: Uint8Array): void {
  let key = "";
  let value = "";
  for (const field of fieldsOf(message)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = textOf(field);
  }
  entries.set(key, value);
}

function readGraph(message: Uint8Array): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxGraph["initializers"] = new Map();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  let name = "";
  for (const field of fieldsOf(message)) {
    if (field.number === 1) nodes.push(readNode(bytesOf(field)));
    else if (field.number === 2) name = textOf(field);
    else if (field.number === 5) {
      const { name: key, tensor } = readTensor(bytesOf(field));
      if (initializers.has(key) || !key)
        fail("name of an initializer", "one of its own", JSON.stringify(key));
      (initializers as Map<string, typeof tensor>).set(key, tensor);
    } else if (field.number === 11) inputs.push(readValue(bytesOf(field)));
    else if (field.number === 12) outputs.push(readValue(bytesOf(field)));
    else if (field.number === 15) fail("weights", "dense tensors", "sparse ones");
  }
  const graph = { name, nodes, initializers, inputs, outputs };
  checkNames(graph);
  return graph;
}

/** Every name is made once and before it is used, so that the nodes are in an order in which they can run. */
function checkNames({ nodes, initializers, inputs, outputs }: OnnxGraph): void {
  const made = new Set<string>(["", ...initializers.keys()]);
  const given = new Set<string>();
  for (const { name } of inputs) {
    if (given.has(name) || !name) fail("name of an input", "one of its own", JSON.stringify(name));
    given.add(name);
    made.add(name);
  }
  for (const node of nodes) {
    const missing = node.inputs.find((name) => !made.has(name));
    if (missing !== undefined) {
      fail(`input of ${node.type} ${node.name}`, "a value made before it", JSON.stringify(missing));
    }
    for (const name of node.outputs) {
      if (name && made.has(name))
        fail(`output of ${node.type} ${node.name}`, "a name of its own", JSON.stringify(name));
      made.add(name);
    }
  }
  if (outputs.length === 0) fail("outputs", "at least one", "none");
  for (const { name } of outputs) {
    if (!name || !made.has(name)) fail("output of the graph", "a value of the graph", JSON.stringify(name));
  }
}

function readNode(message: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  let [name, type, domain] = ["", "", ""];
  for (const field of fieldsOf(message)) {
    if (field.number === 1) inputs.push(textOf(field));
    else if (field.number === 2) outputs.push(textOf(field));
    else if (field.number === 3) name = textOf(field);
    else if (field.number === 4) type = textOf(field);
    else if (field.number === 5) addAttribute(attributes, bytesOf(field));
    else if (field.number === 7) domain = textOf(field);
  }
  if (!type) fail("node", "a name of its operator", "none");
  if (outputs.length === 0) fail(`outputs of ${type}`, "at least one", "none");
  return { name, type, domain: domain === "ai.onnx" ? "" : domain, inputs, outputs, attributes };
}

/** What the fields of an attribute have said so far. */
interface Draft {
  name: string;
  kind: number;
  float: number;
  integer: number;
  text: string;
  tensor: Attribute | undefined;
  floats: number[];
  integers: number[];
  texts: string[];
}

const ATTRIBUTE_FIELDS: Readonly<Record<number, (draft: Draft, field: Field) => void>> = {
  1: (draft, field) => {
    draft.name = textOf(field);
  },
  2: (draft, field) => {
    draft.float = floats(field)[0] ?? 0;
  },
  3: (draft, field) => {
    draft.integer = integerOf(field);
  },
  4: (draft, field) => {
    draft.text = textOf(field);
  },
  5: (draft, field) => {
    draft.tensor = { kind: "tensor", value: readTensor(bytesOf(field)).tensor };
  },
  7: (draft, field) => {
    for (const value of floats(field)) draft.floats.push(value);
  },
  8: (draft, field) => {
    for (const value of integersOf(field)) draft.integers.push(Number(value));
  },
  9: (draft, field) => {
    draft.texts.push(textOf(field));
  },
  20: (draft, field) => {
    draft.kind = integerOf(field);
  },
};

function addAttribute(attributes: Map<string, Attribute>, message: Uint8Array): void {
  const draft: Draft = {
    ...{ name: "", kind: 0, float: 0, integer: 0, text: "", tensor: undefined },
    ...{ floats: [], integers: [], texts: [] },
  };
  for (const field of fieldsOf(message)) ATTRIBUTE_FIELDS[field.number]?.(draft, field);
  if (attributes.has(draft.name)) fail("attribute", "each name once", draft.name);
  attributes.set(draft.name, finished(draft));
}

function finished(draft: Draft): Attribute {
  switch (draft.kind) {
    case 1:
      return { kind: "float", value: draft.float };
    case 2:
      return { kind: "int", value: draft.integer };
    case 3:
      return { kind: "string", value: draft.text };
    case 4:
      return draft.tensor ?? fail(`attribute ${draft.name}`, "a tensor", "none");
    case 6:
      return { kind: "floats", value: draft.floats };
    case 7:
      return { kind: "ints", value: draft.integers };
    case 8:
      return { kind: "strings", value: draft.texts };
    default:
      return { kind: "other" };
  }
}

function floats(field: Field): number[] {
  const bytes = floatBytesOf(field);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function readValue(message: Uint8Array): OnnxValue {
  let name = "";
  let type: Pick<OnnxValue, "dtype" | "shape"> = { dtype: "other", shape: null };
  for (const field of fieldsOf(message)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 2) {
      for (const inner of fieldsOf(bytesOf(field))) if (inner.number === 1) type = readType(bytesOf(inner));
    }
  }
  return { name, ...type };
}

function readType(message: Uint8Array): Pick<OnnxValue, "dtype" | "shape"> {
  let dtype: OnnxValue["dtype"] = "other";
  let shape: Dimension[] | null = null;
  for (const field of fieldsOf(message)) {
    if (field.number === 1) {
      const element = integerOf(field);
      const { F32, F16, BF16, F64, I64, I32 } = ELEMENT_TYPES;
      if (element === F32 || element === F16 || element === BF16 || element === F64) dtype = "F32";
      else if (element === I64 || element === I32) dtype = "I64";
    } else if (field.number === 2) {
      shape = [];
      for (const inner of fieldsOf(bytesOf(field))) {
        if (inner.number === 1) shape.push(readDimension(bytesOf(inner)));
      }
    }
  }
  return { dtype, shape };
}

function readDimension(message: Uint8Array): Dimension {
  let dimension: Dimension = null;
  for (const field of fieldsOf(message)) {
    if (field.number === 1) dimension = integerOf(field);
    else if (field.number === 2) dimension = textOf(field) || null;
  }
  return dimension;
}

function fail(problem: string, expected: string, got: string): never {
  throw new DataError({ op: "onnx", problem, expected, got });
}
