import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** Command R7B and Command A: three sliding layers, then a full one. */
export const cohere2: Family = {
  id: 'cohere2',
  modelTypes: ['cohere2', 'cohere_compass_text'],
  cite: 'transformers 5.18 models/cohere2/configuration_cohere2.py: full where (i + 1) % sliding_window_pattern == 0, 4 where absent',
  read: (reader, modelType) => {
    const period = reader.integer(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 4;
    const compass = modelType === 'cohere_compass_text';
    return {
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => (compass || (index + 1) % period === 0 ? 'full' : 'sliding'),
      }),
    };
  },
};

/** The mixture: the first dense layers have a pattern of their own (all full where absent), the rest starts anew. */
export const cohere2Moe: Family = {
  id: 'cohere2-moe',
  modelTypes: ['cohere2_moe'],
  cite: 'transformers 5.18 models/cohere2_moe/configuration_cohere2_moe.py __post_init__',
  read: (reader) => {
    const dense = reader.integer(['first_k_dense_replace'], 0)?.value ?? 0;
    const densePeriod = reader.integer(['prefix_dense_sliding_window_pattern'])?.value ?? 1;
    const period = reader.integer(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 4;
    return {
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => {
          const full = index < dense ? (index + 1) % densePeriod === 0 : (index - dense + 1) % period === 0;
          return full ? 'full' : 'sliding';
        },
      }),
    };
  },
};
