/** JetMoE: attention experts share K and V; query heads = KV heads × experts of a token. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { LayerView } from './counted/facet';
import type { Tally } from './counted/tally';
import type { CountsFacet, LayersFacet } from './facets';
import { fullDraft, repeat, withLayerSource } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
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
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['jetmoe'], mixer: () => 0, mlpAt: () => false, extra: jetmoe },
];

/** T:jetmoe: query and output projections are experts too, with a router of their own. */
function jetmoe(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  const hidden = config.size(HIDDEN_KEYS);
  const experts = config.size('num_local_experts');
  const perToken = config.size('num_experts_per_tok');
  const width = config.size('kv_channels') * config.size('num_key_value_heads');
  const count = layers.length;
  tally.addExperts(count, experts, perToken, 2 * hidden * width);
  tally.addExperts(count, experts, perToken, 3 * hidden * config.size('intermediate_size'));
  tally.add('router', count * 2 * hidden * experts);
  tally.add('attention', count * (2 * hidden * width + hidden));
  tally.add('mlp', count * hidden);
}
