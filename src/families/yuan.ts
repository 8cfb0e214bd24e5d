/** Yuan 2: every head has its own K and V, and a filter over the last hidden states makes queries and keys. */

import { HIDDEN_KEYS } from '../config/spellings';
import type { LayersFacet } from './facets';
import { repeat, withLayerSource } from './kit/decoder';
import { layerCount, missing } from './kit/headLayout';
import { parallelDraft } from './kit/mambaHybrid';
import { shortConvState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'yuan',
    modelTypes: ['yuan', 'yuan2', 'yuan2_m32'],
    cite: 'Yuan 2-M32 modeling_yuan2_m32.py YuanAttention.forward: past_key_value = keys, values, inference_hidden_states_memory (the last two); attention_projection_size ÷ heads',
    read: (reader) => {
      const count = layerCount(reader);
      const hidden = reader.integer(HIDDEN_KEYS);
      if (!count || !hidden) {
        missing(reader, 'num_hidden_layers and hidden_size', 'hidden_size');
        return { layers: [] };
      }
      reader.consult(['num_key_value_heads', 'kv_channels', 'head_dim', 'lf_conv2d_group', 'lf_conv2d_num_pad']);
      const two = { value: 2, source: reader.derived('the last two hidden states') };
      const draft = parallelDraft(
        reader,
        { kvKeys: [], headDimKeys: [], hiddenKeys: ['attention_projection_size', ...HIDDEN_KEYS] },
        keptWhole(shortConvState(hidden, two)),
      );
      return { layers: draft ? withLayerSource(repeat(draft, count.value), count.source) : [] };
    },
  },
];

/** Both hidden states are kept, by every implementation. */
function keptWhole(made: ReturnType<typeof shortConvState>): ReturnType<typeof shortConvState> {
  const { conv } = made.state;
  return conv ? { ...made, state: { ...made.state, conv: { ...conv, engineWidth: conv.width } } } : made;
}
