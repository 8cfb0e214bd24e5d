/** What the compute process takes, and what it refuses. */

import { describe, expect, it } from 'vitest';
import { COMPUTE, type RunLayerParams } from '../../../src/shared/computeContract';
import { LAYERS } from '../attention/support/layers';
import { checked } from '../support/checked';

const validate = (params: unknown): RunLayerParams => checked(COMPUTE['compute/runLayer'].params, params);
const [, firstLayer] = Object.entries(LAYERS)[0] ?? [];
if (!firstLayer) throw new Error('no layers');
const good: RunLayerParams = {
  layer: firstLayer,
  engine: 'onnxruntime-cpu',
  seed: 1,
  batch: 1,
  tokens: 4,
  steps: 0,
  captures: ['weights'],
  form: null,
};

describe('runLayer', () => {
  it.each(Object.entries(LAYERS))('takes the layer "%s" as it is', (_name, layer) => {
    expect(validate(structuredClone({ ...good, layer })).layer).toEqual(layer);
  });

  const change = (path: string, value: unknown): unknown => {
    const copy: unknown = structuredClone(good);
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    const target = keys.reduce((object, key) => (object as Record<string, unknown>)[key], copy);
    (target as Record<string, unknown>)[last] = value;
    return copy;
  };
  it.each([
    ['tokens', 0],
    ['tokens', 1.5],
    ['tokens', Number.NaN],
    ['tokens', '4'],
    ['tokens', 1e9],
    ['batch', -1],
    ['engine', 'cuda'],
    ['engine', '__proto__'],
    ['captures', ['everything']],
    ['captures', 'weights'],
    ['layer', null],
    ['layer', []],
    ['layer.scale', Number.POSITIVE_INFINITY],
    ['layer.hiddenSize', -3],
    ['layer.attention.kind', 'recurrent'],
    ['layer.attention.queryHeads', 2 ** 30],
    ['layer.surprise', 1],
    ['layer.rotary.layout', 'spiral'],
  ])('refuses %s = %j, naming it', (path, value) => {
    const name = path.split('.').at(-1) ?? '';
    expect(() => validate(change(path, value))).toThrow(
      expect.objectContaining({ code: 'invalidInput', message: expect.stringContaining(name) as string }),
    );
  });

  it('takes every key that a layer can have', () => {
    const longrope = {
      kind: 'longrope',
      shortFactor: [1],
      longFactor: [2],
      originalContext: 4096,
      factor: null,
    } as const;
    const scaling = { ...longrope, attentionFactor: null };
    const rotary = { theta: 1e4, dim: 4, layout: 'half', scaling } as const;
    const layer = { ...firstLayer, clipAfterNorm: true, rotary };
    expect(validate({ ...good, layer }).layer).toEqual(layer);
  });

  it('refuses nothing and arrays', () => {
    for (const value of [undefined, null, 1, 'x', [], new Float32Array(2)])
      expect(() => validate(value)).toThrow(/params/);
  });
});
