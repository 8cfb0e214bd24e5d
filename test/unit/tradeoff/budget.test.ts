import { describe, expect, it } from 'vitest';
import { allocate, type Choice } from '../../../src/insight/tradeoff/budget';
import { bytesAt, paretoFront } from '../../../src/insight/tradeoff/result';
import { seeded } from '../attention/support/random';

/** Every way to give each layer a choice. */
function* ways(layers: readonly (readonly Choice[])[], from = 0): Generator<readonly number[]> {
  if (from === layers.length) {
    yield [];
    return;
  }
  for (const pick of layers[from]?.keys() ?? []) for (const rest of ways(layers, from + 1)) yield [pick, ...rest];
}

const total = (layers: readonly (readonly Choice[])[], picks: readonly number[]): Choice =>
  picks.reduce(
    (sum, pick, layer) => {
      const { bytes = Number.NaN, klMean = Number.NaN } = layers[layer]?.[pick] ?? {};
      return { bytes: sum.bytes + bytes, klMean: sum.klMean + klMean };
    },
    { bytes: 0, klMean: 0 },
  );

describe('a budget', () => {
  it('is given to five layers as the best of all ways gives it', () => {
    const next = seeded(Number(process.env['HEADLIGHT_SEED'] ?? 1));
    for (let round = 0; round < 60; round++) {
      const layers = Array.from({ length: 5 }, () =>
        Array.from({ length: 1 + Math.floor(next() * 6) }, () => ({
          bytes: Math.ceil(next() * 1000),
          klMean: next() ** 4,
        })),
      );
      const whole = layers.reduce((sum, [first]) => sum + (first?.bytes ?? 0), 0);
      for (const share of [0.25, 0.5, 0.9]) {
        const fitting = [...ways(layers)]
          .map((picks) => total(layers, picks))
          .filter(({ bytes }) => bytes <= share * whole);
        const found = allocate(layers, share * whole);
        if (fitting.length === 0) {
          expect(found).toBeNull();
          continue;
        }
        const { bytes, klMean } = total(layers, found ?? []);
        expect(bytes).toBeLessThanOrEqual(share * whole);
        expect(klMean).toBeCloseTo(Math.min(...fitting.map((one) => one.klMean)), 12);
      }
    }
  });

  it('takes many layers with many choices in a moment', () => {
    const next = seeded(4);
    const layers = Array.from({ length: 64 }, () =>
      Array.from({ length: 12 }, (_, i) => ({ bytes: 4096 >> (i % 5), klMean: next() * 2 ** (i % 5) })),
    );
    const found = allocate(layers, 64 * 4096 * 0.5);
    expect(found).toHaveLength(64);
    expect(total(layers, found ?? []).bytes).toBeLessThanOrEqual(64 * 2048);
  });
});

describe('the front', () => {
  const point = (bytesPerToken: number, klMean: number): { bytesPerToken: number; klMean: number } => ({
    bytesPerToken,
    klMean,
  });

  it('has those than which none is both smaller and less damaging', () => {
    const next = seeded(9);
    const points = Array.from({ length: 80 }, () => point(Math.ceil(next() * 30), Math.ceil(next() * 30)));
    const front = paretoFront(points);
    const beaten = ({ bytesPerToken, klMean }: { bytesPerToken: number; klMean: number }): boolean =>
      points.some(
        (one) =>
          one.bytesPerToken <= bytesPerToken &&
          one.klMean <= klMean &&
          (one.bytesPerToken < bytesPerToken || one.klMean < klMean),
      );
    expect(front.length).toBeGreaterThan(1);
    expect(front.filter(beaten)).toEqual([]);
    const unbeaten = new Set(points.filter((one) => !beaten(one)).map((one) => `${one.bytesPerToken} ${one.klMean}`));
    expect(new Set(front.map((one) => `${one.bytesPerToken} ${one.klMean}`))).toEqual(unbeaten);
  });

  it('is empty of nothing', () => {
    expect(paretoFront([])).toEqual([]);
  });
});

it('sizes between kept lengths lie on a line, and beyond them are not known', () => {
  const sizes = {
    cacheBytes: [
      { tokens: 100, bytes: 1000 },
      { tokens: 128, bytes: 1280 },
      { tokens: 256, bytes: 1280 },
    ],
  };
  expect([
    bytesAt(sizes, 100),
    bytesAt(sizes, 114),
    bytesAt(sizes, 200),
    bytesAt(sizes, 257),
    bytesAt(sizes, 99),
  ]).toEqual([1000, 1140, 1280, null, null]);
});
