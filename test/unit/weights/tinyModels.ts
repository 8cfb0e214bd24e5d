/**
 * Tiny GGUF models, one or more for each architecture: the metadata that llama.cpp's converter (conversion/, v0.5.0) writes, and the
 * tensors that its loader (src/models, load_arch_tensors) asks for, with weights from a seed. libllama refuses a file where one is
 * missing or misshapen. Rows are multiples of 256, so that every quantisation can hold them.
 */

import type { GgufEntry } from './files';
import { ggufValue } from './files';

const { u32, f32, text, flags, u32s } = ggufValue;

/** How values are drawn. */
type Kind = 'matrix' | 'table' | 'small table' | 'router' | 'norm' | 'small norm' | 'vector';

export interface TinyTensor {
  /** Innermost dimension first, as in the file. */
  readonly dims: readonly number[];
  /** How values are drawn, or the values. */
  readonly values: Kind | readonly number[];
}

export interface TinyModel {
  readonly name: string;
  readonly architecture: string;
  /** Model types whose GGUF form it is. */
  readonly families: readonly string[];
  readonly metadata: Readonly<Record<string, GgufEntry>>;
  readonly tensors: Readonly<Record<string, TinyTensor>>;
  /** GELU, for which ggml has a table in half precision (GGML_GELU_FP16). */
  readonly gelu: boolean;
}

type Tensors = Record<string, TinyTensor>;

const HIDDEN = 256;
const VOCABULARY = 320;
const CONTEXT = 128;
/** Keys that a sliding layer sees. */
const WINDOW = 8;
const EXPERTS = 4;
/** Of models that choose in groups: a group is as good as its two best. */
const GROUPED_EXPERTS = 8;

const bool = (value: boolean): GgufEntry => ({ type: 7, bytes: Uint8Array.of(Number(value)) });
function f32s(values: readonly number[]): GgufEntry {
  const bytes = new Uint8Array(12 + 4 * values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 6, true);
  view.setBigUint64(4, BigInt(values.length), true);
  values.forEach((value, index) => view.setFloat32(12 + 4 * index, value, true));
  return { type: 9, bytes };
}

const matrix = (input: number, output: number, ...more: readonly number[]): TinyTensor => ({
  dims: [input, output, ...more],
  values: 'matrix',
});
const vector = (...dims: readonly number[]): TinyTensor => ({ dims, values: 'vector' });
const weight = (...dims: readonly number[]): TinyTensor => ({ dims, values: 'norm' });

/** A norm's weight, and its bias. */
function norm(name: string, width: number, bias = false): Tensors {
  return { [`${name}.weight`]: weight(width), ...(bias ? { [`${name}.bias`]: vector(width) } : {}) };
}

function linear(name: string, input: number, output: number, bias = false): Tensors {
  return { [`${name}.weight`]: matrix(input, output), ...(bias ? { [`${name}.bias`]: vector(output) } : {}) };
}

interface Heads {
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly key?: number;
  readonly value?: number;
}

/** Separate projections. */
function attention(
  { heads = 4, kvHeads = 2, key = 64, value = key }: Heads = {},
  bias = false,
  outBias = bias,
): Tensors {
  return {
    ...linear('attn_q', HIDDEN, heads * key, bias),
    ...linear('attn_k', HIDDEN, kvHeads * key, bias),
    ...linear('attn_v', HIDDEN, kvHeads * value, bias),
    ...linear('attn_output', heads * value, HIDDEN, outBias),
  };
}

/** q, k and v in one tensor. */
function fusedAttention(
  { heads = 4, kvHeads = 2, key = 64, value = key }: Heads = {},
  bias = false,
  outBias = bias,
): Tensors {
  return {
    ...linear('attn_qkv', HIDDEN, (heads + kvHeads) * key + kvHeads * value, bias),
    ...linear('attn_output', heads * value, HIDDEN, outBias),
  };
}

const headNorms = (width = 64): Tensors => ({ ...norm('attn_q_norm', width), ...norm('attn_k_norm', width) });

function gatedMlp(width = 512, bias = false): Tensors {
  return { ...linear('ffn_gate', HIDDEN, width, bias), ...plainMlp(width, bias) };
}
function plainMlp(width = 512, bias = false): Tensors {
  return { ...linear('ffn_up', HIDDEN, width, bias), ...linear('ffn_down', width, HIDDEN, bias) };
}
/** Gate, then up, in one tensor. */
const fusedMlp = (width = 512): Tensors => ({
  'ffn_up.weight': matrix(HIDDEN, 2 * width),
  'ffn_down.weight': matrix(width, HIDDEN),
});

interface Mixture {
  readonly count?: number;
  readonly width?: number;
  readonly shared?: number;
  readonly correction?: boolean;
  readonly bias?: boolean;
  /** Gate and up of an expert in one tensor. */
  readonly fused?: boolean;
}

function experts({
  width = 256,
  shared = 0,
  correction = false,
  bias = false,
  fused = false,
  count = EXPERTS,
}: Mixture = {}): Tensors {
  const tensors: Tensors = {
    'ffn_gate_inp.weight': { dims: [HIDDEN, count], values: 'router' },
    'ffn_down_exps.weight': matrix(width, HIDDEN, count),
  };
  if (fused) tensors['ffn_gate_up_exps.weight'] = matrix(HIDDEN, 2 * width, count);
  else {
    tensors['ffn_gate_exps.weight'] = matrix(HIDDEN, width, count);
    tensors['ffn_up_exps.weight'] = matrix(HIDDEN, width, count);
  }
  if (correction) tensors['exp_probs_b.bias'] = vector(count);
  if (bias) {
    tensors['ffn_gate_inp.bias'] = vector(count);
    tensors['ffn_gate_exps.bias'] = vector(width, count);
    tensors['ffn_up_exps.bias'] = vector(width, count);
    tensors['ffn_down_exps.bias'] = vector(HIDDEN, count);
  }
  if (shared > 0)
    Object.assign(
      tensors,
      linear('ffn_gate_shexp', HIDDEN, shared),
      linear('ffn_up_shexp', HIDDEN, shared),
      linear('ffn_down_shexp', shared, HIDDEN),
    );
  return tensors;
}

