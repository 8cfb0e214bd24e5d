/** Mixtures of experts around Llama-like attention. */

import type { DenseFeedForward, MoeFeedForward, RouterSpec } from '../../../attention/blockSpec';
import { headDims } from '../../../attention/layerSpec';
import type { RotarySpec } from '../../../attention/rotarySpec';
import { attentionAt, type FamilyDefinition, type FamilyInput } from '../family';
import type { HfConfig } from '../hfConfig';
import {
  concatenatedQkv,
  type ExpertNames,
  expertNames,
  fusedGateUp,
  LLAMA_PREFIXES,
  MIXTRAL_EXPERTS,
  PLAIN_EXPERTS,
} from '../llamaNames';
import { activation, gated, headNorm, layerNorm, part, rmsNorm } from '../parts';
import type { Part, WeightSources } from '../plan';
import { numberOf, ropeParameters, rotary } from '../rotary';
import { biases, type FeedForwardChoice, gatedMlp, llamaLike, plainRotary } from './llamaLike';

/** A bare parameter: its name is the whole name. */
const BARE = { weight: '', bias: '_bias' } as const;

/** Softmax over all experts and nothing else. */
export const PLAIN_ROUTER = {
  scoring: 'softmax',
  normalize: false,
  factor: 1,
  bias: false,
  correctionBias: false,
  groups: null,
} as const satisfies Partial<RouterSpec>;

/** The plain case, counts from the config. */
export function softmaxRouter(
  config: HfConfig,
  experts: string,
  topK: string,
  changes: Partial<RouterSpec> = {},
): RouterSpec {
  return { ...PLAIN_ROUTER, experts: config.number(experts), topK: config.number(topK), ...changes };
}

export function moe(
  router: RouterSpec,
  expert: DenseFeedForward,
  changes: Partial<MoeFeedForward> = {},
): MoeFeedForward {
  return { kind: 'moe', router, expert, weighting: 'output', shared: null, ...changes };
}

/** A mixture under the names given; `key` tells whether the experts stand in one tensor (transformers 5 in memory). */
export function mixture(
  input: FamilyInput,
  index: number,
  spec: MoeFeedForward,
  names: ExpertNames,
): FeedForwardChoice {
  return { spec, ...expertNames(names, spec, input.has(`layers.${index}.${names.experts}.gate_up_proj`)) };
}

export const mixtral: FamilyDefinition = {
  modelTypes: ['mixtral'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const spec = moe(
      softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', { normalize: true }),
      gated(config.number('intermediate_size'), activation(config)),
    );
    return llamaLike(input, { feedForward: (index) => mixtralNames(input, index, spec) });
  },
};

/** `block_sparse_moe.experts.N.w1` as published; `mlp.experts.gate_up_proj` as transformers 5 holds it. */
function mixtralNames(input: FamilyInput, index: number, spec: MoeFeedForward): FeedForwardChoice {
  const inMemory = input.has(`layers.${index}.mlp.experts.gate_up_proj`);
  const base = inMemory ? 'mlp' : 'block_sparse_moe';
  return mixture(input, index, spec, {
    router: part(`${base}.gate`),
    experts: `${base}.experts`,
    parts: MIXTRAL_EXPERTS,
  });
}

/** LayerNorms, biases in attention, a router of its own (SparseMixer). */
export const phimoe: FamilyDefinition = {
  modelTypes: ['phimoe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const router = softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', {
      scoring: 'sparsemixer',
      jitter: config.number('router_jitter_noise'),
    });
    if (router.topK !== 2) return config.unsupported(`choosing ${router.topK} experts`);
    const spec = moe(router, gated(config.number('intermediate_size'), activation(config)));
    return llamaLike(input, {
      norm: layerNorm(config.number('rms_norm_eps')),
      rotary: (_, attention) => phimoeRotary(config, headDims(attention).keyDim),
      attention: () => biases(config.flag('attention_bias')),
      feedForward: (index) => mixtralNames(input, index, spec),
      headBias: config.flag('lm_head_bias'),
    });
  },
};

