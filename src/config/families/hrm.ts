import type { Family } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, repeat, withLayerSource } from '../layers';

/** HRM: the same stack runs many times for a token, and each run has its own cache. */
export const hrm: Family = {
  id: 'hrm',
  modelTypes: ['hrm_text'],
  cite: 'transformers 5.18 models/hrm_text/configuration_hrm_text.py: layers × H_cycles × (L_cycles + 1), unless num_layers_per_stack is given',
  read: (reader) => {
    const count = layerCount(reader, ['num_hidden_layers']);
    const heads = headLayout(reader, { kvKeys: [] });
    const high = reader.integer(['H_cycles']);
    const low = reader.integer(['L_cycles'], 0);
    if (!count || !heads || !high || !low) {
      missing(reader, 'num_hidden_layers, H_cycles and L_cycles', 'H_cycles');
      return { layers: [] };
    }
    const runs = reader.hasValue('num_layers_per_stack') ? 1 : high.value * (low.value + 1);
    if (count.value * runs > 4096) return { layers: [] };
    const rule = runs === 1 ? 'given' : `${count.value} layers × ${high.value} × (${low.value} + 1) runs`;
    return { layers: withLayerSource(repeat(fullDraft(heads), count.value * runs), { ...count.source, rule }) };
  },
};
