/** Latent attention (DeepSeek-V2 and V3, MiniCPM3, Youtu), and the models that took over DeepSeek's experts. */

import { NO_NORMS } from '../../../attention/blockSpec';
import type { AttentionLayerSpec, RunnableAttention } from '../../../attention/layerSpec';
import type { RotarySpec } from '../../../attention/rotarySpec';
import { attentionAt, type FamilyDefinition, type FamilyInput } from '../family';
import { type ExpertNames, latentNames, LLAMA_PREFIXES, PLAIN_EXPERTS } from '../llamaNames';
import { activation, gated, headNorm, part, rmsNorm } from '../parts';
import type { WeightSources } from '../plan';
import { numberOf, ropeParameters, rotary } from '../rotary';
import { biases, type FeedForwardChoice, gatedMlp, llamaLike, plainRotary } from './llamaLike';
import { mixture, moe, softmaxRouter } from './moe';

/** The epsilon of the norms on latents is the class's, whatever rms_norm_eps says. */
const LATENT_EPSILON = 1e-6;

/** YaRN with mscale_all_dim also sharpens the softmax. */
function latentScale(input: FamilyInput, keyDim: number): number {
  const parameters = ropeParameters(input.config, undefined) ?? {};
  const type = parameters['rope_type'] ?? parameters['type'] ?? 'default';
  const all = numberOf(parameters['mscale_all_dim']) ?? 0;
  const factor = numberOf(parameters['factor']) ?? 1;
  const mscale = type === 'default' || all === 0 || factor <= 1 ? 1 : 0.1 * all * Math.log(factor) + 1;
  return keyDim ** -0.5 * mscale * mscale;
}

function latentChanges(input: FamilyInput, attention: RunnableAttention): Partial<AttentionLayerSpec> {
  if (attention.kind !== 'latent') return input.config.unsupported('attention without a latent');
  if (attention.indexer !== undefined) return input.config.unsupported('sparse attention with an indexer');
  const bias = input.config.flag('attention_bias');
  const direct = attention.queryLatentDim === null;
  const norm = rmsNorm(LATENT_EPSILON);
  return {
    biases: { q: bias && !direct, k: bias, v: false, o: bias },
    scale: latentScale(input, attention.nopeDim + attention.ropeDim),
    latentNorms: { query: direct ? null : norm, latent: norm },
  };
}

function latentSources(input: FamilyInput, index: number): WeightSources {
  const attention = attentionAt(input, index);
  if (attention.kind !== 'latent') return input.config.unsupported('attention without a latent');
  return latentNames(attention.queryHeads, attention.nopeDim, attention.valueDim);
}

/** Width of the shared experts together, or null. */
function sharedWidth(input: FamilyInput, key = 'n_shared_experts'): number | null {
  const count = input.config.numberOr(key, 0);
  return count > 0 ? count * input.config.number('moe_intermediate_size') : null;
}

interface V3Keys {
  readonly experts?: string;
  readonly shared?: string;
  /** Name of the tensor with the correction. */
  readonly correction?: string;
}

/** DeepSeek-V3's experts: sigmoid scores, a correction for the choice, groups. */
export function v3Mixture(input: FamilyInput, index: number, keys: V3Keys = {}): FeedForwardChoice {
  const { config } = input;
  const act = activation(config);
  const groups = config.numberOr('n_group', 1);
  const shared = sharedWidth(input, keys.shared);
  const spec = moe(
    softmaxRouter(config, keys.experts ?? 'n_routed_experts', 'num_experts_per_tok', {
      scoring: 'sigmoid',
      normalize: config.flag('norm_topk_prob'),
      factor: config.numberOr('routed_scaling_factor', 1),
      correctionBias: true,
      groups: groups > 1 ? { count: groups, top: config.number('topk_group'), score: 'top2-sum' } : null,
    }),
    gated(config.number('moe_intermediate_size'), act),
    { shared: shared === null ? null : { expert: gated(shared, act), gate: false } },
  );
  return mixture(input, index, spec, v3Names(shared !== null, keys.correction));
}

