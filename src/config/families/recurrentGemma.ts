import type { Family } from '../family';
import { headLayout, HIDDEN_KEYS, layerCount, missing } from '../heads';
import { draftsOf, slidingDraft, withSources } from '../layers';
import { recurrentDraft, rgLruState } from '../states';
import { show } from '../reader';

/** RecurrentGemma (Griffin): `block_types` is repeated and cut; attention has a window in every layer. */
export const recurrentGemma: Family = {
  id: 'recurrent-gemma',
  modelTypes: ['recurrent_gemma'],
  cite: 'transformers 5.18 models/recurrent_gemma/configuration_recurrent_gemma.py layers_block_type; executed: head_dim counts where given',
  read: (reader) => {
    const count = layerCount(reader);
    const pattern = reader.list(['_block_types', 'block_types']);
    const window = reader.integer(['attention_window_size']);
    const conv = reader.integer(['conv1d_width']);
    const width = reader.integer(['lru_width']) ?? reader.integer(HIDDEN_KEYS);
    if (!count || !pattern || pattern.value.length === 0 || !window || !conv || !width) {
      missing(reader, 'block_types, attention_window_size, conv1d_width and lru_width', 'block_types');
      return { layers: [] };
    }
    const words = pattern.value.map((word) => (typeof word === 'string' ? word : show(word)));
    const labels = Array.from({ length: count.value }, (_, index) => words[index % words.length] ?? '');
    const heads = headLayout(reader, { headDimKeys: ['head_dim'] });
    const drafts = draftsOf(labels, {
      full: () => heads && slidingDraft(heads, window),
      recurrent: () => recurrentDraft(rgLruState(width, conv)),
    });
    return { layers: withSources(drafts, { layers: count.source, kind: pattern.source }) };
  },
};
