/** A computation graph in ONNX terms: what programs are built as, saved as, and executed from. */

/** Element types that graphs use. */
export type TensorType = 'float32' | 'float16' | 'int64' | 'int32' | 'bool';

/** `float16` as its 16 bits. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

/** A dimension is a number, or a name for one that is known at run time. */
export type Dimension = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly Dimension[];
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface GraphNode {
  readonly op: string;
  /** Empty for the standard domain; `com.microsoft` for onnxruntime's own operators. */
  readonly domain: '' | 'com.microsoft';
  readonly name: string;
  /** Names of values; an empty string is an input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Plain numbers are int attributes; `{ float }` is a float attribute. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A constant inside the graph. */
export interface Initializer {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly Initializer[];
  readonly nodes: readonly GraphNode[];
  /** ONNX operator set of the standard domain. */
  readonly opset: number;
}

/** A tensor at run time: row-major, tight. */
export interface Tensor {
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
