/** Every golden folder, opened as a downloaded model would be, through the float64 reference: what transformers computed. */

import { describe, expect } from 'vitest';
import type { Tensor64 } from '../../oracle/tensor64';
import { openModel } from '../../../src/weights/openModel';
import { readGolden, REFUSED, relativeError } from '../golden';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { goldenModels, itWith } from '../support/reference';
import { forward } from './forward';

const TOLERANCE = 1e-4;

describe('golden folders', () => {
  eachOrSkip(
    casesOf(goldenModels(), ({ modelType }) => modelType),
    noCases,
    ({ name, folder: place }) => {
      itWith(place, name, async (folder) => {
        const refused = REFUSED[name];
        if (refused) {
          await expect(openModel(folder)).rejects.toThrow(refused);
          return;
        }
        const golden = readGolden(folder);
        const model = await openModel(folder);
        const run = await forward(model.store, model.plan, golden.input_ids[0] ?? []);
        await model.close();
        const errors: Record<string, number> = {
          hiddenIn: relativeError(run.hiddenIn, golden.hidden_in),
          logits: relativeError(run.logits, golden.logits_last),
        };
        golden.layers.forEach((expected, index) => {
          const actual = run.layers[index];
          const data = (tensor: Tensor64 | undefined): ArrayLike<number> => tensor?.data ?? [];
          const kvRepeats = expected.k.length / data(actual?.captures.k).length;
          const repeat = (tensor: Tensor64 | undefined): ArrayLike<number> =>
            kvRepeats > 1 ? repeated(tensor, kvRepeats) : data(tensor);
          errors[`${index} input`] = relativeError(data(actual?.captures.attentionInput), expected.attention_input);
          errors[`${index} k`] = relativeError(repeat(actual?.captures.k), expected.k);
          errors[`${index} v`] = relativeError(repeat(actual?.captures.v), expected.v);
          errors[`${index} weights`] = relativeError(data(actual?.captures.weights), expected.weights);
          errors[`${index} output`] = relativeError(data(actual?.captures.output), expected.attention_output);
          errors[`${index} hidden`] = relativeError(data(actual?.hidden), expected.hidden_out);
          if (expected.cache_latent)
            errors[`${index} latent`] = relativeError(data(actual?.captures.latent), expected.cache_latent);
          if (expected.cache_rope_key)
            errors[`${index} ropeKey`] = relativeError(data(actual?.captures.ropeKey), expected.cache_rope_key);
        });
        const wrong = Object.entries(errors).filter(([, error]) => !(error < TOLERANCE));
        expect(wrong).toEqual([]);
      });
    },
  );
});

/** One implementation repeats K and V per query head before caching (golden README). */
function repeated(tensor: Tensor64 | undefined, times: number): Float64Array {
  if (tensor === undefined) return new Float64Array(0);
  const heads = tensor.size(1);
  const per = tensor.data.length / heads;
  const result = new Float64Array(tensor.data.length * times);
  for (let head = 0; head < heads; head++) {
    for (let copy = 0; copy < times; copy++)
      result.set(tensor.data.subarray(head * per, (head + 1) * per), (head * times + copy) * per);
  }
  return result;
}