/** transformers takes the short factors at any length, and one of two factors on cos and sin by length. */
function phimoeRotary(config: HfConfig, dim: number): RotarySpec | null {
  const spec = rotary(config, { dim, layout: 'half' });
  if (spec?.scaling?.kind !== 'longrope')
    return spec?.scaling == null ? spec : config.unsupported(`RoPE scaling ${spec.scaling.kind}`);
  const parameters = ropeParameters(config, undefined) ?? {};
  const [short, long] = [numberOf(parameters['short_mscale']), numberOf(parameters['long_mscale'])];
  if (short === undefined || short !== long) return config.unsupported('RoPE with short_mscale other than long_mscale');
  return { ...spec, scaling: { ...spec.scaling, longFactor: spec.scaling.shortFactor, attentionFactor: short } };
}

/** Layers that have experts: not listed as dense, and every `decoder_sparse_step`-th. */
function isSparse(config: HfConfig, index: number): boolean {
  const dense = config.list('mlp_only_layers') ?? [];
  return (
    !dense.includes(index) &&
    config.number('num_experts') > 0 &&
    (index + 1) % config.number('decoder_sparse_step') === 0
  );
}

export const qwen2Moe: FamilyDefinition = {
  modelTypes: ['qwen2_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const act = activation(config);
    const spec = moe(
      softmaxRouter(config, 'num_experts', 'num_experts_per_tok', { normalize: config.flag('norm_topk_prob') }),
      gated(config.number('moe_intermediate_size'), act),
      {
        shared: { expert: gated(config.number('shared_expert_intermediate_size'), act), gate: true },
      },
    );
    const names: ExpertNames = {
      router: part('mlp.gate'),
      experts: 'mlp.experts',
      parts: PLAIN_EXPERTS,
      shared: 'mlp.shared_expert',
      sharedGate: 'mlp.shared_expert_gate',
    };
    return llamaLike(input, {
      attention: () => biases(config.flag('qkv_bias', true), false),
      feedForward: (index) => (isSparse(config, index) ? mixture(input, index, spec, names) : gatedMlp(input)),
    });
  },
};

export const qwen3Moe: FamilyDefinition = {
  modelTypes: ['qwen3_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = headNorm(rmsNorm(config.number('rms_norm_eps')));
    return llamaLike(input, {
      attention: () => ({ ...biases(config.flag('attention_bias')), queryNorm: norm, keyNorm: norm }),
      feedForward: (index) => (isSparse(config, index) ? qwen3Mixture(input, index) : gatedMlp(input)),
    });
  },
};

function qwen3Mixture(input: FamilyInput, index: number): FeedForwardChoice {
  const { config } = input;
  const spec = moe(
    softmaxRouter(config, 'num_experts', 'num_experts_per_tok', { normalize: config.flag('norm_topk_prob') }),
    gated(config.number('moe_intermediate_size'), activation(config)),
  );
  return mixture(input, index, spec, { router: part('mlp.gate'), experts: 'mlp.experts', parts: PLAIN_EXPERTS });
}

/** Sigmoid scores with a correction, norms over the whole of q and k, RoPE on `rotary_dim` dims. */
export const minimaxM2: FamilyDefinition = {
  modelTypes: ['minimax_m2'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = headNorm(rmsNorm(config.number('rms_norm_eps')), 'projection');
    const spec = moe(
      softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', {
        scoring: 'sigmoid',
        normalize: true,
        correctionBias: true,
      }),
      gated(config.number('intermediate_size'), activation(config)),
    );
    const base = (index: number): string =>
      input.has(`layers.${index}.mlp.experts.gate_up_proj`) ? 'mlp' : 'block_sparse_moe';
    return llamaLike(input, {
      rotary: (_, attention) => {
        const { keyDim } = headDims(attention);
        return plainRotary(input, attention, 'half', config.numberOr('rotary_dim', keyDim) / keyDim);
      },
      attention: () => ({ queryNorm: norm, keyNorm: norm }),
      feedForward: (index) =>
        mixture(input, index, spec, {
          router: part(`${base(index)}.gate`),
          correction: { base: `${base(index)}.e_score_correction_bias`, suffix: BARE },
          experts: `${base(index)}.experts`,
          parts: MIXTRAL_EXPERTS,
        }),
    });
  },
};

