import type { Family } from '../family';
import { HEAD_KEYS } from '../heads';
import { decoderLayers } from '../layers';

/** PLaMo: `n_shared_head` query heads share one KV head. */
export const plamo: Family = {
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
          ? { kvHeads: { value, rule: `${heads.value} heads ÷ n_shared_head ${shared.value}`, source: shared.source } }
          : {}),
      }),
    };
  },
};
