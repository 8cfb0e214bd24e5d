/** Every golden folder through the command that users run: what transformers computed, layer by layer. */

import { describe, expect } from 'vitest';
import { depthNote, sampled } from '../depth';
import { readGolden, REFUSED, relativeError } from '../golden';
import { tally } from '../support/accuracy';
import { casesOf, eachOrSkip, noCases, wantedFamily } from '../support/cases';
import { goldenModels, itWith, vendored } from '../support/reference';
import { runJson } from './support/cli';

interface Dump {
  readonly captures: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
}

const TOLERANCE = 1e-4;
/** A sample, unless the run is about one family. */
const models = casesOf(wantedFamily === null ? sampled(goldenModels()) : goldenModels(), ({ modelType }) => modelType);

/** K and V as the dump has them: one for each query head. */
function expanded(values: readonly number[], groups: number, heads: number): number[] {
  const size = values.length / groups;
  return Array.from({ length: heads }, (_, head) =>
    values.slice(Math.floor((head * groups) / heads) * size, (Math.floor((head * groups) / heads) + 1) * size),
  ).flat();
}

const isVendored = (folder: string | null): boolean => folder?.startsWith(vendored) === true;
const counted = tally(
  {
    id: 'golden',
    part: 'forward',
    what: 'K, V, attention weights, outputs, hidden states, latents and logits of every layer, from safetensors',
    against: 'transformers 5.18 (float32, eager attention), executed',
    unit: 'model',
    off: 'relative',
  },
  goldenModels().filter(({ folder }) => isVendored(folder)).length,
);

describe(`heads --dump of golden folders${depthNote}`, () => {
  eachOrSkip(models, noCases, ({ name, folder: place }) => {
    itWith(place, name, async (folder) => {
      const golden = readGolden(folder);
      const ids = (golden.input_ids[0] ?? []).join(',');
      const wrong: Record<string, number> = {};
      let [arrays, farthest] = [0, 0];
      for (const [layer, expected] of golden.layers.entries()) {
        const latent = expected.cache_latent !== undefined;
        const dumps = [
          'k',
          'v',
          'weights',
          'output',
          'hidden',
          ...(layer === 0 ? ['logits'] : []),
          ...(latent ? ['latent', 'ropeKey'] : []),
        ];
        const { code, value, errors } = await runJson<Dump>([
          'heads',
          folder,
          '--layer',
          String(layer),
          '--ids',
          ids,
          '--dump',
          dumps.join(','),
          '--json',
        ]);
        const refused = REFUSED[name];
        if (refused) {
          expect(code).toBe(1);
          expect(errors).toMatch(refused);
          expect(errors.trim().split('\n')).toHaveLength(1);
          return;
        }
        expect(errors).toBe('');
        const captures = value?.captures ?? {};
        const heads = captures['weights']?.shape[0] ?? 0;
        const compare = (what: string, reference: readonly number[]): void => {
          const error = relativeError(captures[what]?.data, reference);
          arrays++;
          farthest = Math.max(farthest, error);
          if (!(error < TOLERANCE)) wrong[`${layer} ${what}`] = error;
        };
        compare('k', expanded(expected.k, expected.k_shape[0] ?? 1, heads));
        compare('v', expanded(expected.v, expected.k_shape[0] ?? 1, heads));
        compare('weights', expected.weights);
        compare('output', expected.attention_output);
        compare('hidden', expected.hidden_out);
        if (expected.cache_latent) compare('latent', expected.cache_latent);
        if (expected.cache_rope_key) compare('ropeKey', expected.cache_rope_key);
        if (layer === 0) compare('logits', golden.logits_last);
      }
      expect(wrong).toEqual({});
      if (isVendored(folder)) counted.add({ compared: arrays, equal: arrays, difference: farthest });
    });
  });
});
