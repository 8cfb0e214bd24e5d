/** Tiles recomputed from Q and K against weights and scores that were held whole. */

import { describe, expect, it } from 'vitest';
import { sees } from '../../../src/attention/step/mask';
import type { LayerCapture } from '../../../src/compute/heads/layerPass';
import { AttentionTiles, type TileAsk } from '../../../src/compute/heads/tiles';
import { floats } from '../../../src/compute/heads/tokenAxis';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { relativeError } from '../golden';
import { eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith } from '../support/reference';
import { SAMPLES, samplesNamed, someIds, withForward } from './support/models';

const TOKENS = 45;
/** Soft-capping and windows, ALiBi, plain windows, latent; sinks are among the folders kept back. */
const MODELS = [
  ...samplesNamed('gqa', 'mla'),
  ...goldenNamed('gemma2', 'bloom', 'mistral', 'llama'),
  ...(process.env['HEADLIGHT_GOLDEN'] ? goldenNamed('gpt-oss', 'mpt', 'llama4-text') : []),
];

const ASKS: readonly TileAsk[] = [
  { what: 'weights' },
  { what: 'weights', rows: 9, columns: 9 },
  { what: 'weights', rows: 7, columns: 11, reduction: 'max' },
  { what: 'weights', rows: 45, columns: 1 },
  { what: 'weights', heads: [1, 0], queries: [10, 31], keys: [3, 20], rows: 4, columns: 5 },
  { what: 'weights', queries: [40, 41], keys: [0, 45] },
  { what: 'weights', queries: [3, 9], keys: [20, 40], rows: 2, columns: 2 },
  { what: 'scores', rows: 6, columns: 13 },
  { what: 'scores', queries: [5, 45], keys: [2, 44], rows: 7, columns: 3, reduction: 'max' },
];

/** The same by the definition, from whole tensors. */
function byDefinition(capture: LayerCapture, ask: TileAsk): number[] {
  const all = floats(capture.tensors.get(ask.what));
  const { attention } = capture.spec;
  const heads = ask.heads ?? Array.from({ length: attention.queryHeads }, (_, head) => head);
  const [queries, keys] = [ask.queries ?? [0, TOKENS], ask.keys ?? [0, TOKENS]];
  const border = ([start, end]: readonly number[], count: number, i: number): number =>
    (start ?? 0) + Math.floor((i * ((end ?? 0) - (start ?? 0))) / count);
  const rows = Math.min(ask.rows ?? Infinity, queries[1] - queries[0]);
  const columns = Math.min(ask.columns ?? Infinity, keys[1] - keys[0]);
  const result: number[] = [];
  for (const head of heads) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const values: number[] = [];
        for (let query = border(queries, rows, row); query < border(queries, rows, row + 1); query++) {
          for (let key = border(keys, columns, column); key < border(keys, columns, column + 1); key++) {
            if (ask.what === 'scores' && !sees(attention, query, key)) continue;
            values.push(all[(head * TOKENS + query) * TOKENS + key] as number);
          }
        }
        const reduced =
          ask.reduction === 'max' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / values.length;
        result.push(values.length === 0 ? Number.NaN : reduced);
      }
    }
  }
  return result;
}

eachOrSkip(MODELS, noCases, ({ name, folder: place }) => {
  describe(`tiles of ${name}`, () => {
    itWith(place, 'are the weights and scores, reduced', async (folder) => {
      await withForward(folder, {}, async (forward, model) => {
        const ids = someIds(TOKENS, Math.min(90, model.model.plan.vocabularySize));
        for (let layer = 0; layer < Math.min(2, model.model.plan.layers.length); layer++) {
          const capture = await forward.capture(
            { ids, layer, captures: ['q', 'k', 'scores', 'weights'], logits: false },
            UNWATCHED,
          );
          // Row sums known from before, and not.
          const kept = new AttentionTiles(forward.sessions, capture);
          for (const ask of ASKS) {
            const expected = byDefinition(capture, ask);
            for (const tiles of [kept, new AttentionTiles(forward.sessions, capture)]) {
              const actual = floats(await tiles.read(ask, UNWATCHED));
              expect([...actual].map(Number.isNaN), JSON.stringify(ask)).toEqual(expected.map(Number.isNaN));
              const filled = (values: ArrayLike<number>): number[] =>
                Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
              expect(
                relativeError(filled(actual), filled(expected)),
                `layer ${layer} ${JSON.stringify(ask)}`,
              ).toBeLessThan(2e-5);
            }
          }
        }
      });
    });
  });
});

describe('tiles', () => {
  it('refuse what is not there, and what is too large', async () => {
    await withForward(SAMPLES[0] ?? '', {}, async (forward) => {
      const capture = await forward.capture(
        { ids: [1, 2, 3], layer: 0, captures: ['q', 'k'], logits: false },
        UNWATCHED,
      );
      const tiles = new AttentionTiles(forward.sessions, capture);
      await expect(tiles.read({ what: 'weights', queries: [0, 4] }, UNWATCHED)).rejects.toThrow(
        /queries 0 to 4 are outside/,
      );
      await expect(tiles.read({ what: 'weights', keys: [2, 2] }, UNWATCHED)).rejects.toThrow(/outside/);
      await expect(tiles.read({ what: 'weights', heads: [99] }, UNWATCHED)).rejects.toThrow(/heads are/);
    });
  });
});
