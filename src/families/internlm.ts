/** InternLM 1 to 3. */

import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'internlm',
    modelTypes: ['internlm', 'internlm2', 'internlm2_ve', 'internlm3'],
    cite: 'internlm/internlm2-7b configuration_internlm2.py, internlm/internlm3-8b-instruct configuration_internlm3.py; vLLM internlm2_ve.py',
    read: plainDecoder,
  },
];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'internlm2', modelType: 'internlm2' }];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['internlm'], bias: flag('bias', true) },
  { modelTypes: ['internlm2'], bias: flag('bias') },
  { modelTypes: ['internlm3'], bias: flag('qkv_bias'), outBias: flag('bias'), mlpBias: flag('bias') },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  { modelTypes: ['internlm', 'internlm2', 'internlm3'], cite: "internlm's modeling_internlm2.py: as Llama" },
];
