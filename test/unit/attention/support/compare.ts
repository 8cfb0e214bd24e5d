/** Comparison of tensors: the largest difference relative to the largest value. */

import { expect } from 'vitest';
import type { Tensor } from '../../../../src/attention/onnx/graph';
import { relativeError } from '../../golden';

interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export function valuesOf(tensor: Tensor): Values {
  if (!(tensor.data instanceof Float32Array)) throw new Error('Not a float tensor.');
  return { shape: tensor.shape, data: tensor.data };
}

/** Same shape, and within `tolerance` of the largest value. */
export function expectClose(
  label: string,
  actual: Tensor | Values | undefined,
  expected: Values | undefined,
  tolerance: number,
): void {
  if (!actual || !expected) throw new Error(`${label}: nothing to compare.`);
  expect({ label, shape: [...actual.shape] }).toEqual({ label, shape: [...expected.shape] });
  const error = relativeError(actual.data as ArrayLike<number>, expected.data);
  expect(error, `${label}: relative error`).toBeLessThanOrEqual(tolerance);
}
