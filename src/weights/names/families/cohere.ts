/** Cohere Command R and R7B: one LayerNorm, attention and feed-forward in parallel, RoPE on adjacent pairs. */

import type { FamilyDefinition } from '../family';
import { LLAMA_PREFIXES } from '../llamaNames';
import { headNorm, layerNorm } from '../parts';
import { biases, llamaLike, plainRotary } from './llamaLike';

export const cohere: FamilyDefinition = {
  modelTypes: ['cohere', 'cohere2'],
  prefixes: LLAMA_PREFIXES,
  build: (input, modelType) => {
    const { config } = input;
    const norm = layerNorm(config.number('layer_norm_eps'), false);
    const head = modelType === 'cohere' && config.flag('use_qk_norm') ? headNorm(norm, 'head-own') : null;
    return llamaLike(input, {
      norm,
      norms: { attention: norm },
      // Cohere 2: full layers have no RoPE.
      rotary: (_, attention) =>
        modelType === 'cohere2' && attention.kind !== 'sliding' ? null : plainRotary(input, attention, 'interleaved'),
      attention: () => ({ ...biases(config.flag('attention_bias')), queryNorm: head, keyNorm: head }),
      block: () => ({ arrangement: 'parallel' }),
      output: { multiplier: config.number('logit_scale') },
    });
  },
};
