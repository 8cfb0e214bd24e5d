/** Grok-1 and its relatives: four norms, experts in every layer. */

import { EXPERT_KEYS } from './counted/experts';
import type { CountsFacet, GgufFacet, LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'grok',
    llamacpp: { flashAttention: false },
    modelTypes: ['grok-1', 'grok'],
    cite: 'hpcai-tech/grok-1 configuration_grok_1.py and modeling_grok_1.py; vLLM model_executor/models/grok1.py',
    read: plainDecoder,
  },
];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'grok', modelType: 'grok' }];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['grok-1', 'grok'],
    norms: 4,
    experts: { ...EXPERT_KEYS, width: ['moe_intermediate_size', 'intermediate_size'] },
  },
];