/** Qwen 3's mixture with a RoPE for each kind of layer. */
export const mellum: FamilyDefinition = {
  modelTypes: ['mellum'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const norm = headNorm(rmsNorm(config.number('rms_norm_eps')));
    const kinds = config.list('mlp_layer_types');
    return llamaLike(input, {
      rotary: (_, attention) => {
        const local = attention.kind === 'sliding';
        const dim = headDims(attention).keyDim;
        // The class has no old form: only `rope_parameters` count.
        if (config.object('rope_parameters') === null)
          return { theta: local ? 10_000 : 500_000, dim, layout: 'half', scaling: null };
        return rotary(config, {
          dim,
          layout: 'half',
          partial: 1,
          layerType: local ? 'sliding_attention' : 'full_attention',
        });
      },
      attention: () => ({ ...biases(config.flag('attention_bias')), queryNorm: norm, keyNorm: norm }),
      feedForward: (index) =>
        kinds === null || kinds[index] === 'sparse' ? qwen3Mixture(input, index) : gatedMlp(input),
    });
  },
};

/** Experts in one tensor each way (`input_linear` is gate then up); softmax over the chosen. */
export const graniteMoe: FamilyDefinition = {
  modelTypes: ['granitemoe', 'granitemoeshared'],
  prefixes: LLAMA_PREFIXES,
  build: (input, modelType) => {
    const { config } = input;
    const width = config.number('intermediate_size');
    const common = modelType === 'granitemoeshared' ? config.number('shared_intermediate_size') : 0;
    const act = activation(config);
    const spec = moe(
      softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', { scoring: 'softmax-selected' }),
      gated(width, act),
      common === 0 ? {} : { shared: { expert: gated(common, act), gate: false } },
    );
    const half = (index: number, start: number): Part => ({
      base: 'block_sparse_moe.input_linear',
      index,
      rows: [{ start, count: width }],
    });
    const shared = fusedGateUp('shared_mlp.input_linear', 'shared_mlp.output_linear', common);
    return llamaLike(input, {
      attention: () => ({ ...biases(config.flag('attention_bias')), scale: config.number('attention_multiplier') }),
      feedForward: () => ({
        spec,
        sources: { router: part('block_sparse_moe.router.layer'), ...underShared(shared) },
        expert: (index) => ({
          gate_proj: half(index, 0),
          up: half(index, width),
          down: { base: 'block_sparse_moe.output_linear', index },
        }),
      }),
      block: () => ({ residualMultiplier: config.number('residual_multiplier') }),
      embedding: { multiplier: config.number('embedding_multiplier') },
      output: { multiplier: 1 / config.number('logits_scaling') },
    });
  },
};

/** Sources of a feed-forward as those of the shared expert. */
function underShared(sources: WeightSources): WeightSources {
  return Object.fromEntries(Object.entries(sources).map(([name, source]) => [`shared.${name}`, source]));
}

/** Softmax over the chosen; experts in one transposed tensor each way, gate then up; shared experts. */
export const ariaText: FamilyDefinition = {
  modelTypes: ['aria_text'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const act = activation(config);
    const width = config.number('intermediate_size');
    const common = width * config.number('moe_num_shared_experts');
    const bias = config.flag('mlp_bias');
    const spec = moe(
      softmaxRouter(config, 'moe_num_experts', 'moe_topk', { scoring: 'softmax-selected' }),
      // Whatever hidden_act says: it is for the shared experts.
      gated(width, 'silu'),
      { shared: { expert: gated(common, act, bias), gate: false } },
    );
    const half = (index: number, start: number): Part => ({
      base: 'mlp.experts.fc1',
      index,
      transposed: true,
      rows: [{ start, count: width }],
    });
    const shared: WeightSources = {
      gate_proj: part('mlp.shared_experts.gate_proj'),
      up: part('mlp.shared_experts.up_proj'),
      down: part('mlp.shared_experts.down_proj'),
    };
    return llamaLike(input, {
      attention: () => biases(config.flag('attention_bias')),
      feedForward: () => ({
        spec,
        sources: { router: part('mlp.router'), ...underShared(shared) },
        expert: (index) => ({
          gate_proj: half(index, 0),
          up: half(index, width),
          down: { base: 'mlp.experts.fc2', index, transposed: true },
        }),
      }),
    });
  },
};

