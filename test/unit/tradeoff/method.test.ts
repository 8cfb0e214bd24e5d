import { describe, expect, it } from 'vitest';
import { cachedNumbers } from '../../../src/insight/tradeoff/modelLayer';
import { heldTokens, lostAt } from '../../../src/insight/tradeoff/keep';
import { methodKind, methodLabel, parseMethod } from '../../../src/insight/tradeoff/method';
import { offeredMethods } from '../../../src/insight/tradeoff/offered';
import { groupedByLikeness, likeness } from '../../../src/insight/tradeoff/similarity';
import { type Matrix, multiply } from '../../../src/insight/matrix';
import { heads, layer, rope } from '../attention/support/layers';
import { randomFloats, seeded } from '../attention/support/random';

describe('methods as one writes them', () => {
  it.each([
    'exact',
    'q8_0',
    'k=q8_0/v=q4_0',
    'gqa:4@mean-pool',
    'mqa@aligned-pool',
    'gqa:2@similar-pool/fp8',
    'mla:32+8@whitened-svd/window:64+4',
    'mla:64@split-svd',
    'share:2/kivi2',
    'h2o:64',
    'snapkv:40',
  ])('%s is read and written the same', (text) => {
    expect(methodLabel(parseMethod(text))).toBe(text);
  });

  it('has defaults: the first method of a target, four sinks', () => {
    expect(methodLabel(parseMethod('gqa:4/window:32'))).toBe('gqa:4@mean-pool/window:32+4');
    expect(methodLabel(parseMethod(' mla:8 '))).toBe('mla:8@joint-svd');
  });

  it.each(['q9', 'gqa:0', 'gqa:4@joint-svd', 'mla:8@mean-pool', 'window:0', 'h2o:1', 'share:1', 'k=q9', '', 'mha'])(
    '%s is refused',
    (text) => {
      expect(() => parseMethod(text)).toThrow(/is no|cannot make/);
    },
  );

  it('is of a kind with those of other sizes', () => {
    const kinds = [
      'mla:8',
      'mla:16',
      'mla:8+4',
      'q8_0',
      'k=q8_0',
      'mla:8/q8_0',
      'window:8',
      'h2o:8',
      'share:2',
      'exact',
    ].map((text) => methodKind(parseMethod(text)));
    expect(kinds).toEqual([
      'low rank, joint-svd',
      'low rank, joint-svd',
      'MLA, joint-svd',
      'cache types',
      'cache types',
      'low rank, joint-svd + cache types',
      'window',
      'H2O',
      'shared layers',
      'unchanged',
    ]);
  });
});

describe('tokens that are kept', () => {
  const uniform = (_group: number, query: number, lost: Int32Array, row: Float64Array): void => {
    for (let key = 0; key <= query; key++) row[key] = (lost[key] ?? 0) > query ? 1 : 0;
  };
  const seen = (lost: Int32Array, query: number): number[] =>
    [...lost.keys()].filter((key) => key <= query && (lost[key] ?? 0) > query);

  it('are the newest and the first in a window with sinks', () => {
    const lost = lostAt({ kind: 'window', recent: 3, sinks: 2 }, 1, 10, 5, uniform);
    expect([seen(lost, 1), seen(lost, 4), seen(lost, 9)]).toEqual([
      [0, 1],
      [0, 1, 2, 3, 4],
      [0, 1, 7, 8, 9],
    ]);
  });

  it('are at most so many with H2O: the newest half, and those that were attended to most', () => {
    // Key 2 is what everyone looks at.
    const lost = lostAt({ kind: 'h2o', tokens: 4 }, 1, 12, 6, (_, query, gone, row) => {
      uniform(0, query, gone, row);
      if (query >= 2 && (gone[2] ?? 0) > query) row[2] = 10;
    });
    for (let query = 0; query < 12; query++) expect(seen(lost, query).length).toBeLessThanOrEqual(5);
    // The new token is taken in before one is given up.
    expect(seen(lost, 11)).toEqual(expect.arrayContaining([2, 10, 11]));
  });

  it('are chosen once at the end of the prompt with SnapKV', () => {
    const lost = lostAt({ kind: 'snapkv', tokens: 8 }, 1, 60, 40, (_, query, gone, row) => {
      uniform(0, query, gone, row);
      row.fill(0, 0, 30);
      row[11] = 1;
    });
    expect(seen(lost, 39)).toHaveLength(40);
    expect(seen(lost, 40)).toHaveLength(9);
    expect(seen(lost, 40)).toEqual(expect.arrayContaining([11, 36, 37, 38, 39, 40]));
    expect(seen(lost, 59)).toHaveLength(28);
    expect(heldTokens({ kind: 'snapkv', tokens: 8 }, 80)).toBe(48);
  });

  it('differ from group to group', () => {
    const lost = lostAt({ kind: 'h2o', tokens: 2 }, 2, 6, 3, (group, query, gone, row) => {
      uniform(0, query, gone, row);
      row[0] = group === 1 ? 5 : 0;
    });
    expect(seen(lost.subarray(0, 6), 5)).not.toContain(0);
    expect(seen(lost.subarray(6), 5)).toContain(0);
  });
});

describe('heads that are alike', () => {
  it('are put together, wherever they stand', () => {
    const next = seeded(3);
    const matrix = (rows: number, columns: number): Matrix => ({
      rows,
      columns,
      data: Float64Array.from(randomFloats(next, rows * columns)),
    });
    const [a, b] = [matrix(40, 8), matrix(40, 8)];
    // Turned within the plane of a pair: the same head to attention.
    const turn: Matrix = { rows: 8, columns: 8, data: new Float64Array(64) };
    for (let i = 0; i < 4; i++) {
      const [c, s] = [Math.cos(i + 1), Math.sin(i + 1)];
      turn.data.set([c], i * 8 + i);
      turn.data.set([s], i * 8 + i + 4);
      turn.data.set([-s], (i + 4) * 8 + i);
      turn.data.set([c], (i + 4) * 8 + i + 4);
    }
    const all = [a, b, multiply(b, turn), multiply(a, turn)];
    const alike = likeness(all, all, { layout: 'half', dim: 8 });
    expect(groupedByLikeness(alike, 2)).toEqual([
      [0, 3],
      [1, 2],
    ]);
    expect(groupedByLikeness(alike, 4)).toEqual([[0], [1], [2], [3]]);
    expect(groupedByLikeness(alike, 1)).toEqual([[0, 1, 2, 3]]);
  });
});

describe('methods that are offered', () => {
  const of = (kvHeads: number) => {
    const spec = layer(heads(8, kvHeads, 16), { rotary: rope(16) });
    return { spec, sees: spec.attention, weights: new Map(), lowRank: null, narrow: null, queryOrder: null };
  };

  it('are at least 25 for a model with heads, each readable, none twice', () => {
    const methods = offeredMethods([of(8), of(8)], 400);
    expect(methods.length).toBeGreaterThanOrEqual(25);
    expect(new Set(methods.map((method) => methodLabel(parseMethod(method)))).size).toBe(methods.length);
  });

  it('pool nothing where there is one KV head', () => {
    expect(offeredMethods([of(1)], 400).filter((method) => /^(gqa|mqa|share)/.test(method))).toEqual([]);
    expect(cachedNumbers(of(1))).toBe(32);
  });
});