/** Latent attention; `apart`: kv_b as k_b and v_b, as since spring of 2025. */
function latentAttention({
  heads = 4,
  nope = 32,
  rope = 32,
  value = 64,
  latent = 256,
  query = 256,
  apart = true,
} = {}): Tensors {
  return {
    ...linear('attn_q_a', HIDDEN, query),
    ...norm('attn_q_a_norm', query),
    ...linear('attn_q_b', query, heads * (nope + rope)),
    ...linear('attn_kv_a_mqa', HIDDEN, latent + rope),
    ...norm('attn_kv_a_norm', latent),
    ...(apart
      ? { 'attn_k_b.weight': matrix(nope, latent, heads), 'attn_v_b.weight': matrix(latent, value, heads) }
      : linear('attn_kv_b', latent, heads * (nope + value))),
    ...linear('attn_output', heads * value, HIDDEN),
  };
}

/** Metadata without the architecture before the key. */
type Keys = Readonly<Record<string, GgufEntry>>;

const RMS: Keys = { 'attention.layer_norm_rms_epsilon': f32(1e-5) };
const LAYER_NORM: Keys = { 'attention.layer_norm_epsilon': f32(1e-5) };
const HEAD_64: Keys = { 'attention.key_length': u32(64), 'attention.value_length': u32(64) };
const THETA: Keys = { 'rope.freq_base': f32(50_000) };
const MIXTURE: Keys = { expert_count: u32(EXPERTS), expert_used_count: u32(3) };
const WIDTH_256: Keys = { expert_feed_forward_length: u32(256) };
const YARN: Keys = {
  'rope.scaling.type': text('yarn'),
  'rope.scaling.factor': f32(4),
  'rope.scaling.original_context_length': u32(32),
};
const SOFTMAX = u32(1);
const SIGMOID = u32(2);

interface Draft {
  readonly families: readonly string[];
  readonly keys?: Keys;
  readonly layers?: number;
  readonly heads?: number;
  readonly kvHeads?: number | readonly number[];
  readonly width?: number;
  /** Weights of a layer, without `blk.N.`. */
  readonly layer: (index: number) => Tensors;
  readonly outputNorm?: Tensors;
  /** With a head of its own; else the embedding's. */
  readonly head?: boolean;
  readonly more?: Tensors;
  readonly gelu?: boolean;
  /** The embedding is multiplied by the root of the hidden size. */
  readonly scaled?: boolean;
  /** Keys that have no architecture before them. */
  readonly apart?: Keys;
}

function tiny(name: string, architecture: string, draft: Draft): TinyModel {
  const { layers = 2, heads = 4, kvHeads = 2, width = 512, head = true } = draft;
  const tensors: Tensors = {
    'token_embd.weight': { dims: [HIDDEN, VOCABULARY], values: draft.scaled === true ? 'small table' : 'table' },
    ...(draft.outputNorm ?? norm('output_norm', HIDDEN)),
    ...(head ? { 'output.weight': matrix(HIDDEN, VOCABULARY) } : {}),
    ...draft.more,
  };
  for (let index = 0; index < layers; index++)
    for (const [part, tensor] of Object.entries(draft.layer(index))) tensors[`blk.${index}.${part}`] = tensor;
  const keys: Keys = {
    context_length: u32(CONTEXT),
    embedding_length: u32(HIDDEN),
    block_count: u32(layers),
    feed_forward_length: u32(width),
    'attention.head_count': u32(heads),
    'attention.head_count_kv': typeof kvHeads === 'number' ? u32(kvHeads) : u32s(kvHeads),
    vocab_size: u32(VOCABULARY),
    ...draft.keys,
  };
  const metadata: Record<string, GgufEntry> = {
    'general.architecture': text(architecture),
    'tokenizer.ggml.model': text('no_vocab'),
    ...draft.apart,
  };
  for (const [key, entry] of Object.entries(keys)) metadata[`${architecture}.${key}`] = entry;
  return { name, architecture, families: draft.families, metadata, tensors, gelu: draft.gelu ?? false };
}

const preNorms = (bias = false): Tensors => ({ ...norm('attn_norm', HIDDEN, bias), ...norm('ffn_norm', HIDDEN, bias) });
const fourNorms = (): Tensors => ({
  ...preNorms(),
  ...norm('post_attention_norm', HIDDEN),
  ...norm('post_ffw_norm', HIDDEN),
});
const outputNorms = (): Tensors => ({ ...norm('post_attention_norm', HIDDEN), ...norm('post_ffw_norm', HIDDEN) });
/** The norm before the feed-forward under another name. */
const afterAttention = (): Tensors => ({ ...norm('attn_norm', HIDDEN), ...norm('post_attention_norm', HIDDEN) });
const biasedNorm = norm('output_norm', HIDDEN, true);
/** Llama 3's divisors of the frequencies: some are 1, some the factor. */
const DIVISORS: Tensors = {
  'rope_freqs.weight': {
    dims: [32],
    values: Array.from({ length: 32 }, (_, i) => (i < 8 ? 1 : i < 16 ? 1 + (i - 7) / 2 : 8)),
  },
};
/** Every n-th layer is full. */
const pattern = (layers: number, every: number): GgufEntry =>
  flags(Array.from({ length: layers }, (_, index) => (index + 1) % every !== 0));
