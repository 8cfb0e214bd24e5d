/** LongCat-Flash: every layer holds two attentions, so it has two caches. */

import { HIDDEN_KEYS } from '../config/spellings';
import { flag } from './counted/switches';
import { consultDecoys } from './deepseek';
import { type ConfigReader, MAX_LAYERS } from '../config/reader';
import type { Sourced } from '../model/spec';
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
      const count = layersOf(reader);
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

/**
 * `num_layers`, or half of `num_hidden_layers`: the class of transformers 5.18 derives the latter, and where a file has it, takes
 * half of it whatever `num_layers` says. Where the two part, other code reads another model.
 */
function layersOf(reader: ConfigReader): Sourced<number> | null {
  const given = layerCount(reader, ['num_layers']);
  if (!reader.defaults) return given ?? layerCount(reader, ['num_hidden_layers']);
  reader.refuseNull(['num_hidden_layers']);
  const all = reader.hasValue('num_hidden_layers') ? reader.integer(['num_hidden_layers'], 2, MAX_LAYERS) : null;
  if (!all) return given;
  const count = Math.floor(all.value / 2);
  if (given && reader.hasValue('num_layers') && given.value !== count)
    reader.log.note(
      `num_hidden_layers ${all.value} is not twice num_layers ${given.value}: transformers takes half of it`,
      true,
      reader.pathOf('num_hidden_layers'),
    );
  return { value: count, source: { ...all.source, rule: `half of num_hidden_layers ${all.value}` } };
}

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