function v3Names(shared: boolean, correction = 'mlp.gate.e_score_correction_bias'): ExpertNames {
  return {
    router: part('mlp.gate'),
    correction: { base: correction, suffix: { weight: '', bias: '' } },
    experts: 'mlp.experts',
    parts: PLAIN_EXPERTS,
    ...(shared ? { shared: 'mlp.shared_experts' } : {}),
  };
}

export const deepseekV2: FamilyDefinition = {
  modelTypes: ['deepseek_v2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const act = activation(config);
    const method = config.get('topk_method') ?? 'greedy';
    if (method !== 'greedy' && method !== 'group_limited_greedy') return config.unsupported('this topk_method');
    return llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
      attention: (_, attention) => latentChanges(input, attention),
      feedForward: (index) => {
        if (index < config.number('first_k_dense_replace')) return gatedMlp(input, { bias: config.flag('mlp_bias') });
        const bias = config.flag('mlp_bias');
        const shared = sharedWidth(input);
        const groups =
          method === 'greedy'
            ? null
            : { count: config.number('n_group'), top: config.number('topk_group'), score: 'max' as const };
        // transformers does not normalise here, whatever norm_topk_prob says.
        const router = softmaxRouter(config, 'n_routed_experts', 'num_experts_per_tok', {
          factor: config.numberOr('routed_scaling_factor', 1),
          groups,
        });
        const spec = moe(router, gated(config.number('moe_intermediate_size'), act), {
          shared: shared === null ? null : { expert: gated(shared, act, bias), gate: false },
        });
        return mixture(input, index, spec, v3Names(shared !== null));
      },
      sources: (index) => latentSources(input, index),
    });
  },
};

/** Adjacent pairs, regrouped into halves after rotation. */
function v3Rotary(input: FamilyInput, attention: RunnableAttention): RotarySpec | null {
  return plainRotary(input, attention, input.config.flag('rope_interleave', true) ? 'interleaved-to-half' : 'half');
}

export const deepseekV3: FamilyDefinition = {
  modelTypes: ['deepseek_v3', 'kimi_k2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => v3Rotary(input, attention),
      attention: (_, attention) => latentChanges(input, attention),
      feedForward: (index) =>
        index >= input.config.number('first_k_dense_replace') ? v3Mixture(input, index) : gatedMlp(input),
      sources: (index) => latentSources(input, index),
    }),
};

/** Layers are dense or sparse as `mlp_layer_types` says; all but the first are sparse where it is silent. */
export const glm4MoeLite: FamilyDefinition = {
  modelTypes: ['glm4_moe_lite'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const kinds = input.config.list('mlp_layer_types');
    return llamaLike(input, {
      rotary: (_, attention) => v3Rotary(input, attention),
      attention: (_, attention) => latentChanges(input, attention),
      feedForward: (index) =>
        (kinds === null ? index > 0 : kinds[index] === 'sparse') ? v3Mixture(input, index) : gatedMlp(input),
      sources: (index) => latentSources(input, index),
    });
  },
};

/** DeepSeek-V3 with a norm on what the experts give back. */
export const axk1: FamilyDefinition = {
  modelTypes: ['axk1'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = rmsNorm(config.number('rms_norm_eps'));
    const sparse = (index: number): boolean => index >= config.number('first_k_dense_replace');
    return llamaLike(input, {
      rotary: (_, attention) => v3Rotary(input, attention),
      attention: (_, attention) => latentChanges(input, attention),
      feedForward: (index) => (sparse(index) ? v3Mixture(input, index) : gatedMlp(input)),
      sources: (index) => ({ ...latentSources(input, index), norm_feed_forward_output: part('post_mlp_layernorm') }),
      block: (index) =>
        sparse(index) ? { norms: { ...NO_NORMS, attention: norm, feedForward: norm, feedForwardOutput: norm } } : {},
    });
  },
};

