// Next-token distributions, sampling, scores of heads, likeness of heads and effective rank: closed forms, and naive computations of the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DistributionReader, distributionOf } from '../../../src/insight/lens/distribution';
import { effectiveRank, linearCka, pairMeans, PatternDistances } from '../../../src/insight/lens/diversity';
import { copySuppression, HeadScorer, namesOf } from '../../../src/insight/lens/headScores';
import { chooseToken, GREEDY, uniformAt } from '../../../src/insight/lens/sampling';
import { matrix, type Matrix } from '../../../src/insight/matrix';

const logitLists = fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('a distribution', () => {
  it('is that of a naive softmax, whatever pieces it comes in', () => {
    fc.assert(
      fc.property(
        logitLists,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 5 }),
        (logits, piece, count) => {
          const asked = [0, logits.length - 1].map((id) => ({ id, logit: logits[id] ?? 0 }));
          const reader = new DistributionReader(count, asked);
          for (let first = 0; first < logits.length; first += piece)
            reader.add(first, logits.slice(first, first + piece));
          const found = reader.result();
          const most = Math.max(...logits);
          const parts = logits.map((logit) => Math.exp(logit - most));
          const sum = parts.reduce((a, b) => a + b, 0);
          const chances = parts.map((part) => part / sum);
          const order = logits.map((_, id) => id).sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0));
          expect(found.top.map(({ id }) => id)).toEqual(order.slice(0, count));
          for (const { id, probability } of found.top) expect(probability).toBeCloseTo(chances[id] ?? -1, 12);
          const entropy = -chances.reduce((all, p) => all + (p > 0 ? p * Math.log(p) : 0), 0);
          expect(found.entropy).toBeCloseTo(entropy, 9);
          for (const { id, rank } of found.asked)
            expect(rank).toBe(1 + logits.filter((logit) => logit > (logits[id] ?? 0)).length);
        },
      ),
    );
  });
});

