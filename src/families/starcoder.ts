/** StarCoder 2: LayerNorms, a plain feed-forward, biases everywhere. The first StarCoder is GPT-BigCode, in gpt2.ts. */

import { oneWindow } from './kit/decoder';
import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainMlp } from './kit/blocks';
import { llamaNames, part } from './kit/tensorNames';
import { layerNorm } from './kit/parts';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'starcoder2',
    modelTypes: ['starcoder2'],
    cite: 'transformers 5.18 models/starcoder2/configuration_starcoder2.py (sliding_window None where absent)',
    llamacpp: { windows: false },
    read: oneWindow,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['starcoder2'],
    build: (input) => {
      const { config } = input;
      const bias = config.on('use_bias');
      return llamaBlocks(input, {
        norm: layerNorm(config.need('norm_epsilon')),
        attention: () => biases(bias),
        feedForward: () => plainMlp(input, bias),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['starcoder2'],
    of: llamaNames({ sources: { up: part('mlp.c_fc'), down: part('mlp.c_proj') } }),
  },
];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'starcoder2', modelType: 'starcoder2', rope: 'half' }];
