import type { Family } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, repeat, withLayerSource } from '../layers';

/** JetMoE: attention experts share K and V; query heads = KV heads × experts of a token. */
export const jetmoe: Family = {
  id: 'jetmoe',
  modelTypes: ['jetmoe'],
  cite: 'transformers 5.18 models/jetmoe/configuration_jetmoe.py, JetMoeAttention: kv_channels wide, num_key_value_heads cached',
  read: (reader) => {
    const count = layerCount(reader, ['num_hidden_layers']);
    const kv = reader.integer(['num_key_value_heads']);
    const experts = reader.integer(['num_experts_per_tok', 'moe_top_k']);
    if (!count || !kv || !experts) {
      missing(reader, 'num_key_value_heads and num_experts_per_tok', 'num_key_value_heads');
      return { layers: [] };
    }
    reader.consult(['num_attention_heads']);
    const heads = headLayout(reader, {
      headKeys: ['num_key_value_heads'],
      kvKeys: ['num_key_value_heads'],
      headDimKeys: ['head_dim', 'kv_channels'],
    });
    if (!heads) return { layers: [] };
    const queryHeads = kv.value * experts.value;
    const layout = {
      layout: { ...heads.layout, queryHeads },
      sources: {
        ...heads.sources,
        queryHeads: { ...experts.source, rule: `${kv.value} KV heads × ${experts.value} experts of a token` },
      },
    };
    return { layers: withLayerSource(repeat(fullDraft(layout), count.value), count.source) };
  },
};
