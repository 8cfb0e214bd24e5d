/** The operations of the reference, written as their formulas. */

import type { NormSpec } from '../../src/attention/spec/normSpec';
import type { RotarySpec } from '../../src/attention/spec/rotarySpec';
import type { RotaryTables } from '../../src/attention/step/rotaryTables';
import type { WeightLayout, WeightMap } from '../../src/attention/spec/weightNames';

/** Weights by name, with a clear error for one that is missing. */
export class Weights {
  constructor(
    private readonly map: WeightMap,
    readonly layout: WeightLayout,
    private readonly prefix = '',
  ) {}

  get(name: string): Float32Array {
    const weight = this.map.get(this.prefix + name);
    if (!weight) throw new Error(`Weight ${this.prefix}${name} is missing.`);
    return weight;
  }

  has(name: string): boolean {
    return this.map.has(this.prefix + name);
  }

  under(prefix: string): Weights {
    return new Weights(this.map, this.layout, this.prefix + prefix);
  }

  /** y = W x + b */
  linear(name: string, x: Float64Array, outSize: number, bias: boolean): Float64Array {
    const weight = this.get(`${name}.weight`);
    const offset = bias ? this.get(`${name}.bias`) : null;
    return Float64Array.from({ length: outSize }, (_, o) => {
      let sum = offset?.[o] ?? 0;
      for (let i = 0; i < x.length; i++) {
        sum += (x[i] ?? 0) * (weight[this.layout === 'out-in' ? o * x.length + i : i * outSize + o] ?? 0);
      }
      return sum;
    });
  }

  /** The norm `name` of a vector; `first` is where its weight begins in a weight that several vectors share. */
  normalize(name: string, norm: NormSpec, x: Float64Array, first = 0): Float64Array {
    const weight = norm.weight === 'none' ? null : this.get(`${name}.weight`);
    const bias = norm.bias ? this.get(`${name}.bias`) : null;
    const mean = norm.kind === 'layer' ? sum(x) / x.length : 0;
    const variance = x.reduce((total, value) => total + (value - mean) ** 2, 0) / x.length;
    const deviation = Math.sqrt(variance + norm.epsilon);
    return x.map((value, i) => {
      const factor = weight ? (weight[first + i] ?? 0) + (norm.weight === 'plus-one' ? 1 : 0) : 1;
      return ((value - mean) / deviation) * factor + (bias?.[first + i] ?? 0);
    });
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

export function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? 0), 0);
}

/** a + factor · b */
export function plus(a: Float64Array, b: Float64Array, factor = 1): Float64Array {
  return a.map((value, i) => value + factor * (b[i] ?? 0));
}

/**
 * Softmax of the seen scores; the others weigh 0. A `sink` logit takes part and is dropped (gpt-oss).
 */
export function maskedSoftmax(scores: Float64Array, seen: readonly boolean[], sink: number | null): Float64Array {
  const top = scores.reduce((best, score, i) => (seen[i] ? Math.max(best, score) : best), sink ?? -Infinity);
  const powers = scores.map((score, i) => (seen[i] ? Math.exp(score - top) : 0));
  const total = sum(powers) + (sink === null ? 0 : Math.exp(sink - top));
  return powers.map((power) => power / total);
}

/** Rotates the first `rotary.dim` elements of a vector by row `row` of the tables. */
export function rotate(x: Float64Array, rotary: RotarySpec, tables: RotaryTables, row: number): Float64Array {
  const { pairs } = tables;
  const result = Float64Array.from(x);
  for (let j = 0; j < pairs; j++) {
    const cos = tables.cos[row * pairs + j] ?? 0;
    const sin = tables.sin[row * pairs + j] ?? 0;
    const [inA, inB] = rotary.layout === 'half' ? [j, j + pairs] : [2 * j, 2 * j + 1];
    const [outA, outB] = rotary.layout === 'interleaved' ? [2 * j, 2 * j + 1] : [j, j + pairs];
    const [a, b] = [x[inA] ?? 0, x[inB] ?? 0];
    result[outA] = a * cos - b * sin;
    result[outB] = b * cos + a * sin;
  }
  return result;
}
