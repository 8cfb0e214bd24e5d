/** Falcon-H1: Mamba 2 and attention side by side in every layer. */

import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { adaptState, HYBRID_MAMBA2_NAMES } from './kit/ggufStates';
import { expandedWidth, mamba2Hybrid } from './kit/mambaHybrid';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'falcon-h1',
    modelTypes: ['falcon_h1'],
    cite: 'transformers 5.18 models/falcon_h1 (every layer is both)',
    sglang: { tracksStates: true },
    llamacpp: { keepsDraftStates: false },
    read: (reader) =>
      mamba2Hybrid(
        reader,
        () => ({ layerTypes: false, kindAt: () => 'hybrid' }),
        (from) => from.integer(['mamba_d_ssm'])?.value ?? expandedWidth(from, ['mamba_expand']),
      ),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'falcon-h1',
    modelType: 'falcon_h1',
    adapt: (config, source) => adaptState(config, source, HYBRID_MAMBA2_NAMES),
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['falcon_h1'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    mixerParts: {
      biasIn: ['mamba_proj_bias'],
      biasOut: ['projectors_bias'],
      outputNorm: flag('mamba_rms_norm'),
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['falcon_h1'],
    cite: 'transformers 5.18 modeling_falcon_h1.py: attention and mixer start from one norm and are added',
    says: ['Projections have fixed multipliers.'],
  },
];
