/** Every golden folder, opened as a downloaded model would be, through the float64 reference: what transformers computed. */

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Tensor64 } from '../../../src/attention/reference/tensor64';
import { openModel } from '../../../src/weights/openModel';
import { forward } from './forward';
import { goldenFolders } from './reference';

interface GoldenLayer {
  readonly k: number[];
  readonly v: number[];
  readonly k_shape: number[];
  readonly weights: number[];
  readonly attention_input: number[];
  readonly attention_output: number[];
  readonly hidden_out: number[];
  readonly cache_latent?: number[];
  readonly cache_rope_key?: number[];
}
interface Golden {
  readonly input_ids: number[][];
  readonly hidden_in: number[];
  readonly layers: GoldenLayer[];
  readonly logits_last: number[];
}

/** Largest difference over the largest value. */
function relative(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs((actual[i] as number) - (expected[i] as number));
    if (!(d <= difference)) difference = d;
    size = Math.max(size, Math.abs(expected[i] as number));
  }
  return difference / size;
}

const TOLERANCE = 1e-4;
/** Families that must be refused, and why: never something wrong. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  jetmoe: /not supported/,
  'falcon-rw-style': /implementations disagree/,
  'gemma4-ple': /an input embedding per layer is not supported/,
  'gemma4-moe': /mixture of experts beside the feed-forward is not supported/,
  'mpt-noalibi': /learned positions is not supported/,
  'cohere2-moe': /not supported/,
  diffllama: /not supported/,
  nanochat: /not supported/,
  'neox-japanese': /not supported/,
};

describe('golden folders', () => {
  for (const folder of goldenFolders()) {
    it(basename(folder), async () => {
      const refused = REFUSED[basename(folder)];
      if (refused) {
        await expect(openModel(folder)).rejects.toThrow(refused);
        return;
      }
      const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Golden;
      const model = await openModel(folder);
      const run = await forward(model.store, model.plan, golden.input_ids[0] ?? []);
      await model.close();
      const errors: Record<string, number> = {
        hiddenIn: relative(run.hiddenIn, golden.hidden_in),
        logits: relative(run.logits, golden.logits_last),
      };
      golden.layers.forEach((expected, index) => {
        const actual = run.layers[index];
        const data = (tensor: Tensor64 | undefined): ArrayLike<number> => tensor?.data ?? [];
        const kvRepeats = expected.k.length / data(actual?.captures.k).length;
        const repeat = (tensor: Tensor64 | undefined): ArrayLike<number> => (kvRepeats > 1 ? repeated(tensor, kvRepeats) : data(tensor));
        errors[`${index} input`] = relative(data(actual?.captures.attentionInput), expected.attention_input);
        errors[`${index} k`] = relative(repeat(actual?.captures.k), expected.k);
        errors[`${index} v`] = relative(repeat(actual?.captures.v), expected.v);
        errors[`${index} weights`] = relative(data(actual?.captures.weights), expected.weights);
        errors[`${index} output`] = relative(data(actual?.captures.output), expected.attention_output);
        errors[`${index} hidden`] = relative(data(actual?.hidden), expected.hidden_out);
        if (expected.cache_latent) errors[`${index} latent`] = relative(data(actual?.captures.latent), expected.cache_latent);
        if (expected.cache_rope_key) errors[`${index} ropeKey`] = relative(data(actual?.captures.ropeKey), expected.cache_rope_key);
      });
      const wrong = Object.entries(errors).filter(([, error]) => !(error < TOLERANCE));
      expect(wrong).toEqual([]);
    });
  }
});

/** One implementation repeats K and V per query head before caching (golden README). */
function repeated(tensor: Tensor64 | undefined, times: number): Float64Array {
  if (tensor === undefined) return new Float64Array(0);
  const heads = tensor.size(1);
  const per = tensor.data.length / heads;
  const result = new Float64Array(tensor.data.length * times);
  for (let head = 0; head < heads; head++) {
    for (let copy = 0; copy < times; copy++) result.set(tensor.data.subarray(head * per, (head + 1) * per), (head * times + copy) * per);
  }
  return result;
}
