/** Rotation of queries and keys in a graph. */

import type { GraphBuilder, Value } from './graphBuilder';
import type { RotarySpec } from '../spec/rotarySpec';

/**
 * Rotates the first `rotary.dim` of the last axis of x [B,N,T,dim]; cos and sin are [1 or B,1,T,pairs].
 * (a, b) → (a·cos − b·sin, b·cos + a·sin) for every pair (Su et al. 2021).
 */
export function rotateGraph(
  g: GraphBuilder,
  x: Value,
  headDim: number,
  rotary: RotarySpec,
  cos: Value,
  sin: Value,
  label: string,
): Value {
  const { dim, layout } = rotary;
  const pairs = dim / 2;
  const partial = dim < headDim;
  const part = partial ? g.slice(x, 3, 0, dim, `${label}/rotary_part`) : x;
  let a: Value;
  let b: Value;
  if (layout === 'half') {
    a = g.slice(part, 3, 0, pairs, `${label}/a`);
    b = g.slice(part, 3, pairs, dim, `${label}/b`);
  } else {
    const paired = g.reshape(part, [0, 0, 0, pairs, 2], `${label}/pairs`);
    a = g.reshape(g.slice(paired, 4, 0, 1, `${label}/even`), [0, 0, 0, pairs], `${label}/a`);
    b = g.reshape(g.slice(paired, 4, 1, 2, `${label}/odd`), [0, 0, 0, pairs], `${label}/b`);
  }
  const rotatedA = g.op('Sub', [g.mul(a, cos), g.mul(b, sin)], {}, `${label}/rotated_a`);
  const rotatedB = g.add(g.mul(b, cos), g.mul(a, sin), `${label}/rotated_b`);
  const pass = partial ? [g.slice(x, 3, dim, undefined, `${label}/pass`)] : [];
  if (layout !== 'interleaved') return g.concat([rotatedA, rotatedB, ...pass], 3, label);
  const wide = [0, 0, 0, pairs, 1];
  const interleaved = g.concat([g.reshape(rotatedA, wide), g.reshape(rotatedB, wide)], 4, `${label}/interleave`);
  const rotated = g.reshape(interleaved, [0, 0, 0, dim], `${label}/rotated`);
  return partial ? g.concat([rotated, ...pass], 3, label) : rotated;
}
