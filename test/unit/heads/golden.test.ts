/** Every golden folder through the command that users run: what transformers computed, layer by layer. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { depthNote, sampled } from '../depth';
import { runJson } from './support/cli';

interface GoldenLayer {
  readonly k: number[];
  readonly k_shape: number[];
  readonly v: number[];
  readonly weights: number[];
  readonly attention_output: number[];
  readonly hidden_out: number[];
  readonly cache_latent?: number[];
  readonly cache_rope_key?: number[];
}
interface Golden {
  readonly input_ids: number[][];
  readonly layers: GoldenLayer[];
  readonly logits_last: number[];
}
interface Dump {
  readonly captures: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
}

const TOLERANCE = 1e-4;
const ROOT = process.env['HEADLIGHT_REFERENCE'] ?? resolve(import.meta.dirname, '../../../../shared/reference');
/** More folders of the same kind. */
const roots = [join(ROOT, 'golden'), process.env['HEADLIGHT_GOLDEN'] ?? ''].filter((root) => root !== '' && existsSync(root));
if (!roots.includes(join(ROOT, 'golden'))) console.warn(`SKIPPED: ${join(ROOT, 'golden')} is absent; set HEADLIGHT_REFERENCE`);
const folders = roots.flatMap((root) => readdirSync(root).map((name) => join(root, name))).filter((folder) => existsSync(join(folder, 'golden.json')));

/** Families that must be refused, with the reason: never something wrong. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  jetmoe: /not supported/,
  'falcon-rw-style': /disagree/,
  'gemma4-ple': /an input embedding per layer is not supported/,
  'gemma4-moe': /mixture of experts beside the feed-forward is not supported/,
  'mpt-noalibi': /learned positions is not supported/,
  'cohere2-moe': /not supported/,
  diffllama: /not supported/,
  nanochat: /not supported/,
  'neox-japanese': /not supported/,
};

/** Largest difference over the largest value. */
function relative(actual: readonly number[] | undefined, expected: readonly number[]): number {
  if (actual?.length !== expected.length) return Infinity;
  let [difference, size] = [0, 0];
  expected.forEach((value, i) => {
    const d = Math.abs((actual[i] ?? Number.NaN) - value);
    if (!(d <= difference)) difference = d;
    size = Math.max(size, Math.abs(value));
  });
  return difference / size;
}

/** K and V as the dump has them: one for each query head. */
function expanded(values: readonly number[], groups: number, heads: number): number[] {
  const size = values.length / groups;
  return Array.from({ length: heads }, (_, head) => values.slice(Math.floor((head * groups) / heads) * size, (Math.floor((head * groups) / heads) + 1) * size)).flat();
}

describe.skipIf(folders.length === 0)(`heads --dump of golden folders${depthNote}`, () => {
  it.each(sampled(folders).map((folder) => [basename(folder), folder] as const))('%s', async (name, folder) => {
    const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Golden;
    const ids = (golden.input_ids[0] ?? []).join(',');
    const wrong: Record<string, number> = {};
    for (const [layer, expected] of golden.layers.entries()) {
      const latent = expected.cache_latent !== undefined;
      const dumps = ['k', 'v', 'weights', 'output', 'hidden', ...(layer === 0 ? ['logits'] : []), ...(latent ? ['latent', 'ropeKey'] : [])];
      const { code, value, errors } = await runJson<Dump>(['heads', folder, '--layer', String(layer), '--ids', ids, '--dump', dumps.join(','), '--json']);
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
        const error = relative(captures[what]?.data, reference);
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
  });
});
