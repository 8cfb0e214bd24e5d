/** RecurrentGemma (Griffin): `block_types` repeats up to the number of layers; every attention layer has a window. */

import { show } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { draftsOf, slidingDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';
import { recurrentDraft, rgLruState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'recurrent-gemma',
    modelTypes: ['recurrent_gemma'],
    cite: 'transformers 5.18 models/recurrent_gemma/configuration_recurrent_gemma.py layers_block_type; executed: head_dim counts where given',
    llamacpp: { runs: false },
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
  },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['recurrent_gemma'],
    bias: flag('attention_bias'),
    outBias: true,
    mlpBias: true,
    width: (config) => Math.floor(config.size('intermediate_size') / 2),
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['recurrent_gemma'],
    cite: 'transformers 5.18 modeling_recurrent_gemma.py: norms × (1 + weight), half of a head is turned',
    norm: { weight: 'plus-one' },
    activation: 'gelu-tanh',
    positions: 0.5,
  },
];
