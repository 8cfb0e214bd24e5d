import { applyEdits } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { textEdits } from '../../../src/editor/panel/edits';
import type { ConfigEdit } from '../../../src/shared/panelContract';

const apply = (text: string, edits: readonly ConfigEdit[]): string => applyEdits(text, [...textEdits(text, edits)]);

describe('edits of a config', () => {
  it('changes one value and nothing else: comments, order, spacing stay', () => {
    const text = '{\n\t// heads\n\t"a": 1,   "num_key_value_heads" : 8,\r\n\t"b": [1,\n2],\n}\n';
    expect(apply(text, [{ path: ['num_key_value_heads'], value: 2 }])).toBe(text.replace(': 8', ': 2'));
    expect(textEdits(text, [{ path: ['num_key_value_heads'], value: 2 }])).toHaveLength(1);
  });

  it('adds keys with the indentation and the line ends of the file', () => {
    expect(apply('{\n    "a": 1\n}', [{ path: ['b'], value: 2 }])).toBe('{\n    "a": 1,\n    "b": 2\n}');
    expect(apply('{\r\n\t"a": 1\r\n}', [{ path: ['b'], value: 2 }])).toBe('{\r\n\t"a": 1,\r\n\t"b": 2\r\n}');
    expect(apply('{\n  "text_config": {\n    "a": 1\n  }\n}', [{ path: ['text_config', 'b'], value: 2 }])).toBe(
      '{\n  "text_config": {\n    "a": 1,\n    "b": 2\n  }\n}',
    );
  });

  it('makes several changes as one edit', () => {
    const edits = [
      { path: ['a'], value: 2 },
      { path: ['c'], value: undefined },
      { path: ['d'], value: ['x', 'y'] },
    ];
    const text = '{\n  "a": 1,\n  "b": true,\n  "c": 3\n}\n';
    expect(textEdits(text, edits)).toHaveLength(1);
    expect(JSON.parse(apply(text, edits))).toEqual({ a: 2, b: true, d: ['x', 'y'] });
  });

  it('changes nothing where the values stand already', () => {
    const text = '{ "a": 1, "b": 2 }';
    expect(
      apply(text, [
        { path: ['a'], value: 1 },
        { path: ['b'], value: 2 },
      ]),
    ).toBe(text);
  });
});
