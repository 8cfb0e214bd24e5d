/** Llama and its plain descendants. */

import { headDims } from '../../../attention/layerSpec';
import type { FamilyDefinition, FamilyInput } from '../family';
import { LLAMA_PREFIXES } from '../llamaNames';
import { activation, headNorm, layerNorm, part, plain, rmsNorm } from '../parts';
import { numberOf, ropeParameters, rotary } from '../rotary';
import { biases, gatedMlp, llamaLike, plainRotary } from './llamaLike';

/** attention_bias on all four projections, mlp_bias on all three. */
function llamaBiases(input: FamilyInput): ReturnType<typeof biases> {
  return biases(input.config.flag('attention_bias'));
}

export const llama: FamilyDefinition = {
  modelTypes: ['llama', 'yi', 'Yi'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      attention: () => llamaBiases(input),
      feedForward: () => gatedMlp(input, { bias: input.config.flag('mlp_bias') }),
    }),
};

/** Plain up and down with relu². */
export const arcee: FamilyDefinition = {
  modelTypes: ['arcee'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      attention: () => llamaBiases(input),
      feedForward: () => ({
        spec: plain(input.config.number('intermediate_size'), activation(input.config), input.config.flag('mlp_bias')),
        sources: { up: part('mlp.up_proj'), down: part('mlp.down_proj') },
      }),
    }),
};

export const mistral: FamilyDefinition = {
  modelTypes: ['mistral', 'ministral'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => llamaLike(input),
};

/** Queries grow with log of their position beyond the trained context. */
export const ministral3: FamilyDefinition = {
  modelTypes: ['ministral3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const parameters = ropeParameters(input.config, undefined) ?? {};
    const scale = numberOf(parameters['llama_4_scaling_beta']);
    const interval = numberOf(parameters['original_max_position_embeddings']);
    if (scale === undefined || interval === undefined) return input.config.unsupported('rope_parameters without llama_4_scaling_beta');
    return llamaLike(input, { attention: () => ({ temperature: { scale, interval, offset: 0 } }) });
  },
};

/** Every `no_rope_layer_interval`-th layer has no RoPE. */
export const smollm3: FamilyDefinition = {
  modelTypes: ['smollm3'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const listed = config.list('no_rope_layers');
    const interval = config.number('no_rope_layer_interval');
    return llamaLike(input, {
      rotary: (index, attention) =>
        (listed ? Boolean(listed[index]) : (index + 1) % interval !== 0) ? plainRotary(input, attention) : null,
      attention: () => llamaBiases(input),
      feedForward: () => gatedMlp(input, { bias: config.flag('mlp_bias') }),
    });
  },
};

export const seedOss: FamilyDefinition = {
  modelTypes: ['seed_oss'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      attention: () => biases(input.config.flag('attention_bias'), input.config.flag('attention_out_bias')),
      feedForward: () => gatedMlp(input, { bias: input.config.flag('mlp_bias') }),
    }),
};

/** RoPE on adjacent pairs. */
export const helium: FamilyDefinition = {
  modelTypes: ['helium'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
      attention: () => biases(input.config.flag('attention_bias'), false),
      feedForward: () => gatedMlp(input, { bias: input.config.flag('mlp_bias') }),
    }),
};

export const ernie: FamilyDefinition = {
  modelTypes: ['ernie4_5'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
      attention: () => biases(input.config.flag('use_bias')),
      feedForward: () => gatedMlp(input, { bias: input.config.flag('use_bias') }),
    }),
};

/** Norms on q and k after RoPE; its own NTK scaling by `alpha`. */
export const hunyuan: FamilyDefinition = {
  modelTypes: ['hunyuan_v1_dense'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = headNorm(rmsNorm(config.number('rms_norm_eps')), 'head', 'after-rope');
    return llamaLike(input, {
      rotary: (_, attention) => {
        const dim = headDims(attention).keyDim;
        const spec = rotary(config, { dim, layout: 'half' });
        const alpha = numberOf(ropeParameters(config, undefined)?.['alpha']);
        if (spec?.scaling?.kind !== 'dynamic' || alpha === undefined || alpha === 0) return spec;
        return { ...spec, theta: spec.theta * alpha ** (dim / (dim - 2)), scaling: null };
      },
      attention: () => ({ ...llamaBiases(input), queryNorm: norm, keyNorm: norm }),
      sources: { q_norm: part('self_attn.query_layernorm'), k_norm: part('self_attn.key_layernorm') },
    });
  },
};

/** LayerNorm with weight + 1; plain up and down with relu². */
export const nemotron: FamilyDefinition = {
  modelTypes: ['nemotron'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    return llamaLike(input, {
      norm: { kind: 'layer', epsilon: config.number('norm_eps'), weight: 'plus-one', bias: true },
      rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
      attention: () => llamaBiases(input),
      feedForward: () => ({
        spec: plain(config.number('intermediate_size'), activation(config), config.flag('mlp_bias')),
        sources: { up: part('mlp.up_proj'), down: part('mlp.down_proj') },
      }),
    });
  },
};

/** LayerNorm, plain up and down, biases everywhere. */
export const starcoder2: FamilyDefinition = {
  modelTypes: ['starcoder2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const bias = config.flag('use_bias');
    return llamaLike(input, {
      norm: layerNorm(config.number('norm_epsilon')),
      attention: () => biases(bias),
      feedForward: () => ({
        spec: plain(config.number('intermediate_size'), activation(config), bias),
        sources: { up: part('mlp.c_fc'), down: part('mlp.c_proj') },
      }),
    });
  },
};

/** Multipliers on embeddings, residual branches, scores and logits. */
export const granite: FamilyDefinition = {
  modelTypes: ['granite'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    return llamaLike(input, {
      attention: () => ({ ...llamaBiases(input), scale: config.number('attention_multiplier') }),
      feedForward: () => gatedMlp(input, { bias: config.flag('mlp_bias') }),
      block: () => ({ residualMultiplier: config.number('residual_multiplier') }),
      embedding: { multiplier: config.number('embedding_multiplier') },
      output: { multiplier: 1 / config.number('logits_scaling') },
    });
  },
};
