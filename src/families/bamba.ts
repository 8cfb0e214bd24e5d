/** Bamba: Mamba 2 layers and attention layers. */

import { flag } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { mamba2Hybrid } from './kit/mambaHybrid';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'bamba',
    modelTypes: ['bamba'],
    cite: 'transformers 5.18 models/bamba/configuration_bamba.py (attn_layer_indices)',
    read: (reader) =>
      mamba2Hybrid(reader, () => {
        // Without indices no layer has heads.
        reader.consult(['num_key_value_heads']);
        const attention = new Set(reader.indexes(['attn_layer_indices'])?.value ?? []);
        return {
          layerTypes: false,
          kindAt: (index) => (attention.has(index) ? 'full' : 'mamba'),
          patternKey: 'attn_layer_indices',
        };
      }),
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['bamba'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['bamba'],
    cite: 'transformers 5.18 modeling_bamba.py, configuration_bamba.py: half of a head is turned',
    positions: 0.5,
  },
];
