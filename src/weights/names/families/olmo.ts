/** OLMo 1, 2, 3, OLMoE and FlexOlmo; Exaone 4, which shares OLMo 2's block, and its mixture of experts. */

import type { BlockNorms } from '../../../attention/blockSpec';
import { headDims } from '../../../attention/layerSpec';
import type { NormSpec } from '../../../attention/normSpec';
import type { FamilyDefinition, FamilyInput } from '../family';
import { LLAMA_PREFIXES, PLAIN_EXPERTS } from '../llamaNames';
import { activation, gated, headNorm, part, rmsNorm } from '../parts';
import type { WeightSources } from '../plan';
import { rotary } from '../rotary';
import { v3Mixture } from './deepseek';
import { biases, type FeedForwardChoice, gatedMlp, llamaLike, plainRotary } from './llamaLike';
import { mixture, moe, softmaxRouter } from './moe';

/** Norms only on what attention and feed-forward give back. */
function outputNorms(norm: NormSpec): Partial<BlockNorms> {
  return { attentionOutput: norm, feedForwardOutput: norm };
}
const OUTPUT_NORMS: WeightSources = {
  norm_attention_output: part('post_attention_layernorm'),
  norm_feed_forward_output: part('post_feedforward_layernorm'),
};

export const olmo: FamilyDefinition = {
  modelTypes: ['olmo'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      norm: { kind: 'layer', epsilon: 1e-5, weight: 'none', bias: false },
      attention: () => ({
        ...biases(input.config.flag('attention_bias')),
        clip: input.config.numberOr('clip_qkv', null),
      }),
    }),
};

/** Norms after each branch, and over the whole projection of queries and keys. */
function afterBranches(
  input: FamilyInput,
  more: Partial<Parameters<typeof llamaLike>[1]> = {},
): ReturnType<typeof llamaLike> {
  const norm = rmsNorm(input.config.number('rms_norm_eps'));
  const head = headNorm(norm, 'projection');
  return llamaLike(input, {
    norms: outputNorms(norm),
    attention: () => ({ ...biases(input.config.flag('attention_bias')), queryNorm: head, keyNorm: head }),
    sources: OUTPUT_NORMS,
    ...more,
  });
}

export const olmo2: FamilyDefinition = {
  modelTypes: ['olmo2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => afterBranches(input),
};

/** Scaled RoPE on full layers only; files of the old form give sliding layers the class's own base. */
export const olmo3: FamilyDefinition = {
  modelTypes: ['olmo3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = rmsNorm(config.number('rms_norm_eps'));
    const head = headNorm(norm, 'projection');
    const nested = config.object('rope_parameters')?.['full_attention'] !== undefined;
    return llamaLike(input, {
      norms: outputNorms(norm),
      rotary: (_, attention) => {
        const local = attention.kind === 'sliding';
        const dim = headDims(attention).keyDim;
        if (!nested && local) return { theta: config.defaultTheta(), dim, layout: 'half', scaling: null };
        return rotary(config, { dim, layout: 'half', layerType: local ? 'sliding_attention' : 'full_attention' });
      },
      attention: () => ({ ...biases(config.flag('attention_bias')), queryNorm: head, keyNorm: head }),
      sources: OUTPUT_NORMS,
    });
  },
};

function olmoeMixture(input: FamilyInput, index: number): FeedForwardChoice {
  const { config } = input;
  const spec = moe(
    softmaxRouter(config, 'num_experts', 'num_experts_per_tok', { normalize: config.flag('norm_topk_prob') }),
    gated(config.number('intermediate_size'), activation(config)),
  );
  return mixture(input, index, spec, { router: part('mlp.gate'), experts: 'mlp.experts', parts: PLAIN_EXPERTS });
}

export const olmoe: FamilyDefinition = {
  modelTypes: ['olmoe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = headNorm(rmsNorm(config.number('rms_norm_eps')), 'projection');
    return llamaLike(input, {
      attention: () => ({
        ...biases(config.flag('attention_bias')),
        queryNorm: norm,
        keyNorm: norm,
        clip: config.numberOr('clip_qkv', null),
        clipAfterNorm: true,
      }),
      feedForward: (index) => olmoeMixture(input, index),
    });
  },
};

/** The block of OLMo 2 around the experts of OLMoE. */
export const flexOlmo: FamilyDefinition = {
  modelTypes: ['flex_olmo'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => afterBranches(input, { feedForward: (index) => olmoeMixture(input, index) }),
};

/** Global layers have no RoPE where others slide. */
export const exaone4: FamilyDefinition = {
  modelTypes: ['exaone4'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = rmsNorm(config.number('rms_norm_eps'));
    const head = headNorm(norm);
    const hasWindow = config.numberOr('sliding_window', null) !== null;
    return llamaLike(input, {
      norms: outputNorms(norm),
      rotary: (_, attention) => (!hasWindow || attention.kind === 'sliding' ? plainRotary(input, attention) : null),
      attention: () => ({ queryNorm: head, keyNorm: head }),
      sources: OUTPUT_NORMS,
    });
  },
};

/** Exaone 4's attention between usual norms, DeepSeek-V3's experts. */
export const exaoneMoe: FamilyDefinition = {
  modelTypes: ['exaone_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const head = headNorm(rmsNorm(config.number('rms_norm_eps')));
    const hasWindow = config.numberOr('sliding_window', null) !== null;
    const kinds = config.list('mlp_layer_types');
    const sparse = (index: number): boolean =>
      kinds === null ? index >= config.number('first_k_dense_replace') : kinds[index] === 'sparse';
    return llamaLike(input, {
      rotary: (_, attention) => (!hasWindow || attention.kind === 'sliding' ? plainRotary(input, attention) : null),
      attention: () => ({ queryNorm: head, keyNorm: head }),
      feedForward: (index) =>
        sparse(index)
          ? v3Mixture(input, index, {
              experts: 'num_experts',
              shared: 'num_shared_experts',
              correction: 'mlp.e_score_correction_bias',
            })
          : gatedMlp(input),
    });
  },
};