describe('a chosen token', () => {
  const logits = [1, 3, 2, 3, -4].map((value) => value * 0.7);

  it('is the first of the likeliest without a temperature', () => {
    expect(chooseToken(logits, GREEDY, 5)).toEqual({ id: 1, probability: 1, among: 1 });
  });

  it('comes as often as its probability says, and the same again for the same seed and place', () => {
    const sampling = { temperature: 1.5, topK: null, topP: null, seed: 7 };
    const counts = logits.map(() => 0);
    const draws = 20_000;
    for (let place = 0; place < draws; place++) {
      const { id } = chooseToken(logits, sampling, place);
      counts[id] = (counts[id] ?? 0) + 1;
      if (place < 50) expect(chooseToken(logits, sampling, place).id).toBe(id);
    }
    const { top } = distributionOf(
      logits.map((logit) => logit / 1.5),
      5,
    );
    // Five standard deviations.
    for (const { id, probability } of top)
      expect(Math.abs((counts[id] ?? 0) / draws - probability)).toBeLessThan(5 * Math.sqrt(0.25 / draws));
    const other = Array.from({ length: 50 }, (_, place) => chooseToken(logits, { ...sampling, seed: 8 }, place).id);
    expect(other).not.toEqual(Array.from({ length: 50 }, (_, place) => chooseToken(logits, sampling, place).id));
  });

  it('is one of the topK, and of the fewest that have topP together', () => {
    const drawn = (topK: number | null, topP: number | null): Set<number> =>
      new Set(
        Array.from(
          { length: 500 },
          (_, place) => chooseToken(logits, { temperature: 3, topK, topP, seed: 1 }, place).id,
        ),
      );
    expect([...drawn(3, null)].sort()).toEqual([1, 2, 3]);
    // 1 and 3 have e^0.7 = 2.01 each of 6.6 at temperature 3: 0.26 each, so that 0.5 takes both and 0.1 the first alone.
    expect([...drawn(null, 0.1)]).toEqual([1]);
    expect([...drawn(null, 0.5)].sort()).toEqual([1, 3]);
    expect(drawn(null, 1).size).toBe(5);
  });

  it('is drawn from numbers that are alike everywhere between 0 and 1', () => {
    const bins = new Array<number>(16).fill(0);
    for (let place = 0; place < 16_000; place++) {
      const bin = Math.floor(uniformAt(3, place) * 16);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    for (const count of bins) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
  });
});

/** A pattern `[tokens, tokens]` whose row of a query is one-hot at `key(query)`. */
const onehot = (tokens: number, key: (query: number) => number): number[][] =>
  Array.from({ length: tokens }, (_, query) => Array.from({ length: tokens }, (__, at) => (at === key(query) ? 1 : 0)));
const scored = (ids: readonly number[], rows: readonly number[][], first?: (query: number) => number) => {
  const scorer = new HeadScorer(ids, first);
  for (const row of rows) scorer.addRow(row);
  return scorer.result();
};

describe('scores of heads', () => {
  const ids = [9, 1, 2, 3, 1, 2, 3];

  it('are 1 for the head that does one thing, and say where', () => {
    const previous = scored(
      ids,
      onehot(7, (query) => Math.max(0, query - 1)),
    );
    expect(previous.scores.previousToken).toBe(1);
    expect(
      scored(
        ids,
        onehot(7, () => 0),
      ).scores,
    ).toMatchObject({ sink: 1, induction: 0, duplicateToken: 0 });
    const copies = scored(
      ids,
      onehot(7, (query) => Math.max(0, query - 3)),
    );
    expect(copies.scores.duplicateToken).toBe(1);
    const induction = scored(
      ids,
      onehot(7, (query) => Math.max(0, query - 2)),
    );
    expect(induction.scores.induction).toBe(1);
    expect(induction.evidence.induction).toEqual([4, 5, 6].map((query) => ({ query, key: query - 2, weight: 1 })));
  });

  it('are not known where no query can show it, and count only queries that can', () => {
    const distinct = scored(
      [1, 2, 3],
      onehot(3, () => 0),
    );
    expect(distinct.scores).toEqual({ previousToken: 0.5, duplicateToken: null, induction: null, sink: 1 });
    // A window of two keys: the copy three back cannot be looked at, the first token by query 1 alone.
    const windowed = scored(
      ids,
      onehot(7, (query) => query),
      (query) => Math.max(0, query - 1),
    );
    expect(windowed.scores).toEqual({ previousToken: 0, duplicateToken: null, induction: null, sink: 0 });
  });

  it('of copy suppression are shares of the weight', () => {
    const received = Float64Array.from([5, 0.3, 0.1, 0.6]);
    const written = [
      { key: 3, lower: 9 },
      { key: 1, lower: 10 },
      { key: 2, lower: 0 },
    ];
    const { score, evidence } = copySuppression(received, written);
    expect(score).toBeCloseTo(0.7, 12);
    expect(evidence.map(({ key }) => key)).toEqual([3, 2]);
    expect(copySuppression(new Float64Array(4), written).score).toBeNull();
  });

  it('give names from their thresholds on, the highest first', () => {
    const scores = { previousToken: 0.4, duplicateToken: 0.39, induction: null, sink: 0.9, copySuppression: 0.49 };
    expect(namesOf(scores)).toEqual(['sink', 'previousToken']);
  });
});

const random = (rows: number, columns: number, seed: number): Matrix =>
  matrix(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, i) => uniformAt(seed, i) - 0.5),
  );

