/** Kyutai's decoders: Helium and Moshi. */

import { HIDDEN_KEYS } from '../config/spellings';
import type { ArrangementsFacet, BlocksFacet, CountsFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks, plainRotary } from './kit/blocks';
import { plainDecoder, oneWindow } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'helium',
    modelTypes: ['helium'],
    cite: 'transformers 5.18 models/helium/configuration_helium.py',
    read: plainDecoder,
  },
  {
    id: 'moshi',
    modelTypes: ['moshi'],
    cite: 'transformers 5.18 models/moshi/configuration_moshi.py: sliding_window for all layers',
    llamacpp: { runs: false },
    read: oneWindow,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // RoPE on adjacent pairs.
    modelTypes: ['helium'],
    build: (input) =>
      llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
        attention: () => biases(input.config.on('attention_bias'), false),
        feedForward: () => gatedMlp(input, { bias: input.config.on('mlp_bias') }),
      }),
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['helium'] }];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['moshi'],
    tied: false,
    // One projection to ffn_dim makes gate and up.
    width: (config) => config.size('ffn_dim') / 2,
    extra: (config, tally) => tally.add('embedding', config.size(HIDDEN_KEYS)),
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['moshi'],
    cite: 'transformers 5.18 modeling_moshi.py MoshiDecoderLayer, MoshiGatingMLP: gate and up are one projection of ffn_dim',
  },
];
