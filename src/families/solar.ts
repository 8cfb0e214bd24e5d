/** Solar Open: DeepSeek-V3's experts in every layer, no norms on queries and keys. */

import type { BlocksFacet, LayersFacet, NamesFacet } from './facets';
import { biases, llamaBlocks, plainRotary } from './kit/blocks';
import { plainDecoder } from './kit/decoder';
import { v3Mixture, v3Names } from './kit/mixtures';
import { llamaNames } from './kit/tensorNames';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'solar_open',
    modelTypes: ['solar_open'],
    cite: 'transformers 5.18 models/solar_open/configuration_solar_open.py',
    read: plainDecoder,
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['solar_open'],
    build: (input) =>
      llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'half', 1),
        attention: () => biases(input.config.on('attention_bias'), false),
        feedForward: () => v3Mixture(input),
      }),
  },
];

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['solar_open'], of: llamaNames({ mixture: v3Names() }) },
];