const windows = (layers: number, every: number): Keys => ({
  'attention.sliding_window': u32(WINDOW),
  'attention.sliding_window_pattern': pattern(layers, every),
});

const llamaLayer = (): Tensors => ({ ...preNorms(), ...attention(), ...gatedMlp() });
const qwen3Layer = (): Tensors => ({ ...llamaLayer(), ...headNorms() });

/** DeepSeek's widths of latent attention. */
const LATENT: Keys = {
  ...RMS,
  ...THETA,
  'attention.q_lora_rank': u32(256),
  'attention.kv_lora_rank': u32(256),
  'rope.dimension_count': u32(32),
  'attention.key_length': u32(256 + 32),
  'attention.value_length': u32(256),
  'attention.key_length_mla': u32(64),
  'attention.value_length_mla': u32(64),
};
const DEEPSEEK: Keys = {
  ...LATENT,
  ...MIXTURE,
  ...WIDTH_256,
  expert_count: u32(GROUPED_EXPERTS),
  leading_dense_block_count: u32(1),
  expert_shared_count: u32(2),
  expert_weights_scale: f32(2.5),
};
const deepseekLayer =
  (mixture: Mixture, how: Parameters<typeof latentAttention>[0] = {}) =>
  (index: number): Tensors => ({
    ...preNorms(),
    ...latentAttention(how),
    ...(index === 0 ? gatedMlp() : experts({ shared: 512, count: GROUPED_EXPERTS, ...mixture })),
  });
const GRANITE: Keys = {
  ...RMS,
  ...THETA,
  'attention.scale': f32(0.2),
  embedding_scale: f32(3),
  residual_scale: f32(0.6),
  logit_scale: f32(4),
};

