import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { checked } from '../support/checked';
import { tensor, tensorBytes, tightData, tightTensors } from '../../../src/shared/transfer';

describe('tight data', () => {
  it('copies a view, so that its whole buffer does not travel', () => {
    const big = Float32Array.from({ length: 1000 }, (_, i) => i);
    const tight = tightData(big.subarray(10, 20));
    expect(tight.buffer.byteLength).toBe(40);
    expect([...tight]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(tightData(big)).toBe(big);
    const view = { type: 'int64', shape: [1], data: new BigInt64Array([1n, 2n]).subarray(1) } as const;
    expect(tightTensors({ view })['view']?.data.buffer.byteLength).toBe(8);
  });

  it('knows the size of tensors', () => {
    expect(tensorBytes({ type: 'float32', shape: [2, 3] })).toBe(24);
    expect(tensorBytes({ type: 'int64', shape: [] })).toBe(8);
    expect(tensorBytes({ type: 'bool', shape: [0, 5] })).toBe(0);
  });
});

describe('the schema of a tensor', () => {
  const schema = tensor(100);
  const refused: readonly [string, unknown][] = [
    ['no object', null],
    ['another type', { type: 'float64', shape: [1], data: new Float64Array(1) }],
    ['data of another type', { type: 'float32', shape: [1], data: new Int32Array(1) }],
    ['numbers instead of a typed array', { type: 'float32', shape: [1], data: [1] }],
    ['too few data', { type: 'float32', shape: [2], data: new Float32Array(1) }],
    ['a negative size', { type: 'float32', shape: [-1], data: new Float32Array(1) }],
    ['a fraction', { type: 'float32', shape: [0.5], data: new Float32Array(1) }],
    ['too many elements', { type: 'float32', shape: [11, 10], data: new Float32Array(110) }],
    ['too many dimensions', { type: 'float32', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], data: new Float32Array(1) }],
  ];
  it.each(refused)('refuses %s', (_name, value) => {
    expect(() => checked(schema, value)).toThrow(/^params/);
  });

  it('passes what is right', () => {
    const right: Tensor = { type: 'float32', shape: [2, 2], data: new Float32Array(4) };
    expect(checked(schema, right)).toEqual(right);
  });
});
