/** Jais 2: LayerNorms, a plain feed-forward with relu², biases everywhere. */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainMlp } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, PLAIN_MLP } from './kit/tensorNames';
import { layerNorm } from './kit/parts';
import { activated } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'jais2',
    modelTypes: ['jais2'],
    cite: 'transformers 5.18 models/jais2/configuration_jais2.py',
    refusesRemainder: 'class',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['jais2'],
    build: (input) => {
      const { config } = input;
      return llamaBlocks(input, {
        norm: layerNorm(config.need('layer_norm_eps')),
        attention: () => biases(config.on('attention_bias')),
        feedForward: () => plainMlp(input, config.on('mlp_bias')),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['jais2'], of: llamaNames({ sources: PLAIN_MLP }) }];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'jais2', modelType: 'jais2', rope: 'half', block: activated('relu2') },
];
