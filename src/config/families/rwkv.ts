import type { StateSpec } from '../../model/attention';
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

/** RWKV-5 and 6: a square matrix per head in float32, and the last input of both halves of a layer. */
export const rwkv5: Family = {
  id: 'rwkv5',
  modelTypes: ['rwkv5', 'rwkv6'],
  cite: 'RWKV/rwkv-5-world-1b5 and RWKV/rwkv-6-world-1b6 modeling_rwkv5.py, modeling_rwkv6.py: state [heads, head_size, head_size] and two shifts',
  read: (reader) => {
    const count = layerCount(reader, ['num_hidden_layers']);
    const hidden = reader.integer(HIDDEN_KEYS);
    const attention = reader.integer(['attention_hidden_size']) ?? hidden;
    const headSize = reader.integer(['head_size']);
    reader.consult(['num_attention_heads', 'head_size_divisor']);
    if (!count || !hidden || !attention || !headSize) {
      missing(reader, 'num_hidden_layers, hidden_size and head_size', 'head_size');
      return { layers: [] };
    }
    const state: StateSpec = {
      flavour: 'rwkv',
      conv: { channels: hidden.value, width: 2, engineWidth: 2 },
      recurrentElements: attention.value * headSize.value,
      recurrentDtype: 'float32',
      heads: Math.floor(attention.value / headSize.value),
    };
    const sources = {
      conv: { ...hidden.source, rule: `token shift of both halves: 2 × ${hidden.value}` },
      recurrent: { ...headSize.source, rule: `${attention.value} × head size ${headSize.value}` },
    };
    return {
      layers: withLayerSource(repeat({ attention: { kind: 'recurrent', state }, sources }, count.value), count.source),
    };
  },
};
