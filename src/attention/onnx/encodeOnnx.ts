/** A graph as an ONNX file. Field numbers: `onnx.proto` (onnx 1.18); IR 11 is the version that came with opset 23. */

import {
  type AttributeValue,
  type Graph,
  type GraphNode,
  type Initializer,
  type TensorType,
  type ValueInfo,
  elementCount,
} from './graph';
import { MessageWriter } from './protobuf';

const IR_VERSION = 11;
/** Protocol buffers end at 2 GiB, and so do ONNX files without external data. */
const ONNX_BYTE_LIMIT = 2 ** 31 - 1;

/** TensorProto.DataType */
const ELEMENT_TYPES: Readonly<Record<TensorType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};
/** AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

function tooLarge(byteLength: number): Error {
  return new Error(
    `The graph with its weights takes ${byteLength} bytes; a single ONNX file is limited to ${ONNX_BYTE_LIMIT}. Save it without weights.`,
  );
}

export function encodeOnnx(graph: Graph, documentation = ''): Uint8Array {
  const weights = graph.initializers.reduce((sum, initializer) => sum + initializer.data.byteLength, 0);
  if (weights > ONNX_BYTE_LIMIT) throw tooLarge(weights);
  const model = new MessageWriter()
    .varint(1, IR_VERSION)
    .string(2, 'headlight')
    .string(6, documentation)
    .message(7, graphMessage(graph))
    .message(8, operatorSet('', graph.opset));
  if (graph.nodes.some((node) => node.domain === 'com.microsoft')) model.message(8, operatorSet('com.microsoft', 1));
  if (model.byteLength > ONNX_BYTE_LIMIT) throw tooLarge(model.byteLength);
  return model.finish();
}

function operatorSet(domain: string, version: number): MessageWriter {
  return new MessageWriter().string(1, domain).varint(2, version);
}

function graphMessage(graph: Graph): MessageWriter {
  const message = new MessageWriter();
  for (const node of graph.nodes) message.message(1, nodeMessage(node));
  message.string(2, graph.name);
  for (const initializer of graph.initializers) message.message(5, tensorMessage(initializer));
  for (const input of graph.inputs) message.message(11, valueMessage(input));
  for (const output of graph.outputs) message.message(12, valueMessage(output));
  return message;
}

function nodeMessage(node: GraphNode): MessageWriter {
  const message = new MessageWriter();
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name).string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, attributeMessage(name, value));
  return message.string(7, node.domain);
}

function attributeMessage(name: string, value: AttributeValue): MessageWriter {
  const message = new MessageWriter().string(1, name);
  if (typeof value === 'number') return message.varint(3, value).varint(20, ATTRIBUTE.int);
  if (typeof value === 'string') return message.string(4, value).varint(20, ATTRIBUTE.string);
  if ('float' in value) return message.float(2, value.float).varint(20, ATTRIBUTE.float);
  if ('floats' in value) return message.packedFloats(7, value.floats).varint(20, ATTRIBUTE.floats);
  return message.packedVarints(8, value).varint(20, ATTRIBUTE.ints);
}

function tensorMessage(tensor: Initializer): MessageWriter {
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new Error(
      `Initializer ${tensor.name}: ${tensor.data.length} elements for shape [${tensor.shape.join(', ')}].`,
    );
  }
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new MessageWriter()
    .packedVarints(1, tensor.shape)
    .varint(2, ELEMENT_TYPES[tensor.type])
    .string(8, tensor.name)
    .bytes(9, new Uint8Array(buffer, byteOffset, byteLength));
}

function valueMessage(value: ValueInfo): MessageWriter {
  const shape = new MessageWriter();
  for (const dimension of value.shape) {
    const item = new MessageWriter();
    shape.message(1, typeof dimension === 'number' ? item.varint(1, dimension) : item.string(2, dimension));
  }
  const tensor = new MessageWriter().varint(1, ELEMENT_TYPES[value.type]).message(2, shape);
  return new MessageWriter().string(1, value.name).message(2, new MessageWriter().message(1, tensor));
}
