/** Granite 4: alternating Mamba 2 and attention, with routed experts in addition to a feed-forward. */

import { HIDDEN_KEYS } from '../config/spellings';
import { wide } from './counted/experts';
import { denseWeights, EXPERT_COUNT_KEYS } from './counted/feedForward';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayersFacet } from './facets';
import { adaptHybrid, HYBRID_MAMBA2_NAMES } from './kit/ggufStates';
import { mamba2Hybrid } from './kit/mambaHybrid';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'granite-hybrid',
    modelTypes: ['granitemoehybrid'],
    cite: 'transformers 5.18 models/granitemoehybrid (layer_types)',
    sglang: { tracksStates: true },
    llamacpp: { keepsDraftStates: false },
    read: (reader) => mamba2Hybrid(reader, () => ({ layerTypes: true, kindAt: () => 'mamba' })),
  },
];

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'granitehybrid', modelType: 'granitemoehybrid', adapt: adaptHybrid(HYBRID_MAMBA2_NAMES) },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['granitemoehybrid'],
    bias: flag('attention_bias'),
    width: () => 0,
    experts: wide,
    extra: (config, tally, layers) => {
      const prefix = config.sizeOr(EXPERT_COUNT_KEYS, 0) > 0 ? 'shared.' : '';
      const weights = denseWeights(
        config.size(HIDDEN_KEYS),
        config.size('shared_intermediate_size'),
        true,
        false,
        prefix,
      );
      for (const { index } of layers) {
        tally.place = index;
        tally.addNamed('mlp', weights);
      }
      tally.place = null;
    },
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['granitemoehybrid'],
    cite: 'transformers 5.18 modeling_granitemoehybrid.py: RoPE where position_embedding_type says so; softmax over the chosen',
    positions: (config) => (config.get('position_embedding_type') === 'rope' ? 'rope' : 'none'),
    router: () => ({ scoring: 'softmax-selected' }),
    residual: (config) => config.numberOr('residual_multiplier', 1),
    scale: (config) => config.numberOr('attention_multiplier', 1),
  },
];
