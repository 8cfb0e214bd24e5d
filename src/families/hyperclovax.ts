/** HyperCLOVA X: Granite's multipliers, logits multiplied where Granite divides, norms on the outputs of both halves. */

import { headDims } from '../attention/spec/layerSpec';
import type { BlocksFacet, LayersFacet, NamesFacet } from './facets';
import { graniteFactors } from './granite';
import { biases, gatedMlp, llamaBlocks, preNorms } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, part } from './kit/tensorNames';
import { outputNorms, rmsNorm } from './kit/parts';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'hyperclovax',
    modelTypes: ['hyperclovax'],
    cite: 'transformers 5.18 models/hyperclovax/configuration_hyperclovax.py',
    refusesRemainder: 'class',
    read: (reader, modelType) => {
      // The class divides by its square root where no attention_multiplier is given.
      if (reader.own('head_dim') === 0 && !reader.hasValue('attention_multiplier'))
        reader.wrong('head_dim', 'a whole number of at least 1', 0);
      return plainDecoder(reader, modelType);
    },
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['hyperclovax'],
    build: (input) => {
      const { config } = input;
      const norm = rmsNorm(config.need('rms_norm_eps'));
      const after = config.on('use_post_norm', true) ? outputNorms(norm) : {};
      return llamaBlocks(input, {
        ...graniteFactors(input),
        norms: { ...preNorms(norm), ...after },
        attention: (_, attention) => ({
          ...biases(config.on('attention_bias')),
          scale: config.numberOr('attention_multiplier', headDims(attention).keyDim ** -0.5),
        }),
        feedForward: () => gatedMlp(input, { bias: config.on('mlp_bias') }),
        output: { multiplier: config.need('logits_scaling') },
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['hyperclovax'],
    of: llamaNames({
      sources: { norm_attention_output: part('post_norm1'), norm_feed_forward_output: part('post_norm2') },
    }),
  },
];
