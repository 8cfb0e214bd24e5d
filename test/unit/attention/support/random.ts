/** Seeded numbers for tests. */

import type { WeightInfo, WeightMap } from '../../../../src/attention/spec/weightNames';

/** mulberry32: uniform in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Values in ±spread that float32 holds exactly. */
export function randomFloats(next: () => number, count: number, spread = 1): Float32Array {
  return Float32Array.from({ length: count }, () => (next() * 2 - 1) * spread);
}

/** Linear maps shrink with their fan-in, norm weights lie around 1 (around 0 where it makes no matter), biases are small. */
export function randomWeights(infos: readonly WeightInfo[], next: () => number): WeightMap {
  return new Map(
    infos.map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      if (name.includes('norm'))
        return [name, randomFloats(next, size, 0.5).map((value) => (name.endsWith('.weight') ? value + 1 : value))];
      if (name.endsWith('.bias') || name === 'sinks') return [name, randomFloats(next, size, 0.5)];
      const fanIn = Math.min(...shape.slice(-2));
      return [name, randomFloats(next, size, 1.7 / Math.sqrt(fanIn))];
    }),
  );
}
