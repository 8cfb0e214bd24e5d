/** PLaMo 1: `n_shared_head` query heads share one KV head. */

import { HEAD_KEYS } from '../config/spellings';
import type { CountsFacet, GgufFacet, LayersFacet } from './facets';
import { decoderLayers } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'plamo',
    modelTypes: ['plamo'],
    cite: 'pfnet/plamo-13b modeling_plamo.py Attention: k_num_heads = ceil(num_attention_heads / n_shared_head)',
    read: (reader) => {
      const heads = reader.integer(HEAD_KEYS);
      const shared = reader.integer(['n_shared_head']);
      reader.consult(['num_key_value_heads']);
      const value = heads && shared ? Math.ceil(heads.value / shared.value) : null;
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          headDimKeys: ['hidden_size_per_head'],
          kvKeys: value === null ? ['num_key_value_heads'] : [],
          ...(heads && shared && value !== null
            ? {
                kvHeads: { value, rule: `${heads.value} heads ÷ n_shared_head ${shared.value}`, source: shared.source },
              }
            : {}),
        }),
      };
    },
  },
];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'plamo', modelType: 'plamo' }];

export const counts = (): readonly CountsFacet[] => [{ modelTypes: ['plamo'], norms: 1 }];
