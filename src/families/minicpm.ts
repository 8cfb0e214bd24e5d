/** MiniCPM 1 and 2: Llama's block with scaled embeddings, branches and logits. */

import { flag } from './counted/switches';
import type { CountsFacet, GgufFacet, LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'minicpm',
    modelTypes: ['minicpm'],
    cite: 'openbmb/MiniCPM-2B-sft-bf16 configuration_minicpm.py',
    read: plainDecoder,
  },
];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'minicpm', modelType: 'minicpm' }];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['minicpm'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
];
