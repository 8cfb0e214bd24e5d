/** Qwen 2 and 3, dense. */

import type { FamilyDefinition } from '../family';
import { LLAMA_PREFIXES } from '../llamaNames';
import { headNorm, rmsNorm } from '../parts';
import { biases, llamaLike } from './llamaLike';

/** q, k and v always have biases, o never. The text part of Qwen-VL rotates text tokens as plain RoPE does. */
export const qwen2: FamilyDefinition = {
  modelTypes: ['qwen2', 'qwen2_vl_text', 'qwen2_5_vl_text'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => llamaLike(input, { attention: () => biases(true, false) }),
};

/** RMSNorm over each head of q and k. */
export const qwen3: FamilyDefinition = {
  modelTypes: ['qwen3', 'qwen3_vl_text'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const norm = headNorm(rmsNorm(input.config.number('rms_norm_eps')));
    return llamaLike(input, {
      attention: () => ({ ...biases(input.config.flag('attention_bias')), queryNorm: norm, keyNorm: norm }),
    });
  },
};
