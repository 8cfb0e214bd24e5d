/** LongCat-Flash: every layer holds two attentions, so it has two caches. */

import { HIDDEN_KEYS } from '../config/spellings';
import { flag } from './counted/switches';
import { consultDecoys } from './deepseek';
import type { CountsFacet, LayersFacet } from './facets';
import { repeat, withLayerSource } from './kit/decoder';
import { latentLayout, layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'longcat',
    modelTypes: ['longcat_flash', 'longcat_flash_ngram', 'longcat_flash_chat'],
    cite: 'transformers 5.18 models/longcat_flash/modeling_longcat_flash.py: self_attn of layer i has layer_idx 2i and 2i + 1',
    read: (reader) => {
      consultDecoys(reader);
      reader.consult(['ngram_vocab_size_ratio']);
      const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
      const latent = count && latentLayout(reader);
      if (!count || !latent) {
        if (!count) missing(reader, 'the number of layers', 'num_layers');
        return { layers: [] };
      }
      return {
        layers: withLayerSource(repeat(latent, 2 * count.value), {
          ...count.source,
          rule: `${count.value} layers of two attentions each`,
        }),
      };
    },
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['longcat_flash'],
    note: 'experts that only pass on their input have no parameters (transformers 5.18 allocates some for them)',
    bias: flag('attention_bias'),
    width: ['ffn_hidden_size', 'intermediate_size'],
    experts: {
      count: ['n_routed_experts'],
      perToken: ['moe_topk', 'num_experts_per_tok'],
      perTokenDefault: 12,
      width: ['expert_ffn_hidden_size', 'moe_intermediate_size'],
      beside: true,
      sparse: () => (layer) => layer % 2 === 0,
      router: (config) =>
        config.size('zero_expert_num', 256) * config.size(HIDDEN_KEYS) +
        (config.flag(['router_bias'], false) ? config.size('n_routed_experts') : 0),
    },
  },
];