/** Experts in every layer, no norms on q and k. */
export const solarOpen: FamilyDefinition = {
  modelTypes: ['solar_open'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'half', 1),
      attention: () => biases(input.config.flag('attention_bias'), false),
      feedForward: (index) => v3Mixture(input, index),
    }),
};

export const youtu: FamilyDefinition = {
  modelTypes: ['youtu'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => v3Rotary(input, attention),
      attention: (_, attention) => latentChanges(input, attention),
      sources: (index) => latentSources(input, index),
    }),
};

/** Latent attention with RoPE in halves, scaled embeddings, residual branches and logits. */
export const minicpm3: FamilyDefinition = {
  modelTypes: ['minicpm3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const hidden = config.number('hidden_size');
    return llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'half'),
      attention: (_, attention) => latentChanges(input, attention),
      feedForward: () => gatedMlp(input, { bias: config.flag('mlp_bias') }),
      sources: (index) => latentSources(input, index),
      block: () => ({
        residualMultiplier: config.number('scale_depth') / Math.sqrt(config.number('num_hidden_layers')),
      }),
      embedding: { multiplier: config.number('scale_emb') },
      output: { multiplier: config.numberOr('dim_model_base', hidden) / hidden },
    });
  },
};

export const dots1: FamilyDefinition = {
  modelTypes: ['dots1'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const norm = headNorm(rmsNorm(input.config.number('rms_norm_eps')));
    return llamaLike(input, {
      attention: () => ({ ...biases(input.config.flag('attention_bias')), queryNorm: norm, keyNorm: norm }),
      feedForward: (index) =>
        index >= input.config.number('first_k_dense_replace') ? v3Mixture(input, index) : gatedMlp(input),
    });
  },
};

/** RoPE on half of each head. */
export const glm4Moe: FamilyDefinition = {
  modelTypes: ['glm4_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = config.flag('use_qk_norm') ? headNorm(rmsNorm(config.number('rms_norm_eps'))) : null;
    return llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
      attention: () => ({ ...biases(config.flag('attention_bias'), false), queryNorm: norm, keyNorm: norm }),
      feedForward: (index) =>
        index >= config.number('first_k_dense_replace') ? v3Mixture(input, index) : gatedMlp(input),
    });
  },
};

/** V wider or narrower than K, sinks and more KV heads in sliding layers. */
export const mimoV2: FamilyDefinition = {
  modelTypes: ['mimo_v2_flash'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const scale = config.numberOr('attention_value_scale', 1);
    const kinds = config.list('mlp_layer_types');
    return llamaLike(input, {
      rotary: (_, attention) => {
        const local = attention.kind === 'sliding';
        return mimoRotary(input, attention, local);
      },
      attention: (_, attention) => ({
        ...biases(config.flag('attention_bias'), false),
        sinks: attention.kind === 'sliding',
      }),
      feedForward: (index) =>
        (kinds === null ? index > 0 : kinds[index] === 'sparse') ? v3Mixture(input, index) : gatedMlp(input),
      sources: {
        sinks: { base: 'self_attn.attention_sink_bias', suffix: { weight: '', bias: '' } },
        v: { base: 'self_attn.v_proj', ...(scale === 1 ? {} : { factor: scale }) },
      },
    });
  },
};

function mimoRotary(input: FamilyInput, attention: RunnableAttention, local: boolean): RotarySpec | null {
  if (attention.kind === 'latent') return input.config.unsupported('latent attention');
  // Where the file gives no rope_parameters, the class has a base for each kind of layer and rotates a third of the head.
  const options = { dim: attention.keyDim, layout: 'half' as const, partial: 0.334, theta: local ? 10_000 : 5_000_000 };
  return rotary(input.config, { ...options, layerType: local ? 'sliding_attention' : 'full_attention' });
}