export const ernieMoe: FamilyDefinition = {
  modelTypes: ['ernie4_5_moe'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const bias = config.flag('use_bias');
    const act = activation(config);
    const width = config.number('moe_intermediate_size');
    const shared = config.numberOr('moe_num_shared_experts', 0);
    const spec = moe(
      softmaxRouter(config, 'moe_num_experts', 'moe_k', { normalize: true, correctionBias: true }),
      gated(width, act),
      {
        shared: shared > 0 ? { expert: gated(width * shared, act, bias), gate: false } : null,
      },
    );
    const names: ExpertNames = {
      router: part('mlp.gate'),
      correction: { base: 'mlp.moe_statics.e_score_correction_bias', suffix: BARE },
      experts: 'mlp.experts',
      parts: PLAIN_EXPERTS,
      ...(shared > 0 ? { shared: 'mlp.shared_experts' } : {}),
    };
    const last = config.number('moe_layer_end_index');
    const sparse = (index: number): boolean =>
      (index + 1) % config.number('moe_layer_interval') === 0 &&
      index >= config.number('moe_layer_start_index') &&
      index <= (last === -1 ? config.number('num_hidden_layers') - 1 : last);
    return llamaLike(input, {
      rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
      attention: () => biases(bias),
      feedForward: (index) => (sparse(index) ? mixture(input, index, spec, names) : gatedMlp(input, { bias })),
      headBias: bias,
    });
  },
};

/** Sinks, biases everywhere, experts in one transposed tensor whose gate and up alternate. */
export const gptOss: FamilyDefinition = {
  modelTypes: ['gpt_oss'],
  prefixes: LLAMA_PREFIXES,
  build: (input) => {
    const { config } = input;
    const width = config.number('intermediate_size');
    const expert: DenseFeedForward = {
      ...gated(width, activation(config), true),
      clampedSwiglu: { alpha: 1.702, limit: 7 },
    };
    const spec = moe(
      softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', { scoring: 'softmax-selected', bias: true }),
      expert,
    );
    // Published in MXFP4, [experts, rows, …]; unpacked copies are stored the other way round.
    const stored: Partial<Part> = input.has('layers.0.mlp.experts.gate_up_proj_blocks')
      ? { packed: 'mxfp4' }
      : { transposed: true };
    const every2nd = (index: number, start: number): Part => ({
      base: 'mlp.experts.gate_up_proj',
      suffix: BARE,
      index,
      ...stored,
      rows: [{ start, count: 1, times: width, stride: 2 }],
    });
    return llamaLike(input, {
      attention: () => ({ ...biases(config.flag('attention_bias')), sinks: true }),
      feedForward: () => ({
        spec,
        sources: { router: part('mlp.router') },
        expert: (index) => ({
          gate_proj: every2nd(index, 0),
          up: every2nd(index, 1),
          down: { base: 'mlp.experts.down_proj', suffix: BARE, index, ...stored },
        }),
      }),
      sources: { sinks: { base: 'self_attn.sinks', suffix: BARE } },
    });
  },
};