describe('linear CKA', () => {
  const x = random(40, 5, 1);

  it('is 1 with itself, turned, scaled and moved, and small for other noise', () => {
    const turned = matrix(
      40,
      5,
      x.data.map((_, i) => {
        const [row, column] = [Math.floor(i / 5), i % 5];
        const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
        const at = (k: number): number => x.data[row * 5 + k] ?? 0;
        const rotated = [c * at(0) - s * at(1), s * at(0) + c * at(1), at(2), at(3), at(4)];
        return -3 * (rotated[column] ?? 0) + 7;
      }),
    );
    expect(linearCka(x, x)).toBeCloseTo(1, 12);
    expect(linearCka(x, turned)).toBeCloseTo(1, 12);
    expect(linearCka(x, random(40, 5, 2)) ?? 1).toBeLessThan(0.35);
    expect(linearCka(x, matrix(40, 5, new Float64Array(200).fill(2)))).toBeNull();
  });

  it('is HSIC by Gram matrices, as Kornblith et al. define it', () => {
    const y = random(40, 3, 5);
    const gram = (of: Matrix): number[][] => {
      const { columns } = of;
      const means = Array.from({ length: columns }, (_, c) => {
        let sum = 0;
        for (let row = 0; row < 40; row++) sum += (of.data[row * columns + c] ?? 0) / 40;
        return sum;
      });
      const data = of.data.map((value, i) => value - (means[i % columns] ?? 0));
      return Array.from({ length: 40 }, (_, a) =>
        Array.from({ length: 40 }, (__, b) => {
          let sum = 0;
          for (let c = 0; c < columns; c++) sum += (data[a * columns + c] ?? 0) * (data[b * columns + c] ?? 0);
          return sum;
        }),
      );
    };
    const [k, l] = [gram(x), gram(y)];
    const hsic = (a: number[][], b: number[][]): number =>
      a.reduce((all, row, i) => all + row.reduce((sum, value, j) => sum + value * (b[i]?.[j] ?? 0), 0), 0);
    expect(linearCka(x, y)).toBeCloseTo(hsic(k, l) / Math.sqrt(hsic(k, k) * hsic(l, l)), 12);
  });
});

describe('effective rank', () => {
  it('is n for n directions alike, 1 for one, 0 for none', () => {
    const identity = matrix(4, 6, [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(effectiveRank(identity)).toBeCloseTo(4, 10);
    expect(effectiveRank(matrix(3, 2, [1, 2, 2, 4, -3, -6]))).toBeCloseTo(1, 6);
    expect(effectiveRank(matrix(2, 2, [0, 0, 0, 0]))).toBe(0);
  });

  it('is exp of the entropy of the singular values, tall or wide', () => {
    const sizes = [3, 1, 0.5];
    const expected = Math.exp(-sizes.reduce((sum, size) => sum + (size / 4.5) * Math.log(size / 4.5), 0));
    const data = new Float64Array(15);
    sizes.forEach((size, i) => (data[i * 5 + i] = size));
    const tall = new Float64Array(15);
    sizes.forEach((size, i) => (tall[i * 3 + i] = size));
    expect(effectiveRank(matrix(3, 5, data))).toBeCloseTo(expected, 10);
    expect(effectiveRank(matrix(5, 3, tall))).toBeCloseTo(expected, 10);
  });
});

describe('patterns of two heads', () => {
  it('are 0 apart when alike and 1 when nothing is looked at by both', () => {
    const rows = (key: (query: number) => number): number[] => onehot(4, key).flat();
    const distances = new PatternDistances(3);
    // In two blocks, as long prompts come.
    const heads = [rows(() => 0), rows(() => 0), rows((query) => query)];
    for (const [start, end] of [
      [0, 1],
      [1, 4],
    ] as const)
      distances.add(Float32Array.from(heads.flatMap((head) => head.slice(4 * start, 4 * end))), end - start);
    expect(distances.of(0, 1)).toBe(0);
    expect(distances.of(2, 0)).toBeCloseTo(1, 12);
    expect(new PatternDistances(2).of(0, 1)).toBeNull();
  });

  it('are averaged inside groups and between them', () => {
    const value = (a: number, b: number): number | null => (a === 0 && b === 3 ? null : a + 10 * b);
    expect(pairMeans([0, 0, 1, 1], value)).toEqual({
      inside: (10 + 32) / 2,
      between: (20 + 21 + 31) / 3,
      all: 114 / 5,
    });
    expect(pairMeans([0], value)).toEqual({ inside: null, between: null, all: null });
  });
});
