/** What a wrong value becomes, and what no method of any contract takes. */

import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { COMPUTE } from '../../../src/shared/computeContract';
import { PANEL } from '../../../src/shared/panelContract';
import { RpcError } from '../../../src/shared/rpcError';
import { answerCheck, type Contract, list, record, type Schema, text, whole } from '../../../src/shared/schema';
import { checked } from '../support/checked';

function refusal(schema: Schema, params: unknown): string | null {
  try {
    checked(schema, params);
    return null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'invalidInput') return error.message;
    throw error;
  }
}

describe('a wrong value', () => {
  const shape = v.variant('kind', [
    v.strictObject({ kind: v.literal('round'), radius: whole(1, 9) }),
    v.strictObject({ kind: v.literal('square'), sides: list(text(3), 2), open: v.exactOptional(v.boolean()) }),
  ]);
  it.each<[unknown, string]>([
    [7, 'params must be an object'],
    [{}, 'params.kind must be one of round, square'],
    [{ kind: 'oval' }, 'params.kind must be one of round, square'],
    [{ kind: 'round' }, 'params.radius is missing'],
    [{ kind: 'round', radius: 10 }, 'params.radius must be a whole number from 1 to 9'],
    [{ kind: 'round', radius: 1, colour: 'red' }, 'params has an unknown key colour'],
    [{ kind: 'round', radius: 1, ['x'.repeat(5000)]: 1 }, `params has an unknown key ${'x'.repeat(60)}`],
    [{ kind: 'square', sides: 'ab' }, 'params.sides must be a list of at most 2 items'],
    [{ kind: 'square', sides: ['a', 5] }, 'params.sides[1] must be a string of at most 3 characters'],
    [{ kind: 'square', sides: ['a', 'long'] }, 'params.sides[1] must be a string of at most 3 characters'],
    [{ kind: 'square', sides: [], open: 1 }, 'params.open must be true or false'],
    [{ kind: 'square', sides: [], open: undefined }, 'params.open must be true or false'],
  ])('is named in one sentence: case %#', (value, message) => {
    expect(refusal(shape, value)).toBe(message);
  });

  it('is found by the length of a list before its items are looked at', () => {
    let looked = 0;
    const counting = v.custom<number>(() => ++looked > 0);
    expect(refusal(list(counting, 2), [1, 2, 3])).toContain('at most 2 items');
    expect(looked).toBe(0);
  });

  it('hides behind no key that objects inherit', () => {
    const names = record(text(5), 2);
    expect(checked(names, { a: 'b' })).toEqual({ a: 'b' });
    expect(refusal(names, { a: '1', b: '2', c: '3' })).toContain('at most 2 keys');
    for (const key of ['__proto__', 'constructor', 'prototype'])
      expect(refusal(names, JSON.parse(`{"${key}": "a"}`))).toContain('without the keys __proto__');
    expect(refusal(names, ['a'])).toBe('params must be an object');
  });
});

const METHODS = [PANEL, COMPUTE].flatMap((contract: Contract) => Object.entries(contract));

describe('no method takes', () => {
  const huge = 'x'.repeat(70 * 2 ** 20);
  const wrong: readonly [string, unknown][] = [
    ['a number', 7],
    ['a text', 'abc'],
    ['a list', [{}]],
    ['a typed array', new Float32Array(3)],
    ['an unknown key', { surprise: 1 }],
    ['a key that objects inherit', JSON.parse('{"__proto__": {"id": "a"}}')],
    ['another such key', { constructor: 1, toString: 2 }],
    ['a text beyond all bounds', { id: huge, text: huge, name: huge, path: huge, source: huge }],
  ];
  it.each(wrong)('%s', (_name, value) => {
    for (const [method, { params }] of METHODS) {
      const message = refusal(params, value);
      expect(message, method).toMatch(/^params/);
      expect(message?.length, method).toBeLessThan(300);
    }
  });
});

describe('an answer of the compute process', () => {
  const answered = answerCheck(COMPUTE);
  it('passes without what the contract does not know', () => {
    const status = { pid: 7, memoryBytes: 1, memoryCeiling: 2 };
    expect(answered('compute/status', { ...status, surprise: 1 })).toEqual(status);
    const tile = { type: 'float32', shape: [1, 2, 1], data: new Float32Array([Number.NaN, 1]) };
    expect(answered('heads/tile', tile)).toEqual(tile);
  });

  it.each<[string, unknown, string]>([
    ['compute/status', null, 'the answer to compute/status must be an object'],
    ['heads/model', { family: 7 }, 'the answer to heads/model.family must be a string'],
    [
      'heads/tile',
      { type: 'float32', shape: [2, 2], data: new Float32Array(3) },
      'the answer to heads/tile must be a tensor with as many elements as its shape has',
    ],
  ])('of %s is refused as our own failure', (method, value, message) => {
    expect(() => answered(method, value)).toThrow(new RpcError('internal', message));
    expect(() => answered(method, value)).toThrow(expect.objectContaining({ code: 'internal' }) as Error);
  });
});
