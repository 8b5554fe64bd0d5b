import { MessageWriter } from "../core/message-writer.ts";
import type { StoredTensor } from "../files/tensor.ts";
import {
  type Attribute,
  ELEMENT_TYPES,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
} from "./model.ts";

/**
 * A model as the bytes of an .onnx file. Field numbers are those of onnx.proto3.
 * Source  ONNX IR specification, github.com/onnx/onnx/blob/main/docs/IR.md
 */
export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const message = new MessageWriter();
  message.integer(1, model.irVersion).text(2, model.producer).message(7, graphMessage(model.graph));
  for (const [domain, version] of model.opsets) {
    message.message(8, new MessageWriter().text(1, domain).integer(2, version));
  }
  for (const [key, value] of model.metadata) {
    message.message(14, new MessageWriter().text(1, key).text(2, value));
  }
  return message.finish();
}

function graphMessage({ nodes, name, initializers, inputs, outputs }: OnnxGraph): MessageWriter {
  const message = new MessageWriter();
  for (const node of nodes) message.message(1, nodeMessage(node));
  message.text(2, name);
  for (const [key, tensor] of initializers) message.message(5, tensorMessage(tensor, key));
  for (const value of inputs) message.message(11, valueMessage(value));
  for (const value of outputs) message.message(12, valueMessage(value));
  return message;
}

function nodeMessage({ inputs, outputs, name, type, domain, attributes }: OnnxNode): MessageWriter {
  const message = new MessageWriter();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, type);
  for (const [key, attribute] of attributes) message.message(5, attributeMessage(key, attribute));
  if (domain) message.text(7, domain);
  return message;
}

function attributeMessage(name: string, attribute: Attribute): MessageWriter {
  const message = new MessageWriter().text(1, name);
  switch (attribute.kind) {
    case "float":
      return message.float(2, attribute.value).integer(20, 1);
    case "int":
      return message.integer(3, attribute.value).integer(20, 2);
    case "string":
      return message.text(4, attribute.value).integer(20, 3);
    case "tensor":
      return message.message(5, tensorMessage(attribute.value, "")).integer(20, 4);
    case "floats":
      for (const value of attribute.value) message.float(7, value);
      return message.integer(20, 6);
    case "ints":
      for (const value of attribute.value) message.integer(8, value);
      return message.integer(20, 7);
    case "strings":
      for (const value of attribute.value) message.text(9, value);
      return message.integer(20, 8);
    case "other":
      return message;
  }
}

function tensorMessage({ shape, dtype, bytes }: StoredTensor, name: string): MessageWriter {
  const message = new MessageWriter();
  for (const size of shape) message.integer(1, size);
  message.integer(2, ELEMENT_TYPES[dtype]);
  if (name) message.text(8, name);
  return message.bytes(9, bytes);
}

function valueMessage({ name, dtype, shape }: OnnxValue): MessageWriter {
  const dimensions = new MessageWriter();
  for (const size of shape ?? []) {
    const dimension = new MessageWriter();
    if (typeof size === "number") dimension.integer(1, size);
    else if (size !== null) dimension.text(2, size);
    dimensions.message(1, dimension);
  }
  const tensor = new MessageWriter().integer(1, ELEMENT_TYPES[dtype === "I64" ? "I64" : "F32"]);
  if (shape) tensor.message(2, dimensions);
  return new MessageWriter().text(1, name).message(2, new MessageWriter().message(1, tensor));
}
