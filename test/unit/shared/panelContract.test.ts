import { describe, expect, it } from 'vitest';
import { PANEL } from '../../../src/shared/panelContract';
import { checked } from '../support/checked';

const take = <K extends keyof typeof PANEL>(method: K, params: unknown): unknown =>
  checked<unknown>(PANEL[method].params, params);

describe("what the panel's page may ask", () => {
  it('takes what the page sends', () => {
    expect(take('panel/ready', null)).toBeNull();
    const apply = {
      id: 'config-1',
      version: 3,
      edits: [
        { path: ['text_config', 'num_key_value_heads'], value: 2 },
        { path: ['a'], value: ['x', null, true] },
      ],
    };
    expect(take('panel/apply', apply)).toEqual(apply);
    expect(take('panel/apply', { id: 'c', version: 0, edits: [{ path: ['a'] }] })).toEqual({
      id: 'c',
      version: 0,
      edits: [{ path: ['a'], value: undefined }],
    });
    expect(take('panel/setScenario', { tokens: 1, engine: 'vllm' })).toEqual({ tokens: 1, engine: 'vllm' });
    const started = { engine: 'vllm', release: '0.11', options: { a: 1, b: true, c: 'auto', d: [512, 4096] } };
    expect(take('panel/setScenario', started)).toEqual(started);
    const save = { name: 'a.png', content: new Uint8Array([1]) };
    expect(take('panel/save', save)).toEqual(save);
  });

  it.each([
    ['panel/ready', { path: '/etc/passwd' }],
    ['panel/reveal', { id: 'a', offset: -1, length: 0 }],
    ['panel/reveal', { id: 'a', offset: 0, length: 0, uri: 'file:///' }],
    ['panel/apply', { id: 'a', version: 1, edits: [{ path: [], value: 1 }] }],
    ['panel/apply', { id: 'a', version: 1, edits: [{ path: ['a'], value: { b: 1 } }] }],
    ['panel/apply', { id: 'a', version: 1, edits: [{ path: ['a'], value: Number.NaN }] }],
    ['panel/setScenario', { tokens: 0 }],
    ['panel/setScenario', { engine: 'abacus' }],
    ['panel/setScenario', { path: 'x' }],
    ['panel/setScenario', { release: 5 }],
    ['panel/setScenario', { options: [] }],
    ['panel/setScenario', { options: { a: { b: 1 } } }],
    ['panel/setScenario', { options: { a: Number.NaN } }],
    ['panel/setScenario', { options: { a: null } }],
    ['panel/save', { name: 'a', content: 5 }],
    [
      'heads/capture',
      { source: 'beside', path: '/etc', ids: [], layer: 0, captures: [], measures: false, logits: false },
    ],
    ['panel/candidate', {}],
    ['panel/log', { text: 5 }],
  ] as const)('refuses %s of %j', (method, params) => {
    expect(() => take(method, params)).toThrow(expect.objectContaining({ code: 'invalidInput' }) as Error);
  });
});
