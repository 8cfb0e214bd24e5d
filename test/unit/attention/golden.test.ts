/** Reference and programs against what the transformers library computes (12 golden models). */

import { describe, expect } from 'vitest';
import { Tensor64 } from '../../oracle/tensor64';
import { referenceBlock } from '../../oracle/block';
import { relativeError } from '../golden';
import { casesOf, eachOrSkip, noCases } from '../support/cases';
import { goldenNamed, itWith } from '../support/reference';
import { valuesOf } from './support/compare';
import { GOLDEN_FOLDERS, type GoldenLayer, loadGolden } from './support/golden';
import { output, runBlock } from './support/runBlock';
import { floats } from './support/session';

/** float32 of the library against float64 here: rounding only. */
const TOLERANCE = 2e-5;

interface Computed {
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  readonly output: ArrayLike<number>;
  readonly hidden: ArrayLike<number>;
}

/** Falcon's library repeats K and V for every query head. */
function perQueryHead(data: ArrayLike<number>, heads: number, stored: number): ArrayLike<number> {
  if (heads === stored) return data;
  const size = data.length / heads;
  const repeat = stored / heads;
  return Array.from({ length: data.length * repeat }, (_, i) => {
    const head = Math.floor(i / size);
    return data[Math.floor(head / repeat) * size + (i % size)] ?? 0;
  });
}

function compare(label: string, computed: Computed, golden: GoldenLayer, kvHeads: number): void {
  const [kHeads = 0] = golden.k_shape;
  const errors = {
    k: relativeError(perQueryHead(computed.k, kvHeads, kHeads), golden.k),
    v: relativeError(perQueryHead(computed.v, kvHeads, kHeads), golden.v),
    weights: relativeError(computed.weights, golden.weights),
    output: relativeError(computed.output, golden.attention_output),
    hidden: relativeError(computed.hidden, golden.hidden_out),
  };
  for (const [name, error] of Object.entries(errors)) expect(error, `${label} ${name}`).toBeLessThanOrEqual(TOLERANCE);
}

const models = casesOf(goldenNamed(...GOLDEN_FOLDERS), ({ modelType }) => modelType);

describe('golden references of the transformers library', () => {
  eachOrSkip(models, noCases, ({ name, folder: place }) => {
    itWith(place, name, async (folder) => {
      const { golden, blocks } = loadGolden(folder);
      const shape = [1, ...golden.hidden_in_shape];
      let exact = new Tensor64(shape, golden.hidden_in);
      let single = floats(shape, golden.hidden_in);
      for (const [index, { spec, weights, experts }] of blocks.entries()) {
        const layer = golden.layers[index];
        if (!layer) throw new Error('A layer is missing.');
        const label = `${name} layer ${index}`;
        const run = referenceBlock(spec, weights, exact, null, { expertWeights: experts });
        const { k, v, weights: probabilities, output: attended } = run.captures;
        if (!k || !v || !probabilities || !attended) throw new Error('A capture is missing.');
        compare(
          `reference, ${label}`,
          { k: k.data, v: v.data, weights: probabilities.data, output: attended.data, hidden: run.hidden.data },
          layer,
          k.size(1),
        );
        if (layer.cache_latent)
          expect(relativeError(run.captures.latent?.data ?? [], layer.cache_latent)).toBeLessThanOrEqual(TOLERANCE);
        if (layer.cache_rope_key)
          expect(relativeError(run.captures.ropeKey?.data ?? [], layer.cache_rope_key)).toBeLessThanOrEqual(TOLERANCE);
        exact = run.hidden;

        const options = { mode: 'prefill', captures: ['k', 'v', 'weights', 'output'] } as const;
        const { hidden, results } = await runBlock(spec, weights, experts, single, new Map(), 0, options);
        const data = (name: string): ArrayLike<number> => valuesOf(output(results, name)).data;
        compare(
          `program, ${label}`,
          {
            k: data('k'),
            v: data('v'),
            weights: data('weights'),
            output: data('output'),
            hidden: valuesOf(hidden).data,
          },
          layer,
          k.size(1),
        );
        single = hidden;
      }
    });
  });
});
