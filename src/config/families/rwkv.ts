import type { Family } from '../family';
import { HIDDEN_KEYS, layerCount, missing } from '../heads';
import { repeat, withLayerSource } from '../layers';
import { recurrentDraft, rwkv4State } from '../states';

/** RWKV-4: no keys and values, five vectors a layer. */
export const rwkv: Family = {
  id: 'rwkv',
  modelTypes: ['rwkv'],
  cite: 'transformers 5.18 models/rwkv/modeling_rwkv.py RwkvModel.forward: two token shifts and three accumulators, these in float32',
  read: (reader) => {
    const count = layerCount(reader, ['num_hidden_layers']);
    const hidden = reader.integer(HIDDEN_KEYS);
    const attention = reader.integer(['attention_hidden_size']) ?? hidden;
    const draft = hidden && attention ? recurrentDraft(rwkv4State(hidden, attention)) : null;
    if (!count || !draft) {
      missing(reader, 'num_hidden_layers and hidden_size', 'hidden_size');
      return { layers: [] };
    }
    return { layers: withLayerSource(repeat(draft, count.value), count.source) };
  },
};
