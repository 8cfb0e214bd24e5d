/**
 * Config and weights of the golden folders as specs and weight maps, to prove the conventions of programs and reference.
 * The product has its own reader (src/weights); this one knows these twelve folders only.
 */

import { basename, join } from 'node:path';
import { bloomSlopes } from '../../../../src/attention/spec/alibi';
import {
  type BlockNorms,
  type BlockSpec,
  type DenseFeedForward,
  NO_NORMS,
  type PlainActivation,
} from '../../../../src/attention/spec/blockSpec';
import { type AttentionLayerSpec, PLAIN_LAYER, type RunnableAttention } from '../../../../src/attention/spec/layerSpec';
import type { NormSpec } from '../../../../src/attention/spec/normSpec';
import type { RotaryScaling } from '../../../../src/attention/spec/rotarySpec';
import type { WeightMap } from '../../../../src/attention/spec/weightNames';
import { type GoldenLayer as ReadLayer, readGolden } from '../../golden';
import { readFolder, readJson, type StoredTensor } from './safetensors';

export interface GoldenLayer extends ReadLayer {
  readonly kind: string;
  readonly v_shape: number[];
  readonly weights_shape: number[];
  readonly hidden_out_shape: number[];
}

export interface Golden {
  readonly tokens: number;
  readonly hidden_in: number[];
  readonly hidden_in_shape: number[];
  readonly layers: GoldenLayer[];
}

export interface GoldenBlock {
  readonly spec: BlockSpec;
  readonly weights: WeightMap;
  readonly experts: (expert: number) => WeightMap;
}

type Config = Readonly<Record<string, unknown>>;
type Weights = Map<string, Float32Array>;

export function loadGolden(folder: string): { golden: Golden; blocks: GoldenBlock[] } {
  const name = basename(folder);
  const golden = readGolden(folder) as unknown as Golden;
  const config = readJson<Config>(join(folder, 'config.json'));
  const tensors = new Tensors(readFolder(folder));
  const family = FAMILIES[name];
  if (!family) throw new Error(`No test loader for ${name}.`);
  return { golden, blocks: golden.layers.map((layer, index) => family(config, tensors, index, layer.kind)) };
}

class Tensors {
  constructor(private readonly all: ReadonlyMap<string, StoredTensor>) {}

  get(name: string): StoredTensor {
    const tensor = this.all.get(name);
    if (!tensor) throw new Error(`No tensor ${name}.`);
    return tensor;
  }

  /** Copies weight and, where there is one, bias of a module. */
  copy(target: Weights, name: string, module: string): void {
    target.set(`${name}.weight`, this.get(`${module}.weight`).data);
    const bias = this.all.get(`${module}.bias`);
    if (bias) target.set(`${name}.bias`, bias.data);
  }

  has(name: string): boolean {
    return this.all.has(name);
  }
}

/** Rows (or elements of a bias) that `pick` names, one after another. */
function rows(tensor: StoredTensor, pick: readonly number[]): Float32Array {
  const width = tensor.shape[1] ?? 1;
  const result = new Float32Array(pick.length * width);
  pick.forEach((row, i) => {
    result.set(tensor.data.subarray(row * width, (row + 1) * width), i * width);
  });
  return result;
}

