/** K2-Horizon: grouped attention; a router mixes V from experts, and the one mixed V is cached. */

import type { LayersFacet } from './facets';
import { decoderLayers } from './kit/decoder';
import { qwenWindow } from './qwen';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'k2-horizon',
    modelTypes: ['k2_horizon'],
    cite: 'mlx-lm models/k2_horizon.py K2HorizonMoVAAttention: values of the experts are summed before the cache; vLLM model_executor/models/k2_horizon.py',
    read: (reader) => {
      reader.consult(['mova_num_experts', 'mova_num_experts_per_tok', 'rope_head_dim']);
      // Every published file says false; what it would do in which layers is not known.
      if (qwenWindow(reader))
        reader.log.note('use_sliding_window is not known to this type', true, reader.pathOf('use_sliding_window'));
      return { layers: decoderLayers(reader, { layerTypes: false }) };
    },
  },
];
