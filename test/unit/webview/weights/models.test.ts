/** What the page of a weight file computes without a page: lists, trees, marks, tiles, figures. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statisticsOf } from '../../../../src/insight/tensorStatistics';
import type { AttentionMark, HeadPart } from '../../../../src/shared/weightsContract';
import { markText } from '../../../../src/present/headPartText';
import { inNaturalOrder } from '../../../../src/weights/tensorGroups';
import { isTyped, movedRow } from '../../../../webview/weights/gridKeys';
import { headAt, headRanges } from '../../../../webview/weights/marks';
import { childrenOf, pathsTo, visibleNodes } from '../../../../webview/weights/moduleTree';
import { SORTS, TensorList } from '../../../../webview/weights/tensorList';
import {
  barsOf,
  contains,
  figuresOf,
  matrixOf,
  positionText,
  readText,
  tileModel,
  wholeView,
} from '../../../../webview/weights/tensorModel';

interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

function listOf(tensors: readonly Tensor[]): TensorList {
  const names = inNaturalOrder(tensors.map(({ name }) => name));
  const ordered = names.map((name) => tensors.find((tensor) => tensor.name === name) as Tensor);
  const types = [...new Set(tensors.map(({ type }) => type))];
  const elements = ordered.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  return new TensorList({
    listed: tensors.length,
    names: new TextEncoder().encode(names.join('\n')),
    types: types.map((name) => ({ name, tensors: 0, elements: 0, bytes: 0 })),
    files: [{ name: 'a.safetensors', bytes: 1 }],
    typeOf: Uint16Array.from(ordered, ({ type }) => types.indexOf(type)),
    fileOf: new Uint16Array(tensors.length),
    ranks: Uint8Array.from(ordered, ({ shape }) => shape.length),
    shapes: Float64Array.from(ordered.flatMap(({ shape }) => [...shape])),
    bytes: Float64Array.from(elements, (count) => 2 * count),
    stored: Uint32Array.from(ordered, (tensor) => tensors.indexOf(tensor)),
  });
}

const LAYERS = [2, 10, 1].flatMap((layer): Tensor[] => [
  { name: `model.layers.${layer}.self_attn.q_proj.weight`, type: 'BF16', shape: [8, 4] },
  { name: `model.layers.${layer}.mlp.up_proj.weight`, type: 'F8_E4M3', shape: [16, 4] },
]);
const TENSORS: readonly Tensor[] = [
  { name: 'lm_head.weight', type: 'BF16', shape: [32, 4] },
  ...LAYERS,
  { name: 'model.norm.weight', type: 'F32', shape: [4] },
  { name: 'scalar', type: 'F32', shape: [] },
];

const part = (over: Partial<HeadPart>): HeadPart => ({
  letter: 'Q',
  heads: 4,
  dim: 2,
  queryHeads: 4,
  groups: 2,
  along: 'rows',
  ...over,
});
const mark = (...parts: HeadPart[]): AttentionMark => ({ tensor: 0, layer: 0, parts });

describe('a long list of tensors', () => {
  const long = (count: number, values: number): Tensor[] =>
    Array.from({ length: count }, (_, i) => ({
      name: `layers.${i % 97}.experts.${i}.${['gate', 'up', 'down'][i % 3]}`,
      type: ['BF16', 'F8_E4M3', 'F32'][(i * i) % 3] ?? '',
      shape: [1 + ((i * 7919) % values)],
    }));

  it.each([
    [500, 7],
    [6000, 6000],
  ])('of %i tensors with %i sizes is sorted as by comparing, equal ones in natural order', (count, values) => {
    const tensors = long(count, values);
    const list = listOf(tensors);
    const some = list.found('gate', false);
    for (const [sort, keyOf] of [
      ['bytes', (tensor: number): number | string => list.bytesOf(tensor)],
      ['type', (tensor: number): number | string => list.typeOf(tensor)],
    ] as const)
      for (const descending of [false, true]) {
        const expected = [...some].sort((a, b) => {
          const [x, y] = [keyOf(a), keyOf(b)];
          return (descending ? -1 : 1) * (x < y ? -1 : x > y ? 1 : 0) || a - b;
        });
        expect([...list.sorted(some, sort, descending)]).toEqual(expected);
      }
  });

  it('finds while one types what it finds at once, also after marks come and with Greek at the end of a word', () => {
    const typed = listOf([...long(300, 9), { name: 'ΑΣΑ', type: 'F32', shape: [1] }]);
    const fresh = (query: string, attention: boolean): number[] => {
      const list = listOf([...long(300, 9), { name: 'ΑΣΑ', type: 'F32', shape: [1] }]);
      if (typed.marked > 0) list.setMarks([{ ...mark(part({})), tensor: 5 }]);
      return [...list.found(query, attention)];
    };
    const queries = [
      '',
      'e',
      'ex',
      'exp',
      'exp 1',
      'exp 12',
      'exp 1',
      'gate',
      'ga f8',
      '',
      'α',
      'ας',
      'ασ',
      'ΑΣΑ',
      'groups',
    ];
    for (const query of queries) expect([...typed.found(query, false)], query).toEqual(fresh(query, false));
    typed.setMarks([{ ...mark(part({})), tensor: 5 }]);
    for (const query of queries)
      for (const attention of [true, false])
        expect([...typed.found(query, attention)], query).toEqual(fresh(query, attention));
  });

  it('is prepared for a search in pieces, between two looks at the clock', () => {
    const list = listOf(long(5000, 3));
    let looks = 0;
    const inPieces = (): boolean => list.prepareSearch(() => ++looks > 0);
    expect([inPieces(), inPieces(), inPieces(), inPieces()]).toEqual([false, false, true, true]);
    expect(looks).toBe(3);
    expect(list.found('gate', false)).toHaveLength(1667);
  });
});

describe('a list of tensors', () => {
  const list = listOf(TENSORS);

  it('counts layers as people do', () => {
    expect(list.names).toEqual([
      'lm_head.weight',
      'model.layers.1.mlp.up_proj.weight',
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.2.mlp.up_proj.weight',
      'model.layers.2.self_attn.q_proj.weight',
      'model.layers.10.mlp.up_proj.weight',
      'model.layers.10.self_attn.q_proj.weight',
      'model.norm.weight',
      'scalar',
    ]);
    expect(list.shapeOf(list.count - 1)).toEqual([]);
    expect(list.elements[list.count - 1]).toBe(1);
  });

  it('finds every word, in names, types and marks', () => {
    const found = (query: string, attention = false): string[] =>
      Array.from(list.found(query, attention), (tensor) => list.nameOf(tensor));
    expect(found('')).toHaveLength(TENSORS.length);
    expect(found('LAYERS.1. up')).toEqual(['model.layers.1.mlp.up_proj.weight']);
    expect(found('f8 10')).toEqual(['model.layers.10.mlp.up_proj.weight']);
    expect(found('nothing at all')).toEqual([]);
    list.setMarks([{ ...mark(part({})), tensor: 2 }]);
    expect(found('', true)).toEqual(['model.layers.1.self_attn.q_proj.weight']);
    expect(found('groups of 2')).toEqual(['model.layers.1.self_attn.q_proj.weight']);
    list.setMarks([]);
    expect(found('', true)).toEqual([]);
  });

  it('is sorted by any column, and loses none', () => {
    const all = list.found('', false);
    for (const sort of SORTS)
      for (const descending of [false, true])
        expect(
          [...list.sorted(all, sort, descending)].sort((a, b) => a - b),
          sort,
        ).toEqual([...all]);
    const largest = list.sorted(all, 'bytes', true);
    expect(list.nameOf(largest[0] ?? 0)).toBe('lm_head.weight');
    expect(Array.from(list.sorted(all, 'stored', false), (tensor) => list.nameOf(tensor))).toEqual(
      TENSORS.map(({ name }) => name),
    );
    expect(Array.from(list.sorted(all, 'type', false), (tensor) => list.typeOf(tensor))).toEqual(
      TENSORS.map(({ type }) => type).sort(),
    );
  });

  it('sums what stands between two of its places', () => {
    expect(list.sizesOf(1, 3)).toEqual({ elements: 96, bytes: 192 });
    expect(list.sizesOf(0, list.count).elements).toBe(128 + 3 * 96 + 4 + 1);
  });
});

describe('a tree of modules', () => {
  const names = listOf(TENSORS).names;

  it('opens module by module; one that holds a single other stands with it on a line', () => {
    const labels = (expanded: readonly string[]): string[] =>
      visibleNodes(names, new Set(expanded)).map(({ label, level }) => `${level} ${label}`);
    expect(labels([])).toEqual(['1 lm_head.weight', '1 model', '1 scalar']);
    expect(labels(['model.'])).toEqual(['1 lm_head.weight', '1 model', '2 layers', '2 norm.weight', '1 scalar']);
    expect(labels(['model.', 'model.layers.', 'model.layers.2.'])).toEqual([
      '1 lm_head.weight',
      '1 model',
      '2 layers',
      '3 1',
      '3 2',
      '4 mlp.up_proj.weight',
      '4 self_attn.q_proj.weight',
      '3 10',
      '2 norm.weight',
      '1 scalar',
    ]);
  });

  it('holds every tensor once, below the paths that lead to it, whatever names are called', () => {
    const segment = fc.stringMatching(/^[a-c0-9]{0,3}$/);
    const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 40 }), (given) => {
        const ordered = inNaturalOrder(given);
        const expanded = new Set(ordered.flatMap((_, at) => pathsTo(ordered, at)));
        const leaves = visibleNodes(ordered, expanded).filter(({ leaf }) => leaf);
        expect(leaves.map(({ path }) => path)).toEqual(ordered);
      }),
    );
  });

  it('says how many stand beside each other', () => {
    const top = childrenOf(names, { path: '', from: 0, to: names.length, level: 0 });
    expect(top.map(({ place, beside }) => [place, beside])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });
});

describe('the marks of attention tensors', () => {
  it('say heads and groups', () => {
    const llama = { queryHeads: 32, groups: 8, dim: 128 };
    expect(markText([part({ ...llama, heads: 32 })])).toBe('Q · 32 heads of 128 in 8 groups of 4');
    expect(markText([part({ ...llama, letter: 'K', heads: 8 })])).toBe('K · 8 heads of 128, each for 4 query heads');
    expect(markText([part({ ...llama, letter: 'V', heads: 1, groups: 1 })])).toBe(
      'V · one head of 128, each for 32 query heads',
    );
    expect(markText([part({ letter: 'K', heads: 4, groups: 4 })])).toBe('K · 4 heads of 2');
    expect(markText([part({ letter: 'latent', heads: 0, dim: 576 })])).toBe('latent of 576, for all 4 heads');
  });

  it('know whose a row is, in a fused tensor too, and no head of what is no head’s', () => {
    // Two groups of [2 query heads, K, V], each a head of 2 rows.
    const stride = 8;
    const block = (start: number, count: number): NonNullable<HeadPart['blocks']> => [
      { start, count, times: 2, stride },
    ];
    const fused = mark(
      part({ blocks: block(0, 4) }),
      part({ letter: 'K', heads: 2, blocks: block(4, 2) }),
      part({ letter: 'V', heads: 2, blocks: block(6, 2) }),
    );
    const text = (row: number): string => {
      const place = headAt(fused, 'rows', row);
      return place === null ? '–' : `${place.letter}${place.head}.${place.dim} g${place.group}`;
    };
    expect(Array.from({ length: 17 }, (_, row) => text(row))).toEqual([
      'Q0.0 g0',
      'Q0.1 g0',
      'Q1.0 g0',
      'Q1.1 g0',
      'K0.0 g0',
      'K0.1 g0',
      'V0.0 g0',
      'V0.1 g0',
      'Q2.0 g1',
      'Q2.1 g1',
      'Q3.0 g1',
      'Q3.1 g1',
      'K1.0 g1',
      'K1.1 g1',
      'V1.0 g1',
      'V1.1 g1',
      '–',
    ]); // prettier-ignore
    expect(headAt(fused, 'columns', 0)).toBeNull();
    expect(headRanges(fused).find(({ name }) => name === 'Q head 2 · group 1')?.range).toEqual([8, 10]);
    expect(headRanges(fused)).toHaveLength(8);
  });
});

describe('keys in the table', () => {
  const at = (row: number) => ({ row, rows: 100, page: 10 });
  it('move by rows and pages, and stay inside', () => {
    expect(
      ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'x'].map((key) => movedRow(key, at(50))),
    ).toEqual([51, 49, 59, 41, 0, 99, null]);
    expect([movedRow('ArrowUp', at(0)), movedRow('PageDown', at(95))]).toEqual([0, 99]);
    expect(movedRow('End', { row: 0, rows: 0, page: 10 })).toBeNull();
  });

  it('that write begin a search, unless they are commands', () => {
    const plain = { ctrlKey: false, metaKey: false, altKey: false };
    expect(isTyped({ key: 'q', ...plain })).toBe(true);
    expect(isTyped({ key: 'q', ...plain, ctrlKey: true })).toBe(false);
    expect(isTyped({ key: 'Enter', ...plain })).toBe(false);
    expect(isTyped({ key: '*', ...plain })).toBe(false);
  });
});

describe('a tensor', () => {
  const view = wholeView(matrixOf([3, 4, 8]));
  const tile = { data: Float32Array.of(1, -Infinity, NaN, -2), rows: 2, columns: 2, rowsRead: 12, columnsRead: 8 };

  it('is a matrix of its last dimension', () => {
    expect([matrixOf([3, 4, 8]), matrixOf([5]), matrixOf([])]).toEqual([
      [12, 8],
      [1, 5],
      [1, 1],
    ]);
  });

  it('keeps the colours of its finite values beside an infinite one', () => {
    const model = tileModel({ tile, view }, null, 'linear');
    expect(model.scale.most).toBe(2);
    expect(model.rows).toEqual({ start: 0, end: 12, count: 2 });
    expect(model.rowLabel(11)).toBe('11');
    expect(tileModel({ tile, view }, mark(part({ dim: 3 })), 'linear').rowLabel(4)).toBe('Q1:1');
  });

  it('says of what its picture is made', () => {
    expect(readText({ tile, view })).toMatch(/every value was read.*Hatched cells contain NaN/);
    const whole = { ...tile, data: Float32Array.of(1, 2, 3, 4) };
    expect(readText({ tile: { ...whole, rowsRead: 2 }, view })).toBe(
      'Reduced from 2 of 12 rows: zoom in to see every value.',
    );
    expect(readText({ tile: { ...whole, rows: 12, columns: 8 }, view })).toBe('Every value is shown.');
    expect(positionText('row', [2, 4], mark(part({ dim: 2 })))).toBe('rows 2–3 (Q head 1, dims 0–1, group 0)');
    expect(positionText('column', [5, 6], mark(part({})))).toBe('column 5');
  });

  it('is looked at in parts', () => {
    expect(contains(view, { rows: [0, 4], columns: [2, 8] })).toBe(true);
    expect(contains({ rows: [0, 4], columns: [0, 8] }, view)).toBe(false);
  });

  it('has figures, and marks those that should not be', () => {
    const figures = figuresOf(statisticsOf(Float32Array.of(0, 0, -1, 3, NaN, Infinity)));
    expect(figures.map(({ name, text }) => `${name} ${text}`)).toEqual([
      'minimum −1',
      'maximum 3',
      'mean 0.5',
      'deviation 1.5',
      'zeros 2 (33 %)',
      'NaN 1',
      'infinite 1',
    ]);
    expect(figures.filter(({ wrong }) => wrong).map(({ name }) => name)).toEqual(['NaN', 'infinite']);
    expect(figuresOf(statisticsOf(Float32Array.of(NaN)))[0]?.text).toBe('–');
  });

  it('has bars that hold every finite value', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 300 }),
        (values) => {
          const bars = barsOf(statisticsOf(Float32Array.from(values)));
          expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
          expect(bars.length).toBeLessThanOrEqual(64);
          expect(Math.max(...bars.map(({ height }) => height))).toBe(1);
        },
      ),
    );
    expect(barsOf(statisticsOf(Float32Array.of(NaN)))).toEqual([]);
  });
});
