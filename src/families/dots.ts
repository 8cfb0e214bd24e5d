/** dots.llm1: Qwen 3's attention around DeepSeek-V3's experts. */

import type { BlocksFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { slidingWindow } from './kit/decoder';
import { v3Mixture, v3Names } from './kit/mixtures';
import { llamaNames } from './kit/tensorNames';
import { headNorm, rmsNorm } from './kit/parts';
import { fromWindowLayer } from './qwen';

export const layers = (): readonly LayersFacet[] => [
  {
    // No use_sliding_window: the window counts wherever it stands.
    id: 'dots1',
    modelTypes: ['dots1'],
    cite: 'transformers 5.18 models/dots1/configuration_dots1.py: layer_types from sliding_window and max_window_layers',
    llamacpp: { windows: false },
    read: (reader) => fromWindowLayer(reader, slidingWindow(reader)),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['dots1'],
    build: (input) => {
      const { config } = input;
      const norm = headNorm(rmsNorm(config.need('rms_norm_eps')));
      return llamaBlocks(input, {
        attention: () => ({ ...biases(config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
        // Without a number of experts, which the class does not give, all layers are dense.
        feedForward: (index) =>
          config.numberOr('n_routed_experts', 0) > 0 && index >= config.need('first_k_dense_replace')
            ? v3Mixture(input)
            : gatedMlp(input),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['dots1'], of: llamaNames({ mixture: v3Names() }) }];

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'dots1', modelType: 'dots1' }];
