/** GigaChat 3.5: latent attention in the listed layers, gated delta nets in the others. */

import { consultDecoys } from './deepseek';
import type { LayersFacet } from './facets';
import { draftsOf, layerLabels, withSources } from './kit/decoder';
import { latentLayout, layerCount, missing } from './kit/headLayout';
import { gatedDeltaNetState, recurrentDraft } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'gigachat3.5',
    modelTypes: ['gigachat3_5'],
    cite: 'vLLM transformers_utils/configs/gigachat3_5.py: full where the index is in full_attention_layers, everywhere without linear_attention_type',
    defaults: {
      gigachat3_5: {
        num_hidden_layers: 40,
        num_attention_heads: 64,
        kv_lora_rank: 512,
        q_lora_rank: 1536,
        qk_rope_head_dim: 64,
        qk_nope_head_dim: 128,
        v_head_dim: 128,
        linear_attention_type: 'Qwen3NextGatedDeltaNet',
        linear_key_head_dim: 128,
        linear_value_head_dim: 128,
        linear_conv_kernel_dim: 4,
        linear_num_key_heads: 32,
        linear_num_value_heads: 64,
      },
    },
    read: (reader) => {
      consultDecoys(reader);
      reader.consult(['linear_use_short_conv', 'num_krope_heads', 'full_attention_layers', 'attention_type']);
      const count = layerCount(reader);
      const latent = latentLayout(reader);
      if (!count || !latent) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      const type = reader.string(['linear_attention_type'])?.value ?? null;
      if (type !== null && type !== 'Qwen3NextGatedDeltaNet')
        reader.log.note(`linear_attention_type ${type} is not known`, true, reader.pathOf('linear_attention_type'));
      for (const [key, known] of [
        ['linear_use_short_conv', true],
        ['num_krope_heads', 1],
      ] as const)
        if (reader.hasValue(key) && reader.own(key) !== known)
          reader.log.note(`${key} other than ${String(known)} is not known`, true, reader.pathOf(key));
      const full = reader.indexes(['full_attention_layers']);
      // The list of numbers counts before the list of words.
      const listed = full ? null : layerLabels(reader, count.value);
      const labels =
        type === null
          ? new Array<string>(count.value).fill('full_attention')
          : (listed?.value ??
            Array.from({ length: count.value }, (_, index) =>
              full?.value.includes(index) ? 'full_attention' : 'linear_attention',
            ));
      const drafts = draftsOf(labels, {
        full: () => latent,
        linear: () => recurrentDraft(gatedDeltaNetState(reader)),
      });
      const kind = full?.source ?? listed?.source ?? null;
      return { layers: withSources(drafts, { layers: count.source, ...(kind ? { kind } : {}) }) };
    },
  },
];
