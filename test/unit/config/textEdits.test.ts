import fc from 'fast-check';
import { applyEdits } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { timed } from '../support';
import { fuzzCases } from '../depth';
import { textEdits } from '../../../src/config/textEdits';
import type { KeyEdit } from '../../../src/reading/convertHeads';

const apply = (text: string, edits: readonly KeyEdit[]): string => applyEdits(text, [...textEdits(text, edits)]);

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

  it('makes several changes at once', () => {
    const edits = [
      { path: ['a'], value: 2 },
      { path: ['c'], value: undefined },
      { path: ['d'], value: ['x', 'y'] },
    ];
    const text = '{\n  "a": 1,\n  "b": true,\n  "c": 3\n}\n';
    expect(apply(text, edits)).toBe('{\n  "a": 2,\n  "b": true,\n  "d": [\n    "x",\n    "y"\n  ]\n}\n');
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

  it('changes the copy of a key that counts, and removes every copy', () => {
    const text = '{"num_key_value_heads":8,"a":1,"num_key_value_heads":4}';
    expect(apply(text, [{ path: ['num_key_value_heads'], value: 2 }])).toBe(text.replace(':4', ':2'));
    expect(apply(text, [{ path: ['num_key_value_heads'], value: undefined }])).toBe('{"a":1}');
  });

  it('writes a value where an object is missing, or is none', () => {
    expect(apply('{"a":1}', [{ path: ['b', 'c'], value: 2 }])).toBe('{"a":1,"b":{"c":2}}');
    expect(apply('{"b": null}', [{ path: ['b', 'c'], value: [1, 2] }])).toBe('{"b": {"c": [1, 2]}}');
    expect(apply('', [{ path: ['b'], value: 2 }])).toBe('{\n  "b": 2\n}\n');
    expect(apply('{}', [{ path: ['b'], value: 2 }])).toBe('{\n  "b": 2\n}');
  });

  it('leaves a file of one line a file of one line, in no time', () => {
    const text = JSON.stringify({ a: Array.from({ length: 60_000 }, (_, index) => index), b: { c: 'x, y: z' } });
    const { cpuMs } = timed(() => textEdits(text, [{ path: ['d'], value: 1 }]), 3, 1);
    expect(cpuMs).toBeLessThan(200);
    expect(apply(text, [{ path: ['d'], value: { e: 'f, "g": h' } }])).toBe(
      `${text.slice(0, -1)},"d":{"e":"f, \\"g\\": h"}}`,
    );
  });

  it('says what was asked for, whatever the file and the changes', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e "f": 1');
    const value = fc.jsonValue({ maxDepth: 2 });
    const object = fc.dictionary(key, value, { maxKeys: 5 });
    const paths = fc.oneof(fc.tuple(key), fc.tuple(key, key));
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.oneof(value, object), { maxKeys: 5 }),
        fc.array(fc.record({ path: paths, value: fc.option(value, { nil: undefined }) }), { maxLength: 4 }),
        fc.constantFrom(undefined, 2, '\t'),
        fc.boolean(),
        (config, edits, indent, crlf) => {
          // Two changes of one place, or of a place and what is in it, contradict each other.
          const heads = edits.map(({ path: [head] }) => head);
          fc.pre(new Set(heads).size === heads.length);
          const text = JSON.stringify(config, null, indent).replaceAll('\n', crlf ? '\r\n' : '\n');
          const after = apply(text, edits as readonly KeyEdit[]);
          // JSON has one zero.
          const wanted = JSON.stringify(edits.reduce<unknown>(set, JSON.parse(text)));
          expect(JSON.parse(after)).toEqual(JSON.parse(wanted));
          expect(after.includes('\n')).toBe(text.includes('\n') || (text === '{}' && after !== '{}'));
        },
      ),
      { numRuns: fuzzCases(3000) },
    );
  });
});

type Dictionary = Readonly<Record<string, unknown>>;
const isDictionary = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a change means, on plain values. */
function set(
  root: unknown,
  { path: [head = '', ...rest], value }: { path: readonly string[]; value?: unknown },
): unknown {
  const object = isDictionary(root) ? root : {};
  if (rest.length > 0) {
    if (value === undefined && !isDictionary(object[head])) return root;
    return { ...object, [head]: set(object[head], { path: rest, value }) };
  }
  const { [head]: _, ...others } = object;
  return value === undefined ? others : { ...object, [head]: value };
}
