/** Half precision: numbers to 16 bits and back, and every kind of layer computed in it. */

import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { fromHalf, toHalf } from '../../../src/compute/engines/float16';
import { relativeError } from '../golden';
import { LAYERS } from '../attention/support/layers';
import { valuesOf } from '../attention/support/compare';
import { sampled } from '../depth';
import { layerCase } from './support/layerCase';

describe('float16', () => {
  it('keeps every number that it has', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    expect(toHalf(fromHalf(all))).toEqual(all);
  });

  it('rounds to the nearest, ties to even', () => {
    const ulp = 2 ** -10;
    expect([
      ...fromHalf(toHalf(Float32Array.of(1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, 2 ** -24 / 2, -(2 ** -24) * 1.5))),
    ]).toEqual([1, 1 + 2 * ulp, 1 + ulp, 0, -(2 ** -23)]);
  });

  it('keeps what is too large finite, so that a mask makes no row of NaN', () => {
    expect([...fromHalf(toHalf(Float32Array.of(-3.4e38, 65520, Number.POSITIVE_INFINITY, 70000)))]).toEqual([
      -65504, 65504, 65504, 65504,
    ]);
    expect(fromHalf(toHalf(Float32Array.of(Number.NaN)))[0]).toBeNaN();
  });
});

/** 11 bits, sums of a few dozen products. */
const TOLERANCE = 1e-2;

describe('a layer in float16', () => {
  it('is as near to the float64 reference as 11 bits are, of every kind', async () => {
    const engine = createEngine('onnxruntime-cpu', { threads: 1 });
    for (const [name, spec] of sampled(Object.entries(LAYERS), 4)) {
      const { program, inputs, constants, expected } = layerCase(spec, {
        batch: 1,
        past: 6,
        tokens: 1,
      });
      const loaded = await engine.load(program.graph, { constants, precision: 'float16' });
      const output = (await loaded.run(inputs, ['output'])).get('output');
      await loaded.dispose();
      const error = output ? relativeError(valuesOf(output).data, expected.output.data) : Number.NaN;
      expect(error, name).toBeLessThan(TOLERANCE);
      expect(error, `${name} computed in float32`).toBeGreaterThan(1e-6);
    }
  });
});
