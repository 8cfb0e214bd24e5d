/** GLM-4 in both forms, and Phi-3: fused projections. */

import { headDims } from '../../../attention/layerSpec';
import { attentionAt, type FamilyDefinition, type FamilyInput } from '../family';
import { concatenatedQkv, fusedGateUp, LLAMA_PREFIXES } from '../llamaNames';
import { activation, gated, part, rmsNorm } from '../parts';
import { biases, type FeedForwardChoice, llamaLike, plainRotary } from './llamaLike';

function fusedMlp(input: FamilyInput): FeedForwardChoice {
  const width = input.config.number('intermediate_size');
  return {
    spec: gated(width, activation(input.config)),
    sources: fusedGateUp('mlp.gate_up_proj', 'mlp.down_proj', width),
  };
}

/** RoPE on adjacent pairs of the first half of a head. */
export const glm: FamilyDefinition = {
  modelTypes: ['glm', 'glm4'],
  prefixes: LLAMA_PREFIXES,
  build: (input, modelType) => {
    const { config } = input;
    const norm = rmsNorm(config.number('rms_norm_eps'));
    const four = modelType === 'glm4';
    return llamaLike(input, {
      norms: four
        ? { attention: norm, attentionOutput: norm, feedForward: norm, feedForwardOutput: norm }
        : { attention: norm, feedForward: norm },
      rotary: (_, attention) => plainRotary(input, attention, 'interleaved', 0.5),
      attention: () => biases(config.flag('attention_bias'), false),
      feedForward: () => fusedMlp(input),
      sources: four
        ? {
            norm_attention_output: part('post_self_attn_layernorm'),
            norm_feed_forward_output: part('post_mlp_layernorm'),
          }
        : {},
    });
  },
};

export const phi3: FamilyDefinition = {
  modelTypes: ['phi3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'half', 1),
      feedForward: () => fusedMlp(input),
      sources: (index) => {
        const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attentionAt(input, index));
        return concatenatedQkv('self_attn.qkv_proj', [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]);
      },
    }),
};
