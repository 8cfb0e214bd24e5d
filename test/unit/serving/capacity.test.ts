import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cacheBudgetBytes, cachedTokens, concurrentSequences, longestContext } from '../../../src/serving/capacity';

const GIB = 2 ** 30;

describe('the budget of a cache', () => {
  const parts = { memoryBytes: 80 * GIB, fraction: 0.9, weightBytes: 16 * GIB, overheadBytes: 5 * GIB };

  it('is a fraction of the whole memory less the rest in vLLM and SGLang', () => {
    expect(cacheBudgetBytes({ ...parts, fractionRule: 'ofTotal' })).toBe(51 * GIB);
  });

  it('is a fraction of what is left in TensorRT-LLM', () => {
    expect(cacheBudgetBytes({ ...parts, fractionRule: 'ofFree' })).toBe(Math.floor(59 * GIB * 0.9));
  });

  it('is never negative', () => {
    expect(cacheBudgetBytes({ ...parts, fractionRule: 'ofTotal', weightBytes: 500 * GIB })).toBe(0);
    expect(cacheBudgetBytes({ ...parts, fractionRule: 'ofFree', weightBytes: Number.NaN })).toBe(0);
  });
});

/** Plans of every shape: pages, windows, state, a fixed part. */
const plan = fc.record({
  page: fc.integer({ min: 1, max: 512 }),
  perToken: fc.integer({ min: 0, max: 200_000 }),
  windowed: fc.integer({ min: 0, max: 100_000 }),
  window: fc.integer({ min: 1, max: 8192 }),
  state: fc.integer({ min: 0, max: 1e8 }),
});

type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const bytesOf =
  (shape: Plan) =>
  (tokens: number, batch: number): number => {
    const paged = Math.ceil(tokens / shape.page) * shape.page;
    return batch * (paged * shape.perToken + Math.min(paged, shape.window) * shape.windowed + shape.state);
  };

describe('the inverse of a plan', () => {
  it('fits at N and not at N + 1', () => {
    fc.assert(
      fc.property(
        plan,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 0, max: 2 ** 41 }),
        (shape, batch, budget) => {
          const bytes = bytesOf(shape);
          const fit = longestContext(bytes, budget, batch);
          if (fit.kind === 'count') {
            expect(bytes(fit.value, batch)).toBeLessThanOrEqual(budget);
            expect(bytes(fit.value + 1, batch)).toBeGreaterThan(budget);
          } else if (fit.kind === 'none') expect(bytes(1, batch)).toBeGreaterThan(budget);
          else expect(bytes(2 ** 39, batch)).toBeLessThanOrEqual(budget);
        },
      ),
    );
  });

  it('ends at the end of a page', () => {
    fc.assert(
      fc.property(plan, fc.integer({ min: 1, max: 2 ** 40 }), (shape, budget) => {
        const fit = longestContext(bytesOf(shape), budget);
        if (fit.kind === 'count') expect(fit.value % shape.page).toBe(0);
      }),
    );
  });

  it('grows with the budget, and falls with the length', () => {
    fc.assert(
      fc.property(
        plan,
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.integer({ min: 0, max: 2 ** 38 }),
        fc.integer({ min: 1, max: 100_000 }),
        (shape, budget, more, tokens) => {
          const bytes = bytesOf(shape);
          const value = (fit: ReturnType<typeof longestContext>): number =>
            fit.kind === 'count' ? fit.value : fit.kind === 'none' ? 0 : Number.POSITIVE_INFINITY;
          expect(value(longestContext(bytes, budget + more))).toBeGreaterThanOrEqual(
            value(longestContext(bytes, budget)),
          );
          expect(value(concurrentSequences(bytes, budget, tokens + 1))).toBeLessThanOrEqual(
            value(concurrentSequences(bytes, budget, tokens)),
          );
        },
      ),
    );
  });

  it('knows plans that do not grow', () => {
    expect(longestContext(() => 1000, 1000)).toEqual({ kind: 'unbounded' });
    expect(longestContext((tokens) => Math.min(tokens, 4096) * 1000, 1e9)).toEqual({ kind: 'unbounded' });
    expect(longestContext(() => 1001, 1000)).toEqual({ kind: 'none' });
  });

  it('needs few calls', () => {
    let calls = 0;
    const fit = longestContext((count) => {
      calls++;
      return count * 3;
    }, 2 ** 40);
    expect(fit).toEqual({ kind: 'count', value: Math.floor(2 ** 40 / 3) });
    expect(calls).toBeLessThan(85);
  });

  it('counts tokens of whole sequences, or what there is room for of one', () => {
    const bytes = (tokens: number, batch: number): number => tokens * batch * 100;
    expect(cachedTokens(bytes, 100 * 2500, 1000)).toEqual({ kind: 'count', value: 2000 });
    expect(cachedTokens(bytes, 100 * 700, 1000)).toEqual({ kind: 'count', value: 700 });
  });
});