/** Every architecture that has the GGUF form of a family whose safetensors form runs. */
export const TINY_MODELS: readonly TinyModel[] = [
  tiny('llama', 'llama', { families: ['llama', 'yi', 'Yi', 'mistral'], keys: { ...RMS, ...THETA }, layer: llamaLayer }),
  tiny('llama, Llama 3 RoPE, biases, tied', 'llama', {
    families: ['llama'],
    keys: { ...RMS, ...THETA },
    layer: () => ({ ...preNorms(), ...attention({}, true), ...gatedMlp(512, true) }),
    more: DIVISORS,
    head: false,
  }),
  tiny('llama, linear RoPE, fused q k v', 'llama', {
    families: ['llama'],
    keys: { ...RMS, ...THETA, 'rope.scaling.type': text('linear'), 'rope.scaling.factor': f32(2) },
    layer: () => ({ ...preNorms(), ...fusedAttention(), ...gatedMlp() }),
  }),
  tiny('llama, YaRN', 'llama', { families: ['llama'], keys: { ...RMS, ...THETA, ...YARN }, layer: llamaLayer }),
  tiny('mixtral', 'llama', {
    families: ['mixtral'],
    keys: { ...RMS, ...THETA, ...MIXTURE },
    width: 256,
    layer: () => ({ ...preNorms(), ...attention(), ...experts() }),
  }),
  tiny('apertus', 'apertus', {
    families: ['apertus'],
    keys: { ...RMS, ...THETA },
    apart: {
      'xielu.alpha_n': f32s([0.4, 0.9]),
      'xielu.alpha_p': f32s([0.8, 0.3]),
      'xielu.beta': f32s([0.5, 0.6]),
      'xielu.eps': f32s([-1e-6, -1e-6]),
    },
    layer: () => ({ ...preNorms(), ...attention(), ...headNorms(), ...plainMlp() }),
    more: DIVISORS,
  }),
  tiny('arcee', 'arcee', {
    families: ['arcee'],
    keys: { ...RMS, ...THETA },
    layer: () => ({ ...preNorms(), ...attention(), ...plainMlp() }),
  }),
  tiny('bitnet', 'bitnet', {
    families: ['bitnet'],
    keys: { ...RMS, ...THETA, 'rope.scaling.type': text('linear'), 'rope.scaling.factor': f32(1) },
    head: false,
    layer: () => ({ ...llamaLayer(), ...norm('attn_sub_norm', HIDDEN), ...norm('ffn_sub_norm', 512) }),
  }),
  tiny('bloom', 'bloom', {
    families: ['bloom'],
    keys: LAYER_NORM,
    kvHeads: 4,
    width: 1024,
    head: false,
    gelu: true,
    outputNorm: biasedNorm,
    more: norm('token_embd_norm', HIDDEN, true),
    layer: () => ({ ...preNorms(true), ...fusedAttention({ kvHeads: 4 }, true), ...plainMlp(1024, true) }),
  }),
  tiny('command-r', 'command-r', {
    families: ['cohere'],
    keys: { ...LAYER_NORM, ...THETA, logit_scale: f32(0.25), 'rope.scaling.type': text('none') },
    head: false,
    layer: () => ({ ...norm('attn_norm', HIDDEN), ...attention(), ...gatedMlp() }),
  }),
  tiny('cohere2', 'cohere2', {
    families: ['cohere2'],
    keys: { ...LAYER_NORM, ...THETA, ...windows(4, 4), logit_scale: f32(0.25), 'rope.dimension_count': u32(64) },
    layers: 4,
    head: false,
    layer: () => ({ ...norm('attn_norm', HIDDEN), ...attention(), ...gatedMlp() }),
  }),
  tiny('dbrx', 'dbrx', {
    families: ['dbrx'],
    keys: { ...LAYER_NORM, ...THETA, ...MIXTURE, 'attention.clamp_kqv': f32(0.8) },
    width: 256,
    layer: () => ({
      ...norm('attn_norm', HIDDEN),
      ...norm('attn_output_norm', HIDDEN),
      ...fusedAttention(),
      ...experts(),
    }),
  }),
  tiny('deepseek2, softmax', 'deepseek2', {
    families: ['deepseek_v2'],
    keys: DEEPSEEK,
    kvHeads: 1,
    layer: deepseekLayer({}),
  }),
  tiny('deepseek2, softmax in groups, YaRN', 'deepseek2', {
    families: ['deepseek_v2'],
    keys: {
      ...DEEPSEEK,
      ...YARN,
      'rope.scaling.yarn_log_multiplier': f32(0.0707),
      expert_gating_func: SOFTMAX,
      expert_group_count: u32(4),
      expert_group_used_count: u32(2),
    },
    kvHeads: 1,
    layer: deepseekLayer({}),
  }),
  tiny('deepseek2, sigmoid', 'deepseek2', {
    families: ['deepseek_v3', 'kimi_k2', 'glm4_moe_lite'],
    keys: {
      ...DEEPSEEK,
      ...YARN,
      'rope.scaling.yarn_log_multiplier': f32(0.1),
      expert_gating_func: SIGMOID,
      expert_weights_norm: bool(true),
      expert_group_count: u32(4),
      expert_group_used_count: u32(2),
    },
    kvHeads: 1,
    layer: deepseekLayer({ correction: true }),
  }),
  tiny('deepseek2 of 2024, kv_b whole', 'deepseek2', {
    families: ['deepseek_v2'],
    keys: Object.fromEntries(
      Object.entries({ ...DEEPSEEK, 'attention.key_length': u32(64), 'attention.value_length': u32(64) }).filter(
        ([key]) => !key.endsWith('_mla'),
      ),
    ),
    kvHeads: 4,
    layer: deepseekLayer({}, { apart: false }),
  }),
  tiny('deepseek2, all layers dense', 'deepseek2', {
    families: ['youtu'],
    keys: {
      ...LATENT,
      leading_dense_block_count: u32(2),
      expert_feed_forward_length: u32(512),
      expert_shared_count: u32(0),
    },
    kvHeads: 1,
    head: false,
    layer: () => ({ ...preNorms(), ...latentAttention(), ...gatedMlp() }),
  }),
  tiny('minicpm3', 'minicpm3', {
    families: ['minicpm3'],
    keys: {
      ...RMS,
      ...THETA,
      'attention.q_lora_rank': u32(256),
      'attention.kv_lora_rank': u32(256),
      'attention.key_length': u32(64),
      'rope.dimension_count': u32(32),
    },
    kvHeads: 4,
    layer: () => ({ ...preNorms(), ...latentAttention({ apart: false }), ...gatedMlp() }),
  }),
  tiny('dots1', 'dots1', {
    families: ['dots1'],
    keys: {
      ...RMS,
      ...THETA,
      ...MIXTURE,
      ...WIDTH_256,
      leading_dense_block_count: u32(1),
      expert_shared_count: u32(2),
      expert_weights_scale: f32(2.5),
      expert_weights_norm: bool(true),
      expert_gating_func: SIGMOID,
    },
    kvHeads: 4,
    layer: (index) => ({
      ...preNorms(),
      ...attention({ kvHeads: 4 }),
      ...headNorms(),
      ...(index === 0 ? gatedMlp() : experts({ shared: 512, correction: true })),
    }),
  }),
  tiny('ernie4_5', 'ernie4_5', { families: ['ernie4_5'], keys: { ...RMS, ...THETA }, layer: llamaLayer, head: false }),
  tiny('ernie4_5-moe', 'ernie4_5-moe', {
    families: ['ernie4_5_moe'],
    keys: {
      ...RMS,
      ...THETA,
      ...MIXTURE,
      ...WIDTH_256,
      interleave_moe_layer_step: u32(1),
      leading_dense_block_count: u32(1),
      expert_shared_count: u32(2),
      expert_shared_feed_forward_length: u32(512),
    },
    layer: (index) => ({
      ...preNorms(),
      ...attention(),
      ...(index === 0 ? gatedMlp() : experts({ shared: 512, correction: true })),
    }),
  }),
  tiny('exaone4', 'exaone4', {
    families: ['exaone4'],
    keys: { ...RMS, ...THETA, ...HEAD_64 },
    layer: () => ({ ...outputNorms(), ...attention(), ...headNorms(), ...gatedMlp() }),
    more: DIVISORS,
    head: false,
  }),
  tiny('exaone-moe', 'exaone-moe', {
    families: ['exaone_moe'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...MIXTURE,
      ...WIDTH_256,
      ...windows(4, 4),
      leading_dense_block_count: u32(1),
      expert_shared_count: u32(1),
      expert_gating_func: SIGMOID,
      expert_weights_scale: f32(2.5),
      expert_weights_norm: bool(true),
    },
    layers: 4,
    layer: (index) => ({
      ...preNorms(),
      ...attention(),
      ...headNorms(),
      ...(index === 0 ? gatedMlp() : experts({ shared: 256, correction: true })),
    }),
  }),
  tiny('falcon, one KV head', 'falcon', {
    families: ['falcon', 'RefinedWebModel'],
    keys: LAYER_NORM,
    kvHeads: 1,
    width: 1024,
    head: false,
    gelu: true,
    outputNorm: biasedNorm,
    layer: () => ({ ...norm('attn_norm', HIDDEN, true), ...fusedAttention({ kvHeads: 1 }), ...plainMlp(1024) }),
  }),
  tiny('falcon, groups and two norms', 'falcon', {
    families: ['falcon', 'RefinedWeb'],
    keys: LAYER_NORM,
    width: 1024,
    gelu: true,
    outputNorm: biasedNorm,
    layer: () => ({
      ...norm('attn_norm', HIDDEN, true),
      ...norm('attn_norm_2', HIDDEN, true),
      ...fusedAttention(),
      ...plainMlp(1024),
    }),
  }),
  tiny('gemma', 'gemma', {
    families: ['gemma'],
    keys: { ...RMS, ...HEAD_64 },
    gelu: true,
    scaled: true,
    head: false,
    layer: llamaLayer,
  }),
  tiny('gemma2', 'gemma2', {
    families: ['gemma2'],
    keys: {
      ...RMS,
      ...HEAD_64,
      'attention.sliding_window': u32(WINDOW),
      attn_logit_softcapping: f32(5),
      final_logit_softcapping: f32(3),
    },
    layers: 4,
    gelu: true,
    scaled: true,
    head: false,
    layer: () => ({ ...fourNorms(), ...attention(), ...gatedMlp() }),
  }),
  tiny('gemma3', 'gemma3', {
    families: ['gemma3_text', 'gemma3'],
    keys: {
      ...RMS,
      ...HEAD_64,
      'attention.sliding_window': u32(WINDOW),
      'rope.freq_base': f32(1e6),
      'rope.scaling.type': text('linear'),
      'rope.scaling.factor': f32(8),
    },
    layers: 6,
    gelu: true,
    scaled: true,
    head: false,
    layer: () => ({ ...fourNorms(), ...attention(), ...headNorms(), ...gatedMlp() }),
  }),
  tiny('gemma3 without windows', 'gemma3', {
    families: ['gemma3_text'],
    keys: { ...RMS, ...HEAD_64, 'rope.freq_base': f32(1e6) },
    gelu: true,
    scaled: true,
    head: false,
    layer: () => ({ ...fourNorms(), ...attention(), ...headNorms(), ...gatedMlp() }),
  }),
  tiny('gemma4', 'gemma4', {
    families: ['gemma4_text'],
    keys: {
      ...RMS,
      'attention.sliding_window': u32(WINDOW),
      'attention.sliding_window_pattern': pattern(4, 2),
      'attention.key_length': u32(128),
      'attention.value_length': u32(128),
      'attention.key_length_swa': u32(64),
      'attention.value_length_swa': u32(64),
      'attention.shared_kv_layers': u32(0),
      embedding_length_per_layer_input: u32(0),
      'rope.dimension_count': u32(128),
      'rope.dimension_count_swa': u32(64),
      'rope.freq_base': f32(1e6),
      'rope.freq_base_swa': f32(1e4),
      final_logit_softcapping: f32(3),
    },
    layers: 4,
    kvHeads: [2, 1, 2, 1],
    gelu: true,
    scaled: true,
    head: false,
    layer: (index) => {
      const full = index % 2 === 1;
      const own = attention(full ? { kvHeads: 1, key: 128 } : {});
      const { 'attn_v.weight': value, ...without } = own;
      return {
        ...fourNorms(),
        ...(full ? without : { ...without, ...(value ? { 'attn_v.weight': value } : {}) }),
        // Scores are not scaled there; the norms keep them small.
        'attn_q_norm.weight': { dims: [full ? 128 : 64], values: 'small norm' },
        'attn_k_norm.weight': { dims: [full ? 128 : 64], values: 'small norm' },
        ...gatedMlp(),
        'layer_output_scale.weight': { dims: [1], values: [0.8 + index / 10] },
      };
    },
    more: { 'rope_freqs.weight': { dims: [64], values: Array.from({ length: 64 }, (_, i) => (i < 16 ? 1 : 1e30)) } },
  }),
  tiny('chatglm', 'chatglm', {
    families: ['glm'],
    keys: { ...RMS, 'rope.dimension_count': u32(32), 'rope.freq_base': f32(1e4) },
    layer: () => ({ ...preNorms(), ...attention({}, true, false), ...fusedMlp() }),
  }),
  tiny('glm4, positions in sections', 'glm4', {
    families: ['glm4'],
    keys: {
      ...RMS,
      ...HEAD_64,
      'rope.dimension_count': u32(32),
      'rope.freq_base': f32(1e4),
      'rope.dimension_sections': u32s([4, 6, 4, 0]),
    },
    layer: () => ({ ...fourNorms(), ...attention(), ...fusedMlp() }),
  }),
  tiny('glm4', 'glm4', {
    families: ['glm4'],
    keys: { ...RMS, ...HEAD_64, 'rope.dimension_count': u32(32), 'rope.freq_base': f32(1e4) },
    layer: () => ({ ...fourNorms(), ...attention(), ...fusedMlp() }),
  }),
  tiny('glm4moe', 'glm4moe', {
    families: ['glm4_moe'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...MIXTURE,
      ...WIDTH_256,
      'rope.dimension_count': u32(32),
      leading_dense_block_count: u32(1),
      expert_shared_count: u32(1),
      expert_weights_scale: f32(1.5),
      expert_weights_norm: bool(true),
      expert_gating_func: SIGMOID,
    },
    layer: (index) => ({
      ...afterAttention(),
      ...attention({}, true, false),
      ...headNorms(),
      ...(index === 0 ? gatedMlp() : experts({ shared: 256, correction: true })),
    }),
  }),
  tiny('glm4moe, no norms on heads', 'glm4moe', {
    families: ['solar_open'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...MIXTURE,
      ...WIDTH_256,
      'rope.dimension_count': u32(64),
      leading_dense_block_count: u32(0),
      expert_shared_count: u32(1),
      expert_weights_scale: f32(1),
      expert_weights_norm: bool(true),
    },
    layer: () => ({ ...afterAttention(), ...attention(), ...experts({ shared: 256, correction: true }) }),
  }),
  tiny('gpt2', 'gpt2', {
    families: ['gpt2'],
    keys: LAYER_NORM,
    kvHeads: 4,
    gelu: true,
    head: false,
    outputNorm: biasedNorm,
    more: { 'position_embd.weight': { dims: [HIDDEN, CONTEXT], values: 'vector' } },
    layer: () => ({ ...preNorms(true), ...fusedAttention({ kvHeads: 4 }, true), ...plainMlp(512, true) }),
  }),
  tiny('starcoder', 'starcoder', {
    families: ['gpt_bigcode'],
    keys: LAYER_NORM,
    kvHeads: 1,
    gelu: true,
    head: false,
    outputNorm: biasedNorm,
    more: { 'position_embd.weight': { dims: [HIDDEN, CONTEXT], values: 'vector' } },
    layer: () => ({ ...preNorms(true), ...fusedAttention({ kvHeads: 1 }, true), ...plainMlp(512, true) }),
  }),
  ...[true, false].map((parallel) =>
    tiny(`gptneox, ${parallel ? 'parallel' : 'sequential'}`, 'gptneox', {
      families: ['gpt_neox'],
      keys: { ...LAYER_NORM, 'rope.dimension_count': u32(16), use_parallel_residual: bool(parallel) },
      kvHeads: 4,
      gelu: true,
      outputNorm: biasedNorm,
      layer: () => ({ ...preNorms(true), ...fusedAttention({ kvHeads: 4 }, true), ...plainMlp(512, true) }),
    }),
  ),
  tiny('gpt-oss', 'gpt-oss', {
    families: ['gpt_oss'],
    keys: { ...RMS, ...THETA, ...HEAD_64, ...MIXTURE, ...WIDTH_256, ...YARN, 'attention.sliding_window': u32(WINDOW) },
    layers: 4,
    width: 256,
    layer: () => ({
      ...afterAttention(),
      ...attention({}, true),
      'attn_sinks.weight': vector(4),
      ...experts({ bias: true }),
    }),
  }),
  tiny('granite', 'granite', { families: ['granite'], keys: GRANITE, layer: llamaLayer, head: false }),
  tiny('granitemoe', 'granitemoe', {
    families: ['granitemoe'],
    keys: { ...GRANITE, ...MIXTURE },
    width: 256,
    layer: () => ({ ...preNorms(), ...attention(), ...experts() }),
  }),
  tiny('granitemoe, a shared expert', 'granitemoe', {
    families: ['granitemoeshared'],
    keys: { ...GRANITE, ...MIXTURE, expert_shared_feed_forward_length: u32(512) },
    width: 256,
    layer: () => ({ ...preNorms(), ...attention(), ...experts({ shared: 512 }) }),
  }),
  tiny('granite_swa', 'granite_swa', {
    families: ['granite_swa'],
    keys: {
      ...GRANITE,
      'attention.sliding_window': u32(WINDOW),
      'attention.sliding_window_pattern': flags([false, true, true, true]),
      'attention.rope_pattern': flags([false, true, true, true]),
    },
    layers: 4,
    layer: () => ({ ...llamaLayer(), 'attn_sinks.weight': vector(4) }),
  }),
  tiny('hunyuan-dense', 'hunyuan-dense', {
    families: ['hunyuan_v1_dense'],
    keys: { ...RMS, ...THETA, ...HEAD_64 },
    layer: qwen3Layer,
    head: false,
  }),
  tiny('hunyuan-moe', 'hunyuan-moe', {
    families: ['hunyuan_v1_moe'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...MIXTURE,
      ...WIDTH_256,
      expert_shared_feed_forward_length: u32(256),
      expert_shared_count: u32(1),
    },
    width: 256,
    layer: () => ({ ...preNorms(), ...attention(), ...headNorms(), ...experts({ shared: 256 }) }),
  }),
  tiny('jais2', 'jais2', {
    families: ['jais2'],
    keys: { ...LAYER_NORM, ...THETA, ...HEAD_64, 'rope.dimension_count': u32(64) },
    outputNorm: biasedNorm,
    layer: () => ({ ...preNorms(true), ...attention({}, true), ...plainMlp(512, true) }),
  }),
  tiny('llama4', 'llama4', {
    families: ['llama4_text'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      expert_count: u32(EXPERTS),
      expert_used_count: u32(1),
      ...WIDTH_256,
      interleave_moe_layer_step: u32(2),
    },
    layers: 4,
    layer: (index) => ({ ...preNorms(), ...attention(), ...(index % 2 === 1 ? experts({ shared: 256 }) : gatedMlp()) }),
    more: DIVISORS,
  }),
  tiny('mellum', 'mellum', {
    families: ['mellum'],
    keys: { ...RMS, ...THETA, ...HEAD_64, ...MIXTURE, ...WIDTH_256, ...YARN, ...windows(4, 4) },
    layers: 4,
    layer: () => ({ ...preNorms(), ...attention(), ...headNorms(), ...experts() }),
  }),
  tiny('mimo2', 'mimo2', {
    families: ['mimo_v2_flash'],
    keys: {
      ...RMS,
      ...MIXTURE,
      ...WIDTH_256,
      'attention.sliding_window': u32(WINDOW),
      'attention.sliding_window_pattern': u32s([0, 1, 1, 0]),
      'attention.key_length': u32(64),
      'attention.value_length': u32(32),
      'attention.value_scale': f32(0.7),
      'rope.dimension_count': u32(22),
      'rope.freq_base': f32(5e6),
      'rope.freq_base_swa': f32(1e4),
      expert_gating_func: SIGMOID,
    },
    layers: 4,
    heads: 8,
    kvHeads: [1, 2, 2, 1],
    layer: (index) => {
      const sliding = index === 1 || index === 2;
      return {
        ...preNorms(),
        ...attention({ heads: 8, kvHeads: sliding ? 2 : 1, key: 64, value: 32 }),
        ...(sliding ? { 'attn_sinks.weight': vector(8) } : {}),
        ...(index === 0 ? gatedMlp() : experts({ correction: true })),
      };
    },
  }),
  tiny('minimax-m2', 'minimax-m2', {
    families: ['minimax_m2'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...MIXTURE,
      ...WIDTH_256,
      'rope.dimension_count': u32(32),
      expert_gating_func: SIGMOID,
    },
    width: 256,
    layer: () => ({
      ...preNorms(),
      ...attention(),
      ...norm('attn_q_norm', 256),
      ...norm('attn_k_norm', 128),
      ...experts({ correction: true }),
    }),
  }),
  tiny('mistral3', 'mistral3', {
    families: ['ministral3'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      ...YARN,
      'rope.scaling.original_context_length': u32(16),
      'rope.scaling.yarn_beta_fast': f32(24),
      'rope.scaling.yarn_beta_slow': f32(1.5),
      'rope.scaling.yarn_log_multiplier': f32(1),
      'attention.temperature_scale': f32(0.3),
    },
    layer: llamaLayer,
  }),
  tiny('mistral3, queries that do not grow', 'mistral3', {
    families: ['mistral'],
    keys: { ...RMS, ...THETA, ...HEAD_64, ...YARN, 'rope.scaling.yarn_beta_fast': f32(20) },
    layer: llamaLayer,
  }),
  tiny('mpt', 'mpt', {
    families: ['mpt'],
    keys: { ...LAYER_NORM, 'attention.max_alibi_bias': f32(8), 'attention.clamp_kqv': f32(0.8) },
    heads: 4,
    kvHeads: 4,
    width: 1024,
    gelu: true,
    head: false,
    layer: () => ({ ...preNorms(), ...fusedAttention({ kvHeads: 4 }), ...plainMlp(1024) }),
  }),
  tiny('nemotron', 'nemotron', {
    families: ['nemotron'],
    keys: { ...LAYER_NORM, ...THETA, 'rope.dimension_count': u32(32), 'rope.scaling.type': text('none') },
    outputNorm: biasedNorm,
    layer: () => ({ ...preNorms(true), ...attention(), ...plainMlp() }),
  }),
  tiny('olmo', 'olmo', {
    families: ['olmo'],
    keys: { ...LAYER_NORM, ...THETA, 'attention.clamp_kqv': f32(0.8) },
    outputNorm: {},
    layer: () => ({ ...attention(), ...gatedMlp() }),
  }),
  tiny('olmo2', 'olmo2', {
    families: ['olmo2'],
    keys: { ...RMS, ...THETA },
    layer: () => ({
      ...outputNorms(),
      ...attention(),
      ...norm('attn_q_norm', 256),
      ...norm('attn_k_norm', 128),
      ...gatedMlp(),
    }),
  }),
  tiny('olmo2 with windows, YaRN', 'olmo2', {
    families: ['olmo3'],
    keys: { ...RMS, ...THETA, ...YARN, 'rope.scaling.attn_factor': f32(1.2), ...windows(4, 4) },
    layers: 4,
    layer: () => ({
      ...outputNorms(),
      ...attention(),
      ...norm('attn_q_norm', 256),
      ...norm('attn_k_norm', 128),
      ...gatedMlp(),
    }),
  }),
  tiny('olmoe', 'olmoe', {
    families: ['olmoe'],
    keys: { ...RMS, ...THETA, ...MIXTURE },
    kvHeads: 4,
    width: 256,
    layer: () => ({
      ...preNorms(),
      ...attention({ kvHeads: 4 }),
      ...norm('attn_q_norm', 256),
      ...norm('attn_k_norm', 256),
      ...experts(),
    }),
  }),
  tiny('phi2', 'phi2', {
    families: ['phi'],
    keys: { ...LAYER_NORM, 'rope.dimension_count': u32(24) },
    kvHeads: 4,
    width: 1024,
    gelu: true,
    outputNorm: biasedNorm,
    more: { 'output.bias': vector(VOCABULARY) },
    layer: () => ({ ...norm('attn_norm', HIDDEN, true), ...attention({ kvHeads: 4 }, true), ...plainMlp(1024, true) }),
  }),
  // llama.cpp chooses the list by the room of its context, we by the tokens: both prompts are on one side.
  ...(['short', 'long'] as const).map((list) =>
    tiny(`phi3, ${list} factors`, 'phi3', {
      families: ['phi3'],
      keys: {
        ...RMS,
        ...THETA,
        'rope.dimension_count': u32(48),
        'rope.scaling.original_context_length': u32(list === 'short' ? 1024 : 16),
        'rope.scaling.attn_factor': f32(1.1),
        'attention.sliding_window': u32(WINDOW),
      },
      more: {
        'rope_factors_long.weight': { dims: [24], values: Array.from({ length: 24 }, (_, i) => 2 + i / 4) },
        'rope_factors_short.weight': { dims: [24], values: Array.from({ length: 24 }, (_, i) => 1 + i / 20) },
      },
      layer: () => ({ ...preNorms(), ...fusedAttention(), ...fusedMlp() }),
    }),
  ),
  tiny('phimoe', 'phimoe', {
    families: ['phimoe'],
    keys: {
      ...RMS,
      ...THETA,
      ...MIXTURE,
      expert_used_count: u32(2),
      'rope.dimension_count': u32(64),
      'rope.scaling.original_context_length': u32(1024),
      'rope.scaling.attn_factor': f32(1.1),
    },
    width: 256,
    outputNorm: biasedNorm,
    more: {
      'output.bias': vector(VOCABULARY),
      'rope_factors_long.weight': { dims: [32], values: Array.from({ length: 32 }, (_, i) => 2 + i / 4) },
      'rope_factors_short.weight': { dims: [32], values: Array.from({ length: 32 }, (_, i) => 1 + i / 20) },
    },
    layer: () => ({ ...preNorms(true), ...attention({}, true), ...experts() }),
  }),
  tiny('qwen2', 'qwen2', {
    families: ['qwen2'],
    keys: { ...RMS, ...THETA },
    head: false,
    layer: () => ({ ...preNorms(), ...attention({}, true, false), ...gatedMlp() }),
  }),
  tiny('qwen2vl', 'qwen2vl', {
    families: ['qwen2_vl_text', 'qwen2_5_vl_text'],
    keys: { ...RMS, ...THETA, 'rope.dimension_sections': u32s([8, 12, 12, 0]) },
    layer: () => ({ ...preNorms(), ...attention({}, true, false), ...gatedMlp() }),
  }),
  tiny('qwen3', 'qwen3', { families: ['qwen3'], keys: { ...RMS, ...THETA, ...HEAD_64 }, layer: qwen3Layer }),
  tiny('qwen3vl', 'qwen3vl', {
    families: ['qwen3_vl_text'],
    keys: {
      ...RMS,
      ...THETA,
      ...HEAD_64,
      'rope.dimension_sections': u32s([12, 10, 10, 0]),
      n_deepstack_layers: u32(0),
    },
    layer: qwen3Layer,
  }),
  tiny('qwen2moe', 'qwen2moe', {
    families: ['qwen2_moe'],
    keys: { ...RMS, ...THETA, ...MIXTURE, ...WIDTH_256, expert_shared_feed_forward_length: u32(512) },
    layer: () => ({
      ...preNorms(),
      ...attention({}, true, false),
      ...experts({ shared: 512 }),
      'ffn_gate_inp_shexp.weight': { dims: [HIDDEN], values: 'vector' },
    }),
  }),
  tiny('qwen3moe', 'qwen3moe', {
    families: ['qwen3_moe'],
    keys: { ...RMS, ...THETA, ...HEAD_64, ...MIXTURE, ...WIDTH_256 },
    layer: () => ({ ...preNorms(), ...attention(), ...headNorms(), ...experts() }),
  }),
  tiny('seed_oss', 'seed_oss', {
    families: ['seed_oss'],
    keys: { ...RMS, ...THETA, ...HEAD_64 },
    layer: () => ({ ...afterAttention(), ...attention({}, true, false), ...gatedMlp() }),
  }),
  tiny('smollm3', 'smollm3', {
    families: ['smollm3'],
    keys: { ...RMS, ...THETA },
    layers: 4,
    layer: llamaLayer,
    head: false,
  }),
  tiny('stablelm', 'stablelm', {
    families: ['stablelm', 'stablelm_epoch'],
    keys: { ...LAYER_NORM, 'rope.dimension_count': u32(16), use_parallel_residual: bool(true) },
    outputNorm: biasedNorm,
    layer: () => ({ ...preNorms(true), ...attention({}, true, false), ...gatedMlp() }),
  }),
  tiny('stablelm, parallel, norms of each head', 'stablelm', {
    families: ['stablelm'],
    keys: { ...LAYER_NORM, 'rope.dimension_count': u32(16), use_parallel_residual: bool(true) },
    outputNorm: biasedNorm,
    layer: () => ({
      ...norm('attn_norm', HIDDEN, true),
      ...attention(),
      'attn_q_norm.weight': weight(64, 4),
      'attn_k_norm.weight': weight(64, 2),
      ...gatedMlp(),
    }),
  }),
  tiny('starcoder2', 'starcoder2', {
    families: ['starcoder2'],
    keys: { ...LAYER_NORM, ...THETA },
    gelu: true,
    head: false,
    outputNorm: biasedNorm,
    layer: () => ({ ...preNorms(true), ...attention({}, true), ...plainMlp(512, true) }),
  }),
];

