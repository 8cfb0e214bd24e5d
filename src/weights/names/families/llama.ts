/** Llama and its plain descendants. */

import { headDims } from '../../../attention/layerSpec';
import type { FamilyDefinition, FamilyInput } from '../family';
import { LLAMA_MLP, LLAMA_PREFIXES, PLAIN_EXPERTS } from '../llamaNames';
import { activation, gated, headNorm, layerNorm, part, plain, rmsNorm } from '../parts';
import { numberOf, ropeParameters, rotary } from '../rotary';
import { biases, type FeedForwardChoice, gatedMlp, llamaLike, type LlamaLike, plainRotary } from './llamaLike';
import { mixture, moe, PLAIN_ROUTER } from './moe';

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

/** Llama with sliding layers and its own scaled RoPE. */
export const cwm: FamilyDefinition = {
  modelTypes: ['cwm'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => llamaLike(input, { feedForward: () => gatedMlp(input, { bias: input.config.flag('mlp_bias') }) }),
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
    if (scale === undefined || interval === undefined)
      return input.config.unsupported('rope_parameters without llama_4_scaling_beta');
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

/** Norms on q and k after RoPE; its own NTK scaling by `alpha`; the larger ones with experts. */
export const hunyuan: FamilyDefinition = {
  modelTypes: ['hunyuan_v1_dense', 'hunyuan_v1_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input, modelType) => {
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
      feedForward: (index) => (modelType === 'hunyuan_v1_moe' ? hunyuanMixture(input, index) : gatedMlp(input)),
      sources: { q_norm: part('self_attn.query_layernorm'), k_norm: part('self_attn.key_layernorm') },
    });
  },
};

/** Softmax over all, the chosen ones scaled to a sum of 1; counts may be one number or one for each layer. */
function hunyuanMixture(input: FamilyInput, index: number): FeedForwardChoice {
  const { config } = input;
  const count = (key: string): number => {
    const value = config.get(key);
    return numberOf(Array.isArray(value) ? value[index] : value) ?? config.unsupported(`${key} of this form`);
  };
  const expert = gated(config.number('intermediate_size'), activation(config));
  const router = { ...PLAIN_ROUTER, experts: count('num_experts'), topK: count('moe_topk'), normalize: true };
  return mixture(input, index, moe(router, expert, { shared: { expert, gate: false } }), {
    router: part('mlp.gate.wg'),
    experts: 'mlp.experts',
    parts: PLAIN_EXPERTS,
    shared: 'mlp.shared_mlp',
  });
}

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

/** LayerNorm, plain up and down with relu². */
export const jais2: FamilyDefinition = {
  modelTypes: ['jais2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    return llamaLike(input, {
      norm: layerNorm(config.number('layer_norm_eps')),
      attention: () => llamaBiases(input),
      feedForward: () => ({
        spec: plain(config.number('intermediate_size'), activation(config), config.flag('mlp_bias')),
        sources: { up: part('mlp.up_proj'), down: part('mlp.down_proj') },
      }),
    });
  },
};

/** Norms before both output projections. As trained: files whose weights are to be quantised on the way are refused. */
export const bitnet: FamilyDefinition = {
  modelTypes: ['bitnet'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    if (config.object('quantization_config') !== null) return config.unsupported('weights of 1.58 bits');
    const norm = rmsNorm(config.number('rms_norm_eps'));
    return llamaLike(input, {
      attention: () => ({ ...llamaBiases(input), outputNorm: norm }),
      feedForward: () => ({
        spec: { ...gated(config.number('intermediate_size'), activation(config)), innerNorm: norm },
        sources: { ...LLAMA_MLP, inner_norm: part('mlp.ffn_sub_norm') },
      }),
      sources: { o_norm: part('self_attn.attn_sub_norm') },
    });
  },
};

/** What Granite multiplies: embeddings, residual branches, scores and logits. */
function graniteChanges(input: FamilyInput): Pick<LlamaLike, 'feedForward' | 'block' | 'embedding' | 'output'> {
  const { config } = input;
  return {
    feedForward: () => gatedMlp(input, { bias: config.flag('mlp_bias') }),
    block: () => ({ residualMultiplier: config.number('residual_multiplier') }),
    embedding: { multiplier: config.number('embedding_multiplier') },
    output: { multiplier: 1 / config.number('logits_scaling') },
  };
}

export const granite: FamilyDefinition = {
  modelTypes: ['granite'],
  prefixes: LLAMA_PREFIXES,
  build: (input) =>
    llamaLike(input, {
      ...graniteChanges(input),
      attention: () => ({ ...llamaBiases(input), scale: input.config.number('attention_multiplier') }),
    }),
};

/** Granite with sinks, sliding layers, and a RoPE base of its own for every layer (0: no RoPE). */
export const graniteSwa: FamilyDefinition = {
  modelTypes: ['granite_swa'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const bases = config.list('layer_rope_theta');
    return llamaLike(input, {
      ...graniteChanges(input),
      rotary: (index, attention) => {
        const spec = plainRotary(input, attention);
        if (bases === null || spec === null) return spec;
        const theta = numberOf(bases[index]) ?? config.unsupported('layer_rope_theta without a number for every layer');
        return theta === 0 ? null : { ...spec, theta };
      },
      attention: () => ({ ...llamaBiases(input), scale: config.number('attention_multiplier'), sinks: true }),
      sources: { sinks: { base: 'self_attn.sinks', suffix: { weight: '', bias: '' } } },
    });
  },
};

/** Granite's multipliers, logits multiplied instead of divided, and norms on what both halves give back. */
export const hyperclovax: FamilyDefinition = {
  modelTypes: ['hyperclovax'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = rmsNorm(config.number('rms_norm_eps'));
    const after = config.flag('use_post_norm', true) ? { attentionOutput: norm, feedForwardOutput: norm } : {};
    return llamaLike(input, {
      ...graniteChanges(input),
      norms: { attention: norm, feedForward: norm, ...after },
      attention: (_, attention) => ({
        ...llamaBiases(input),
        scale: config.numberOr('attention_multiplier', headDims(attention).keyDim ** -0.5),
      }),
      sources: { norm_attention_output: part('post_norm1'), norm_feed_forward_output: part('post_norm2') },
      output: { multiplier: config.number('logits_scaling') },
    });
  },
};
