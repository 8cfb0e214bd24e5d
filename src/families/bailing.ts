/** Ling and Ring of inclusionAI: plain grouped attention, DeepSeek's experts. */

import { deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import type { CountsFacet, GgufFacet, LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bailing',
    modelTypes: ['bailing_moe', 'bailing_moe_v2'],
    cite: 'inclusionAI/Ling-lite modeling_bailing_moe.py; vLLM model_executor/models/bailing_moe.py',
    read: plainDecoder,
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'bailingmoe', modelType: 'bailing_moe' },
  { architecture: 'bailingmoe2', modelType: 'bailing_moe_v2' },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['bailing_moe', 'bailing_moe_v2'],
    bias: flag('use_qkv_bias'),
    outBias: flag('use_bias'),
    experts: deepseekExperts,
  },
];