/** A start of the generator below, from a name. */
function startOf(name: string): number {
  let state = 2166136261;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 16777619);
  return state === 0 ? 1 : state;
}

/** Numbers in [middle − spread, middle + spread), the same every time (Marsaglia's xorshift: there are millions of them). */
function noise(name: string, count: number, middle: number, spread: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(count);
  const step = spread / 2 ** 31;
  let state = startOf(name);
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    result[i] = middle + state * step;
  }
  return result;
}

/** The values of a tensor: matrices keep the size of what goes through them, norms are about 1. */
export function tinyValues(model: TinyModel, name: string): Float32Array<ArrayBuffer> {
  const tensor = model.tensors[name];
  if (tensor === undefined) throw new Error(`${model.name} has no ${name}`);
  const { dims, values } = tensor;
  if (typeof values !== 'string') return Float32Array.from(values);
  const [row = 1] = dims;
  const unit = Math.sqrt(3);
  const [middle, spread] = {
    matrix: [0, unit / Math.sqrt(row)],
    router: [0, (2 * unit) / Math.sqrt(row)],
    table: [0, unit],
    'small table': [0, unit / Math.sqrt(HIDDEN)],
    norm: [1, 0.3],
    'small norm': [0.35, 0.1],
    vector: [0, 0.3],
  }[values] as [number, number];
  const count = dims.reduce((product, size) => product * size, 1);
  return noise(`${model.name} ${name}`, count, middle, spread);
}

/** Tokens of a prompt: more than a window holds. */
export function tinyPrompt(model: TinyModel, count = 24): number[] {
  return Array.from(noise(`${model.name} prompt`, count, 0.5, 0.5), (part) =>
    Math.min(VOCABULARY - 1, Math.floor(part * VOCABULARY)),
  );
}
