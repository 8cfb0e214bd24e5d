/** Gemma 1 to 4 (text) and VaultGemma. */

import type { RunnableAttention } from '../../../attention/layerSpec';
import { headDims } from '../../../attention/layerSpec';
import type { RotarySpec } from '../../../attention/rotarySpec';
import { attentionAt, type FamilyDefinition, type FamilyInput } from '../family';
import { LLAMA_PREFIXES } from '../llamaNames';
import { headNorm, part, rmsNorm, rmsNormPlusOne } from '../parts';
import type { WeightSources } from '../plan';
import { rotary } from '../rotary';
import { biases, gatedMlp, llamaLike } from './llamaLike';

function scaledEmbedding(input: FamilyInput): { readonly multiplier: number } {
  return { multiplier: Math.sqrt(input.config.number('hidden_size')) };
}

/** Norms before and after attention and feed-forward. */
const FOUR_NORMS: WeightSources = {
  norm_attention: part('input_layernorm'),
  norm_attention_output: part('post_attention_layernorm'),
  norm_feed_forward: part('pre_feedforward_layernorm'),
  norm_feed_forward_output: part('post_feedforward_layernorm'),
};

export const gemma: FamilyDefinition = {
  modelTypes: ['gemma'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    if (input.config.flag('use_bidirectional_attention')) return input.config.unsupported('bidirectional attention');
    return llamaLike(input, {
      norm: rmsNormPlusOne(input.config.number('rms_norm_eps')),
      attention: () => biases(input.config.flag('attention_bias')),
      // The first files say `gelu` and mean its approximation by tanh.
      feedForward: () =>
        gatedMlp(input, input.config.string('hidden_act') === 'gelu' ? { activation: 'gelu-tanh' } : {}),
      embedding: scaledEmbedding(input),
    });
  },
};

function gemma2Like(input: FamilyInput, afterNorms: boolean): ReturnType<FamilyDefinition['build']> {
  const { config } = input;
  if (config.flag('use_bidirectional_attention')) return config.unsupported('bidirectional attention');
  const norm = rmsNormPlusOne(config.number('rms_norm_eps'));
  return llamaLike(input, {
    norm,
    norms: {
      attention: norm,
      feedForward: norm,
      ...(afterNorms ? { attentionOutput: norm, feedForwardOutput: norm } : {}),
    },
    attention: () => ({
      ...biases(config.flag('attention_bias')),
      scale: config.number('query_pre_attn_scalar') ** -0.5,
      softcap: config.numberOr('attn_logit_softcapping', null),
    }),
    feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
    sources: FOUR_NORMS,
    embedding: scaledEmbedding(input),
    output: { softcap: config.numberOr('final_logit_softcapping', null) },
  });
}

export const gemma2: FamilyDefinition = {
  modelTypes: ['gemma2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => gemma2Like(input, true),
};

export const vaultgemma: FamilyDefinition = {
  modelTypes: ['vaultgemma'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => gemma2Like(input, false),
};

/** Local layers have their own RoPE base; older files scale the RoPE of global layers only. */
function gemma3Rotary(input: FamilyInput, attention: RunnableAttention): RotarySpec | null {
  const { config } = input;
  const dim = headDims(attention).keyDim;
  const local = attention.kind === 'sliding';
  const nested = config.object('rope_parameters')?.['full_attention'] !== undefined;
  const options = { dim, layout: 'half' as const, layerType: local ? 'sliding_attention' : 'full_attention' };
  if (nested)
    return rotary(config, {
      ...options,
      theta: config.defaultTheta(local ? 'local' : 'global'),
      thetaKey: local ? 'rope_local_base_freq' : 'rope_theta',
    });
  if (!local) return rotary(config, { ...options, theta: config.defaultTheta('global') });
  const theta = config.numberOr('rope_local_base_freq', config.defaultTheta('local'));
  return { theta, dim, layout: 'half', scaling: null };
}

export const gemma3: FamilyDefinition = {
  modelTypes: ['gemma3_text', 'gemma3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    if (config.flag('use_bidirectional_attention')) return config.unsupported('bidirectional attention');
    const norm = rmsNormPlusOne(config.number('rms_norm_eps'));
    const head = headNorm(norm);
    return llamaLike(input, {
      norm,
      norms: { attention: norm, attentionOutput: norm, feedForward: norm, feedForwardOutput: norm },
      rotary: (_, attention) => gemma3Rotary(input, attention),
      attention: () => ({
        ...biases(config.flag('attention_bias')),
        queryNorm: head,
        keyNorm: head,
        // attn_logit_softcapping is a key of this class that no implementation reads: Gemma 3 has norms on q and k instead.
        scale: config.number('query_pre_attn_scalar') ** -0.5,
      }),
      feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
      sources: FOUR_NORMS,
      embedding: scaledEmbedding(input),
      output: { softcap: config.numberOr('final_logit_softcapping', null) },
    });
  },
};

/** Where the file gives no rope_parameters: the whole head in sliding layers, a quarter of the pairs in full ones. */
function gemma4Rotary(input: FamilyInput, attention: RunnableAttention): RotarySpec | null {
  const { config } = input;
  const dim = headDims(attention).keyDim;
  const local = attention.kind === 'sliding';
  if (config.object('rope_parameters') !== null)
    return rotary(config, { dim, layout: 'half', layerType: local ? 'sliding_attention' : 'full_attention' });
  if (local) return { theta: 10_000, dim, layout: 'half', scaling: null };
  const rotatedDim = 2 * Math.floor(Math.floor(0.25 * dim) / 2);
  return { theta: 1_000_000, dim, layout: 'half', scaling: { kind: 'proportional', rotatedDim, factor: 1 } };
}

/** Dense Gemma 4 without per-layer inputs and shared caches. */
export const gemma4: FamilyDefinition = {
  modelTypes: ['gemma4_text'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    if (config.numberOr('hidden_size_per_layer_input', 0) !== 0)
      return config.unsupported('an input embedding per layer');
    if (config.numberOr('num_kv_shared_layers', 0) !== 0)
      return config.unsupported('sharing of K and V between layers');
    if (config.flag('enable_moe_block')) return config.unsupported('the mixture of experts beside the feed-forward');
    if (config.get('use_bidirectional_attention') != null && config.get('use_bidirectional_attention') !== false) {
      return config.unsupported('bidirectional attention');
    }
    const epsilon = config.number('rms_norm_eps');
    const norm = rmsNorm(epsilon);
    return llamaLike(input, {
      norm,
      norms: { attention: norm, attentionOutput: norm, feedForward: norm, feedForwardOutput: norm },
      rotary: (_, attention) => gemma4Rotary(input, attention),
      attention: () => ({
        ...biases(config.flag('attention_bias')),
        queryNorm: headNorm(norm),
        keyNorm: headNorm(norm),
        valueNorm: headNorm({ kind: 'rms', epsilon, weight: 'none', bias: false }),
        scale: 1,
      }),
      feedForward: () => gatedMlp(input, { activationKey: 'hidden_activation' }),
      // Full layers may have one projection for K and V.
      sources: (index) => ({
        ...FOUR_NORMS,
        ...(config.flag('attention_k_eq_v') && attentionAt(input, index).kind === 'full'
          ? { v: part('self_attn.k_proj') }
          : {}),
      }),
      block: (index) => ({ outputMultiplier: input.scalar(`layers.${index}.layer_scalar`) ?? 1 }),
      embedding: scaledEmbedding(input),
      output: { softcap: config.numberOr('final_logit_softcapping', null) },
    });
  },
};