/** Layers without RoPE, norms on q and k after it, experts fed with weighted input. */
export const llama4: FamilyDefinition = {
  modelTypes: ['llama4_text'],
  prefixes: ['language_model.model.', ...LLAMA_PREFIXES],
  build: (input) => {
    const { config } = input;
    const act = activation(config);
    const width = config.number('intermediate_size');
    const router = softmaxRouter(config, 'num_local_experts', 'num_experts_per_tok', { scoring: 'sigmoid' });
    const spec = moe(router, gated(width, act), {
      weighting: 'input',
      shared: { expert: gated(width, act), gate: false },
    });
    const listed = config.list('no_rope_layers');
    const interval = config.number('no_rope_layer_interval');
    const hasRope = (index: number): boolean =>
      listed !== null && listed.length > 0 ? Boolean(listed[index]) : (index + 1) % interval !== 0;
    const moeLayers = config.list('moe_layers');
    const step = config.number('interleave_moe_layer_step');
    const isMoe = (index: number): boolean =>
      moeLayers !== null ? moeLayers.includes(index) : index >= step - 1 && (index - (step - 1)) % step === 0;
    const l2 = headNorm(
      { kind: 'rms', epsilon: config.number('rms_norm_eps'), weight: 'none', bias: false },
      'head',
      'after-rope',
    );
    const half = (index: number, start: number): Part => ({
      base: 'feed_forward.experts.gate_up_proj',
      suffix: BARE,
      index,
      transposed: true,
      rows: [{ start, count: width }],
    });
    const dense = (base: string): WeightSources => ({
      gate_proj: part(`${base}.gate_proj`),
      up: part(`${base}.up_proj`),
      down: part(`${base}.down_proj`),
    });
    return llamaLike(input, {
      rotary: (index, attention) => (hasRope(index) ? plainRotary(input, attention, 'interleaved') : null),
      attention: (index) => ({
        ...biases(config.flag('attention_bias')),
        queryNorm: hasRope(index) && config.flag('use_qk_norm') ? l2 : null,
        keyNorm: hasRope(index) && config.flag('use_qk_norm') ? l2 : null,
        temperature:
          config.flag('attn_temperature_tuning') && !hasRope(index)
            ? { scale: config.number('attn_scale'), interval: config.number('floor_scale'), offset: 1 }
            : null,
      }),
      feedForward: (index) => {
        if (!isMoe(index))
          return { spec: gated(config.number('intermediate_size_mlp'), act), sources: dense('feed_forward') };
        const shared = dense('feed_forward.shared_expert');
        return {
          spec,
          sources: {
            router: part('feed_forward.router'),
            ...underShared(shared),
          },
          expert: (expert) => ({
            gate_proj: half(expert, 0),
            up: half(expert, width),
            down: { base: 'feed_forward.experts.down_proj', suffix: BARE, index: expert, transposed: true },
          }),
        };
      },
    });
  },
};

/** One LayerNorm without bias before each half, fused clipped qkv, experts stacked along the rows. */
export const dbrx: FamilyDefinition = {
  modelTypes: ['dbrx'],
  prefixes: ['transformer.'],
  build: (input) => {
    const { config } = input;
    const attn = config.object('attn_config') ?? {};
    const ffn = config.object('ffn_config') ?? {};
    const width = numberOf(ffn['ffn_hidden_size']) ?? 3584;
    const experts = numberOf(ffn['moe_num_experts']) ?? 4;
    const power = ffn['moe_normalize_expert_weights'] === undefined ? 1 : ffn['moe_normalize_expert_weights'];
    if (power !== null && power !== 1)
      return config.unsupported('expert weights normalised by another norm than the sum');
    const act = ffn['ffn_act_fn'];
    if (act != null && (typeof act !== 'object' || !('name' in act) || act.name !== 'silu'))
      return config.unsupported('this activation of the experts');
    const router: RouterSpec = {
      ...PLAIN_ROUTER,
      experts,
      topK: numberOf(ffn['moe_top_k']) ?? 1,
      normalize: power === 1,
    };
    const norm = layerNorm(1e-5, false);
    const slice = (base: string, index: number, transposed = false): Part => ({
      base,
      suffix: BARE,
      index,
      slices: experts,
      transposed,
    });
    const model = llamaLike(input, {
      norm,
      rotary: (_, attention) =>
        rotary(config, {
          dim: headDims(attention).keyDim,
          layout: 'half',
          theta: numberOf(attn['rope_theta']) ?? config.defaultTheta(),
        }),
      attention: () => ({ clip: numberOf(attn['clip_qkv']) ?? null }),
      feedForward: () => ({
        spec: moe(router, gated(width, 'silu')),
        sources: { router: part('ffn.router.layer') },
        expert: (index) => ({
          gate_proj: slice('ffn.experts.mlp.w1', index),
          up: slice('ffn.experts.mlp.v1', index),
          down: slice('ffn.experts.mlp.w2', index, true),
        }),
      }),
      sources: (index) => {
        const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attentionAt(input, index));
        return {
          ...concatenatedQkv('norm_attn_norm.attn.Wqkv', [queryHeads * keyDim, kvHeads * keyDim, kvHeads * valueDim]),
          o: part('norm_attn_norm.attn.out_proj'),
          norm_attention: part('norm_attn_norm.norm_1'),
          norm_feed_forward: part('norm_attn_norm.norm_2'),
        };
      },
      embedding: { tensor: 'wte.weight' },
      finalNorm: 'norm_f',
      hiddenKey: 'd_model',
    });
    return { ...model, layerPrefix: (index) => `blocks.${index}.` };
  },
};
