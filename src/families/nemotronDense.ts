/** Nemotron (Minitron, Nemotron-4): LayerNorms with weight + 1, a plain feed-forward with relu². */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainMlp, plainRotary } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { llamaNames, PLAIN_MLP } from './kit/tensorNames';
import { activated, givePartialRotary } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'nemotron',
    modelTypes: ['nemotron'],
    cite: 'transformers 5.18 models/nemotron/configuration_nemotron.py',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['nemotron'],
    build: (input) => {
      const { config } = input;
      return llamaBlocks(input, {
        norm: { kind: 'layer', epsilon: config.need('norm_eps'), weight: 'plus-one', bias: true },
        rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
        attention: () => biases(config.on('attention_bias')),
        feedForward: () => plainMlp(input, config.on('mlp_bias')),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['nemotron'], of: llamaNames({ sources: PLAIN_MLP }) },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'nemotron',
    modelType: 'nemotron',
    rope: 'half',
    adapt: givePartialRotary,
    block: activated('relu2'),
  },
];