function transposed(tensor: StoredTensor): StoredTensor {
  const [r = 0, c = 0] = tensor.shape;
  return {
    shape: [c, r],
    data: Float32Array.from({ length: r * c }, (_, i) => tensor.data[(i % r) * c + Math.floor(i / r)] ?? 0),
  };
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Splits a fused qkv module by rows. */
function split(
  target: Weights,
  tensors: Tensors,
  module: string,
  pick: Readonly<Record<string, readonly number[]>>,
  conv1d = false,
): void {
  const stored = tensors.get(`${module}.weight`);
  const weight = conv1d ? transposed(stored) : stored;
  for (const [name, indexes] of Object.entries(pick)) {
    target.set(`${name}.weight`, rows(weight, indexes));
    if (tensors.has(`${module}.bias`)) target.set(`${name}.bias`, rows(tensors.get(`${module}.bias`), indexes));
  }
}

const number = (config: Config, key: string, fallback?: number): number => {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number') throw new Error(`No number ${key}.`);
  return value;
};

const rms = (epsilon: number, weight: NormSpec['weight'] = 'plain'): NormSpec => ({
  kind: 'rms',
  epsilon,
  weight,
  bias: false,
});
const layerNorm = (epsilon: number): NormSpec => ({ kind: 'layer', epsilon, weight: 'plain', bias: true });
const prenorm = (norm: NormSpec): BlockNorms => ({ ...NO_NORMS, attention: norm, feedForward: norm });
const noExperts = (): WeightMap => {
  throw new Error('No experts here.');
};

function block(
  layer: AttentionLayerSpec,
  feedForward: BlockSpec['feedForward'],
  norms: BlockNorms,
  extra: Partial<BlockSpec> = {},
): BlockSpec {
  return { layer, feedForward, norms, arrangement: 'sequential', residualMultiplier: 1, residualFrom: 'sum', ...extra };
}

function plain(width: number, activation: PlainActivation, bias: boolean): DenseFeedForward {
  return { kind: 'plain', width, activation, biasIn: bias, biasOut: bias };
}

function gated(width: number, activation: PlainActivation): DenseFeedForward {
  return { kind: 'gated', width, activation, biasIn: false, biasOut: false, clampedSwiglu: null };
}

function headed(config: Config, kind: string): Extract<RunnableAttention, { kvHeads: number }> {
  const queryHeads = number(config, 'num_attention_heads');
  const dim = number(config, 'head_dim', number(config, 'hidden_size') / queryHeads);
  const layout = { queryHeads, kvHeads: number(config, 'num_key_value_heads', queryHeads), keyDim: dim, valueDim: dim };
  return kind === 'sliding_attention'
    ? { kind: 'sliding', window: number(config, 'sliding_window'), ...layout }
    : { kind: 'full', ...layout };
}

function ropeScaling(config: Config): RotaryScaling | null {
  const given = config['rope_scaling'] as Config | null | undefined;
  if (!given) return null;
  switch (given['rope_type'] ?? given['type']) {
    case 'llama3':
      return {
        kind: 'llama3',
        factor: number(given, 'factor'),
        lowFrequencyFactor: number(given, 'low_freq_factor'),
        highFrequencyFactor: number(given, 'high_freq_factor'),
        originalContext: number(given, 'original_max_position_embeddings'),
      };
    case 'yarn':
      return {
        kind: 'yarn',
        factor: number(given, 'factor'),
        originalContext: number(given, 'original_max_position_embeddings'),
        betaFast: number(given, 'beta_fast', 32),
        betaSlow: number(given, 'beta_slow', 1),
        mscale: number(given, 'mscale'),
        mscaleAllDim: number(given, 'mscale_all_dim'),
        attentionFactor: null,
        truncate: true,
      };
    case 'longrope': {
      const originalContext = number(config, 'original_max_position_embeddings');
      return {
        kind: 'longrope',
        shortFactor: given['short_factor'] as number[],
        longFactor: given['long_factor'] as number[],
        originalContext,
        factor: number(config, 'max_position_embeddings') / originalContext,
        attentionFactor: null,
      };
    }
    default:
      throw new Error('Unknown rope scaling.');
  }
}

/** llama, mistral, qwen2, qwen3, gemma2, phi3 */
function llamaLike(config: Config, tensors: Tensors, index: number, kind: string): GoldenBlock {
  const type = config['model_type'];
  const gemma = type === 'gemma2';
  const attention = headed(config, kind);
  const prefix = `model.layers.${index}.`;
  const weights: Weights = new Map();
  const { queryHeads, kvHeads, keyDim } = attention;
  if (type === 'phi3') {
    const [q, kv] = [queryHeads * keyDim, kvHeads * keyDim];
    split(weights, tensors, `${prefix}self_attn.qkv_proj`, { q: range(0, q), k: range(q, kv), v: range(q + kv, kv) });
    const width = number(config, 'intermediate_size');
    split(weights, tensors, `${prefix}mlp.gate_up_proj`, { gate_proj: range(0, width), up: range(width, width) });
  } else {
    for (const name of ['q', 'k', 'v']) tensors.copy(weights, name, `${prefix}self_attn.${name}_proj`);
    tensors.copy(weights, 'gate_proj', `${prefix}mlp.gate_proj`);
    tensors.copy(weights, 'up', `${prefix}mlp.up_proj`);
  }
  tensors.copy(weights, 'o', `${prefix}self_attn.o_proj`);
  tensors.copy(weights, 'down', `${prefix}mlp.down_proj`);
  tensors.copy(weights, 'norm_attention', `${prefix}input_layernorm`);
  if (gemma) {
    tensors.copy(weights, 'norm_attention_output', `${prefix}post_attention_layernorm`);
    tensors.copy(weights, 'norm_feed_forward', `${prefix}pre_feedforward_layernorm`);
    tensors.copy(weights, 'norm_feed_forward_output', `${prefix}post_feedforward_layernorm`);
  } else {
    tensors.copy(weights, 'norm_feed_forward', `${prefix}post_attention_layernorm`);
  }
  const norm = rms(number(config, 'rms_norm_eps'), gemma ? 'plus-one' : 'plain');
  const headNorm = { norm, extent: 'head', stage: 'before-rope' } as const;
  if (type === 'qwen3')
    for (const name of ['q_norm', 'k_norm']) tensors.copy(weights, name, `${prefix}self_attn.${name}`);
  const parameters = config['rope_parameters'] as Config | undefined;
  const layer: AttentionLayerSpec = {
    ...PLAIN_LAYER,
    attention,
    hiddenSize: number(config, 'hidden_size'),
    scale: gemma ? number(config, 'query_pre_attn_scalar') ** -0.5 : keyDim ** -0.5,
    softcap: gemma ? number(config, 'attn_logit_softcapping') : null,
    biases: { q: type === 'qwen2', k: type === 'qwen2', v: type === 'qwen2', o: false },
    queryNorm: type === 'qwen3' ? headNorm : null,
    keyNorm: type === 'qwen3' ? headNorm : null,
    rotary: {
      theta: number(parameters ?? config, 'rope_theta'),
      dim: keyDim * number(config, 'partial_rotary_factor', 1),
      layout: 'half',
      scaling: ropeScaling(config),
    },
  };
  const norms: BlockNorms = gemma
    ? { ...NO_NORMS, attention: norm, attentionOutput: norm, feedForward: norm, feedForwardOutput: norm }
    : prenorm(norm);
  const mlp = gated(number(config, 'intermediate_size'), gemma ? 'gelu-tanh' : 'silu');
  return { spec: block(layer, mlp, norms), weights, experts: noExperts };
}

function deepseekV2(config: Config, tensors: Tensors, index: number): GoldenBlock {
  const prefix = `model.layers.${index}.`;
  const attention = {
    kind: 'latent',
    queryHeads: number(config, 'num_attention_heads'),
    latentDim: number(config, 'kv_lora_rank'),
    ropeDim: number(config, 'qk_rope_head_dim'),
    nopeDim: number(config, 'qk_nope_head_dim'),
    valueDim: number(config, 'v_head_dim'),
    queryLatentDim: null,
  } as const;
  const { queryHeads, nopeDim, valueDim, ropeDim } = attention;
  const weights: Weights = new Map();
  tensors.copy(weights, 'q', `${prefix}self_attn.q_proj`);
  tensors.copy(weights, 'kv_a', `${prefix}self_attn.kv_a_proj_with_mqa`);
  tensors.copy(weights, 'kv_a_norm', `${prefix}self_attn.kv_a_layernorm`);
  tensors.copy(weights, 'o', `${prefix}self_attn.o_proj`);
  const kvB = tensors.get(`${prefix}self_attn.kv_b_proj.weight`);
  const perHead = (first: number, count: number): number[] =>
    range(0, queryHeads).flatMap((head) => range(head * (nopeDim + valueDim) + first, count));
  weights.set('w_uk', rows(kvB, perHead(0, nopeDim)));
  weights.set('w_uv', rows(kvB, perHead(nopeDim, valueDim)));
  tensors.copy(weights, 'norm_attention', `${prefix}input_layernorm`);
  tensors.copy(weights, 'norm_feed_forward', `${prefix}post_attention_layernorm`);
  const mlp = (target: Weights, module: string, names: string): void => {
    for (const [name, part] of [
      ['gate_proj', 'gate_proj'],
      ['up', 'up_proj'],
      ['down', 'down_proj'],
    ] as const) {
      tensors.copy(target, `${names}${name}`, `${module}.${part}`);
    }
  };
  const norm = rms(number(config, 'rms_norm_eps'));
  const scaling = ropeScaling(config);
  const layer: AttentionLayerSpec = {
    ...PLAIN_LAYER,
    attention,
    hiddenSize: number(config, 'hidden_size'),
    scale: (nopeDim + ropeDim) ** -0.5 * latentScaleFactor(scaling),
    rotary: { theta: number(config, 'rope_theta'), dim: ropeDim, layout: 'interleaved', scaling },
    latentNorms: { query: null, latent: rms(1e-6) },
  };
  if (index < number(config, 'first_k_dense_replace')) {
    mlp(weights, `${prefix}mlp`, '');
    return {
      spec: block(layer, gated(number(config, 'intermediate_size'), 'silu'), prenorm(norm)),
      weights,
      experts: noExperts,
    };
  }
  weights.set('router.weight', tensors.get(`${prefix}mlp.gate.weight`).data);
  mlp(weights, `${prefix}mlp.shared_experts`, 'shared.');
  const width = number(config, 'moe_intermediate_size');
  const spec = block(
    layer,
    {
      kind: 'moe',
      router: {
        experts: number(config, 'n_routed_experts'),
        topK: number(config, 'num_experts_per_tok'),
        scoring: 'softmax',
        normalize: false,
        factor: number(config, 'routed_scaling_factor'),
        bias: false,
        correctionBias: false,
        groups: null,
      },
      expert: gated(width, 'silu'),
      weighting: 'output',
      shared: { expert: gated(width * number(config, 'n_shared_experts'), 'silu'), gate: false },
    },
    prenorm(norm),
  );
  const experts = (expert: number): WeightMap => {
    const own: Weights = new Map();
    mlp(own, `${prefix}mlp.experts.${expert}`, '');
    return own;
  };
  return { spec, weights, experts };
}

/** bloom, gpt-neox: fused per head [q k v]; falcon: per group [q … k v]. */
function perHead(queryHeads: number, kvHeads: number, dim: number): Record<'q' | 'k' | 'v', number[]> {
  const group = queryHeads / kvHeads;
  const blocks = group + 2;
  const pick = (first: number, count: number): number[] =>
    range(0, kvHeads).flatMap((kv) => range((kv * blocks + first) * dim, count * dim));
  return { q: pick(0, group), k: pick(group, 1), v: pick(group + 1, 1) };
}

const ALL_BIASES = { q: true, k: true, v: true, o: true };

function fusedFamily(
  config: Config,
  tensors: Tensors,
  options: {
    prefix: string;
    attention: string;
    queryHeads: number;
    kvHeads: number;
    norms: Readonly<Record<string, string>>;
    bias: boolean;
    width: number;
    activation: PlainActivation;
    extra: Partial<AttentionLayerSpec>;
    block: Partial<BlockSpec>;
    epsilon: number;
  },
): GoldenBlock {
  const hiddenSize = number(config, 'hidden_size');
  const dim = hiddenSize / options.queryHeads;
  const weights: Weights = new Map();
  split(
    weights,
    tensors,
    `${options.prefix}${options.attention}.query_key_value`,
    perHead(options.queryHeads, options.kvHeads, dim),
  );
  tensors.copy(weights, 'o', `${options.prefix}${options.attention}.dense`);
  tensors.copy(weights, 'up', `${options.prefix}mlp.dense_h_to_4h`);
  tensors.copy(weights, 'down', `${options.prefix}mlp.dense_4h_to_h`);
  for (const [name, module] of Object.entries(options.norms)) tensors.copy(weights, name, options.prefix + module);
  const layer: AttentionLayerSpec = {
    ...PLAIN_LAYER,
    attention: { kind: 'full', queryHeads: options.queryHeads, kvHeads: options.kvHeads, keyDim: dim, valueDim: dim },
    hiddenSize,
    scale: dim ** -0.5,
    biases: options.bias ? ALL_BIASES : PLAIN_LAYER.biases,
    ...options.extra,
  };
  const spec = block(
    layer,
    plain(options.width, options.activation, options.bias),
    prenorm(layerNorm(options.epsilon)),
    options.block,
  );
  return { spec, weights, experts: noExperts };
}

const PRE_AND_POST = { norm_attention: 'input_layernorm', norm_feed_forward: 'post_attention_layernorm' };

const FAMILIES: Readonly<
  Record<string, (config: Config, tensors: Tensors, index: number, kind: string) => GoldenBlock>
> = {
  llama: llamaLike,
  mistral: llamaLike,
  qwen2: llamaLike,
  qwen3: llamaLike,
  gemma2: llamaLike,
  phi3: llamaLike,
  'deepseek-v2': deepseekV2,
  bloom: (config, tensors, index) =>
    fusedFamily(config, tensors, {
      prefix: `transformer.h.${index}.`,
      attention: 'self_attention',
      queryHeads: number(config, 'n_head'),
      kvHeads: number(config, 'n_head'),
      norms: PRE_AND_POST,
      bias: true,
      width: 4 * number(config, 'hidden_size'),
      activation: 'gelu-tanh',
      extra: { alibi: { slopes: bloomSlopes(number(config, 'n_head')), factor: 1, rounding: 'none', origin: 'first' } },
      block: {},
      epsilon: number(config, 'layer_norm_epsilon'),
    }),
  'gpt-neox': (config, tensors, index) => {
    const queryHeads = number(config, 'num_attention_heads');
    const dim = (number(config, 'hidden_size') / queryHeads) * number(config, 'rotary_pct');
    return fusedFamily(config, tensors, {
      prefix: `gpt_neox.layers.${index}.`,
      attention: 'attention',
      queryHeads,
      kvHeads: queryHeads,
      norms: PRE_AND_POST,
      bias: true,
      width: number(config, 'intermediate_size'),
      activation: 'gelu',
      extra: { rotary: { theta: number(config, 'rotary_emb_base'), dim, layout: 'half', scaling: null } },
      block: { arrangement: 'parallel' },
      epsilon: number(config, 'layer_norm_eps'),
    });
  },
  'falcon-new-decoder': (config, tensors, index) => {
    const queryHeads = number(config, 'num_attention_heads');
    return fusedFamily(config, tensors, {
      prefix: `transformer.h.${index}.`,
      attention: 'self_attention',
      queryHeads,
      kvHeads: number(config, 'num_kv_heads'),
      norms: { norm_attention: 'ln_attn', norm_feed_forward: 'ln_mlp' },
      bias: false,
      width: number(config, 'ffn_hidden_size'),
      activation: 'gelu',
      extra: {
        rotary: {
          theta: number(config, 'rope_theta'),
          dim: number(config, 'hidden_size') / queryHeads,
          layout: 'half',
          scaling: null,
        },
      },
      block: { arrangement: 'parallel' },
      epsilon: number(config, 'layer_norm_epsilon'),
    });
  },
  gpt2: (config, tensors, index) => {
    const [hiddenSize, queryHeads] = [number(config, 'n_embd'), number(config, 'n_head')];
    const dim = hiddenSize / queryHeads;
    const prefix = `transformer.h.${index}.`;
    const weights: Weights = new Map();
    const conv = (names: Readonly<Record<string, readonly number[]>>, module: string): void => {
      split(weights, tensors, prefix + module, names, true);
    };
    conv(
      { q: range(0, hiddenSize), k: range(hiddenSize, hiddenSize), v: range(2 * hiddenSize, hiddenSize) },
      'attn.c_attn',
    );
    conv({ o: range(0, hiddenSize) }, 'attn.c_proj');
    conv({ up: range(0, number(config, 'n_inner')) }, 'mlp.c_fc');
    conv({ down: range(0, hiddenSize) }, 'mlp.c_proj');
    tensors.copy(weights, 'norm_attention', `${prefix}ln_1`);
    tensors.copy(weights, 'norm_feed_forward', `${prefix}ln_2`);
    const layer: AttentionLayerSpec = {
      ...PLAIN_LAYER,
      attention: { kind: 'full', queryHeads, kvHeads: queryHeads, keyDim: dim, valueDim: dim },
      hiddenSize,
      scale: dim ** -0.5,
      biases: ALL_BIASES,
    };
    const norms = prenorm(layerNorm(number(config, 'layer_norm_epsilon')));
    return {
      spec: block(layer, plain(number(config, 'n_inner'), 'gelu-tanh', true), norms),
      weights,
      experts: noExperts,
    };
  },
  opt: (config, tensors, index) => {
    const attention = headed(config, 'full_attention');
    const prefix = `model.decoder.layers.${index}.`;
    const weights: Weights = new Map();
    for (const name of ['q', 'k', 'v']) tensors.copy(weights, name, `${prefix}self_attn.${name}_proj`);
    tensors.copy(weights, 'o', `${prefix}self_attn.out_proj`);
    tensors.copy(weights, 'up', `${prefix}fc1`);
    tensors.copy(weights, 'down', `${prefix}fc2`);
    tensors.copy(weights, 'norm_attention', `${prefix}self_attn_layer_norm`);
    tensors.copy(weights, 'norm_feed_forward', `${prefix}final_layer_norm`);
    const layer: AttentionLayerSpec = {
      ...PLAIN_LAYER,
      attention,
      hiddenSize: number(config, 'hidden_size'),
      scale: attention.keyDim ** -0.5,
      biases: ALL_BIASES,
    };
    return {
      spec: block(layer, plain(number(config, 'ffn_dim'), 'relu', true), prenorm(layerNorm(1e-5))),
      weights,
      experts: noExperts,
    };
  },
};

export const GOLDEN_FOLDERS: readonly string[] = Object.keys(FAMILIES);

/** DeepSeek: the softmax scale is multiplied by YaRN's temperature for mscale_all_dim, squared. */
function latentScaleFactor(scaling: RotaryScaling | null): number {
  if (scaling?.kind !== 'yarn' || !scaling.mscaleAllDim || scaling.factor <= 1) return 1;
  return (0.1 * scaling.mscaleAllDim * Math.log(scaling.factor) + 1) ** 2;
}
