/** Seed-OSS: Llama's block with separate switches for the biases of attention. */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { decoderLayers, slidingWindow } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    // `layer_types` as it stands, full attention everywhere without it.
    id: 'seed-oss',
    modelTypes: ['seed_oss'],
    cite: 'transformers 5.18 models/seed_oss/configuration_seed_oss.py',
    read: (reader) => ({ layers: decoderLayers(reader, { window: slidingWindow }) }),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['seed_oss'],
    build: (input) =>
      llamaBlocks(input, {
        attention: () => biases(input.config.on('attention_bias'), input.config.on('attention_out_bias')),
        feedForward: () => gatedMlp(input, { bias: input.config.on('mlp_bias') }),
      }),
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['seed_oss'] }];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'seed_oss', modelType: 'seed_oss', rope: 'half' }];
