/**
 * Small models of llama.cpp's architectures, as the metadata that its converter writes (conversion/*.py of v0.5.0). Shapes are made up; what
 * matters to the cache differs from key to key, so that a wrong key shows.
 */

import { gguf, type GgufEntry, ggufValue } from '../unit/weights/files';

export type Keys = Readonly<Record<string, KeyValue>>;
type KeyValue = number | boolean | string | readonly number[] | readonly boolean[] | readonly string[];

export interface LlamacppModel {
  readonly architecture: string;
  /** What is special about it, where an architecture has several. */
  readonly variant?: string;
  /** Under the architecture's name. */
  readonly keys: Keys;
  /** With their whole names. */
  readonly global?: Keys;
  /**
   * Names of tensors that the architecture may leave out and cannot run without. Where layers predict further tokens, every tensor of the
   * others may be left out.
   */
  readonly tensors?: readonly string[];
}

/** Keys whose values are real numbers, also where they are whole. */
const REAL =
  /epsilon|freq_base|scal(e|ing)|softcap|clamp|alibi|_factor|magnitude|multiplier|xielu|[._]beta|bound|_bias/;

function entry(key: string, value: KeyValue): GgufEntry {
  const { u32, f32, text, texts, flags, u32s } = ggufValue;
  if (typeof value === 'string') return text(value);
  if (typeof value === 'boolean') return { type: 7, bytes: Uint8Array.of(value ? 1 : 0) };
  if (typeof value === 'number') return REAL.test(key) || !Number.isInteger(value) ? f32(value) : u32(value);
  if (value.every((one) => typeof one === 'boolean')) return flags(value);
  if (value.every((one) => typeof one === 'string')) return texts(value);
  return REAL.test(key) ? floats(value as readonly number[]) : u32s(value as readonly number[]);
}

/** An array of float32. */
function floats(values: readonly number[]): GgufEntry {
  const { bytes } = ggufValue.u32s([...new Uint32Array(Float32Array.from(values).buffer)]);
  const typed = Uint8Array.from(bytes);
  typed[0] = 6;
  return { type: 9, bytes: typed };
}

const COMMON: Keys = {
  context_length: 8192,
  embedding_length: 256,
  block_count: 4,
  feed_forward_length: 64,
  'attention.head_count': 8,
  'attention.head_count_kv': 4,
  'attention.layer_norm_rms_epsilon': 1e-5,
  'attention.layer_norm_epsilon': 1e-5,
  vocab_size: 64,
};

/** All metadata of a model, by its whole names. */
export function metadataOf({ architecture, keys, global = {} }: LlamacppModel): Keys {
  const own = Object.entries({ ...COMMON, ...keys }).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  return {
    'general.architecture': architecture,
    'tokenizer.ggml.model': 'no_vocab',
    ...Object.fromEntries(own),
    ...global,
  };
}

/** The file without values: tensors have their names alone, and one element. */
export function headerOf(model: LlamacppModel): Uint8Array {
  const metadata = Object.entries(metadataOf(model)).map(([key, value]) => [key, entry(key, value)] as const);
  const one = { dims: [1], type: 0, bytes: new Uint8Array(4) };
  return gguf(
    Object.fromEntries(metadata),
    Object.fromEntries((model.tensors ?? []).map((name) => [name, one] as const)),
  );
}

/** Tensors of these blocks. */
function inBlocks(blocks: readonly number[], ...names: readonly string[]): readonly string[] {
  return blocks.flatMap((block) => names.map((name) => `blk.${block}.${name}`));
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** The index of sparse attention. */
const INDEX = ['k_norm.weight', 'k_norm.bias', 'proj.weight', 'attn_k.weight', 'attn_q_b.weight'].map(
  (name) => `indexer.${name}`,
);

/** A dense block with latents. */
const MLA = [
  ...['attn_norm', 'attn_q_a_norm', 'attn_kv_a_norm', 'attn_q_a', 'attn_q_b', 'attn_kv_a_mqa', 'attn_k_b', 'attn_v_b'],
  ...['attn_output', 'ffn_norm', 'ffn_gate', 'ffn_up', 'ffn_down'],
].map((name) => `${name}.weight`);

/** Projections of a gated delta net. */
const PROJECTED = ['attn_qkv.weight', 'attn_gate.weight'];

/** A dense block. */
const DENSE = [
  ...['attn_norm', 'attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_norm', 'ffn_gate', 'ffn_up', 'ffn_down'],
].map((name) => `${name}.weight`);

const EXPERTS: Keys = {
  expert_count: 4,
  expert_used_count: 2,
  expert_feed_forward_length: 32,
  expert_shared_count: 1,
  expert_shared_feed_forward_length: 32,
  expert_gating_func: 2,
  expert_weights_scale: 1,
  expert_weights_norm: true,
  leading_dense_block_count: 1,
};

const WINDOW: Keys = { block_count: 8, 'attention.sliding_window': 300 };
/** A pattern that no period gives. */
const PATTERN = [true, false, true, true, false, true, true, false];
const MAMBA: Keys = {
  'ssm.conv_kernel': 4,
  'ssm.inner_size': 512,
  'ssm.state_size': 16,
  'ssm.time_step_rank': 16,
};
const MAMBA2: Keys = { ...MAMBA, 'ssm.state_size': 64, 'ssm.time_step_rank': 8, 'ssm.group_count': 2 };
const LATENT: Keys = {
  'attention.head_count_kv': 1,
  'attention.q_lora_rank': 64,
  'attention.kv_lora_rank': 96,
  'attention.key_length': 128,
  'attention.value_length': 96,
  'attention.key_length_mla': 80,
  'attention.value_length_mla': 48,
  'rope.dimension_count': 32,
};
/** As files were before K and V were split: the widths of every head. */
const EXPANDED: Keys = {
  'attention.head_count_kv': 8,
  'attention.q_lora_rank': 64,
  'attention.kv_lora_rank': 96,
  'attention.key_length': 96,
  'attention.value_length': 64,
  'rope.dimension_count': 32,
};
const INDEXER: Keys = {
  'attention.indexer.head_count': 4,
  'attention.indexer.key_length': 64,
  'attention.indexer.top_k': 128,
};
const DELTA: Keys = {
  block_count: 8,
  full_attention_interval: 4,
  'ssm.conv_kernel': 4,
  'ssm.inner_size': 256,
  'ssm.state_size': 32,
  'ssm.time_step_rank': 8,
  'ssm.group_count': 4,
  'attention.key_length': 64,
  'attention.value_length': 64,
  'rope.dimension_count': 16,
  'rope.dimension_sections': [4, 2, 2, 0],
};
const SECTIONS: Keys = { 'rope.dimension_sections': [4, 6, 6, 0] };
const WKV: Keys = {
  'attention.head_count': 0,
  'attention.head_count_kv': 0,
  'wkv.head_size': 32,
  token_shift_count: 2,
  time_mix_extra_dim: 16,
  time_decay_extra_dim: 16,
  'attention.decay_lora_rank': 16,
  'attention.iclr_lora_rank': 16,
  'attention.value_residual_mix_lora_rank': 16,
  'attention.gate_lora_rank': 16,
};
const HYBRID_HEADS: Keys = {
  block_count: 6,
  'attention.head_count_kv': [0, 0, 4, 0, 0, 4],
};

/** Their graphs abort where each sequence has a stream of its own: T5's position biases are made for one. */
export const ONE_STREAM: readonly string[] = ['t5'];

const TOKEN_TYPES: Keys = { 'tokenizer.ggml.token_type_count': 2 };

const model = (
  architecture: string,
  keys: Keys = {},
  variant?: string | null,
  tensors?: readonly string[],
  global?: Keys,
): LlamacppModel => ({
  architecture,
  keys,
  ...(variant === undefined || variant === null ? {} : { variant }),
  ...(global === undefined ? {} : { global }),
  ...(tensors === undefined ? {} : { tensors }),
});

/** Names of all architectures (llama.cpp v0.5.0 src/llama-arch.cpp LLM_ARCH_NAMES, without `(unknown)`). */
// biome-ignore format: names fill their lines
export const ARCHITECTURES: readonly string[] = [
  'afmoe', 'apertus', 'arcee', 'arctic', 'arwkv7', 'baichuan', 'bailingmoe', 'bailingmoe2', 'bailingmoe3', 'bert', 'bitnet', 'bloom',
  'chameleon', 'chatglm', 'clip', 'codeshell', 'cogvlm', 'cohere2', 'cohere2moe', 'command-r', 'dbrx', 'deci', 'deepseek', 'deepseek2',
  'deepseek2-ocr', 'deepseek32', 'deepseek4', 'dflash', 'dots1', 'dots3note', 'dream', 'eagle3', 'ernie4_5', 'ernie4_5-moe',
  'eurobert', 'exaone', 'exaone-moe', 'exaone4', 'falcon', 'falcon-h1', 'gemma', 'gemma-embedding', 'gemma2', 'gemma3', 'gemma3n',
  'gemma4', 'gemma4-assistant', 'glm-dsa', 'glm4', 'glm4moe', 'gpt-oss', 'gpt2', 'gptj', 'gptneox', 'granite', 'granite_swa',
  'granitehybrid', 'granitemoe', 'graniteswitch', 'grok', 'grovemoe', 'hrm_text', 'hunyuan-dense', 'hunyuan-moe', 'hunyuan_vl',
  'hy_v3', 'hy_v4', 'internlm2', 'jais', 'jais2', 'jamba', 'jina-bert-v2', 'jina-bert-v3', 'kimi-k3', 'kimi-linear', 'laguna', 'lfm2',
  'lfm2moe', 'llada', 'llada-moe', 'llama', 'llama-embed', 'llama4', 'maincoder', 'mamba', 'mamba2', 'maple', 'mellum', 'mimo2',
  'minicpm', 'minicpm3', 'minimax-01', 'minimax-m2', 'minimax-m3', 'mistral3', 'mistral4', 'modern-bert', 'mpt', 'muse-glimmer',
  'nanbeige', 'nemotron', 'nemotron_h', 'nemotron_h_moe', 'neo-bert', 'nomic-bert', 'nomic-bert-moe', 'olmo', 'olmo2', 'olmoe',
  'openelm', 'orion', 'paddleocr', 'pangu-embedded', 'phi2', 'phi3', 'phimoe', 'plamo', 'plamo2', 'plamo3', 'plm', 'pockettts', 'qwen',
  'qwen2', 'qwen2moe', 'qwen2vl', 'qwen3', 'qwen35', 'qwen35moe', 'qwen3moe', 'qwen3next', 'qwen3tts', 'qwen3vl', 'qwen3vlmoe',
  'qwen4exp', 'refact', 'rnd1', 'rwkv6', 'rwkv6qwen2', 'rwkv7', 'seed_oss', 'smallthinker', 'smollm3', 'spark2_5', 'stablelm',
  'starcoder', 'starcoder2', 'step35', 't5', 't5encoder', 'talkie', 'wavtokenizer-dec', 'xverse',
];

export const MODELS: readonly LlamacppModel[] = [
  // Dense, every token kept.
  model('llama'),
  model('llama', { 'attention.head_count': 6, 'attention.head_count_kv': 2, embedding_length: 240 }, 'heads of 40'),
  model('llama', { ...EXPERTS }, 'experts'),
  model('llama-embed'),
  model('llama4', { ...EXPERTS, block_count: 8, 'attention.chunk_size': 8192, interleave_moe_layer_step: 1 }),
  model(
    'llama4',
    { ...EXPERTS, block_count: 8, 'attention.sliding_window': 0, interleave_moe_layer_step: 1 },
    'no chunks',
  ),
  model('deci', {
    'attention.head_count': [8, 0, 8, 8],
    'attention.head_count_kv': [4, 0, 2, 8],
    feed_forward_length: [64, 64, 0, 64],
  }),
  model('falcon', { 'attention.head_count_kv': 1 }),
  model('grok', { ...EXPERTS, 'attention.output_scale': 1, embedding_scale: 1, logit_scale: 1 }),
  model('gpt2', { 'attention.head_count_kv': 8 }),
  model('gptj'),
  model('gptneox', { 'attention.head_count_kv': 8, use_parallel_residual: true, 'rope.dimension_count': 8 }),
  model('mpt', { 'attention.max_alibi_bias': 8, 'attention.head_count_kv': 8 }),
  model('baichuan'),
  model('starcoder', { 'attention.head_count_kv': 1 }),
  model('refact', { 'attention.head_count_kv': 1, 'attention.max_alibi_bias': 8 }),
  model('bloom', { 'attention.head_count_kv': 8 }),
  model('stablelm', { use_parallel_residual: true, 'rope.dimension_count': 8 }),
  model('qwen', { 'attention.head_count_kv': 8 }),
  model('qwen2'),
  model('qwen2moe', { ...EXPERTS }),
  model('qwen2vl', { ...SECTIONS }),
  model('qwen3', { 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('qwen3moe', { ...EXPERTS, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('qwen3vl', { ...SECTIONS, n_deepstack_layers: 3 }),
  model('qwen3vlmoe', { ...SECTIONS, ...EXPERTS, n_deepstack_layers: 3 }),
  model(
    'phi2',
    { embedding_length: 320, 'attention.head_count': 4, 'attention.head_count_kv': 4, 'rope.dimension_count': 32 },
    'heads of 80',
  ),
  model(
    'phi3',
    { 'attention.sliding_window': 300, 'rope.dimension_count': 32 },
    null,
    inBlocks(upTo(4), 'attn_qkv.weight'),
  ),
  model('phimoe', { ...EXPERTS, 'rope.dimension_count': 32 }),
  model('plamo', { 'attention.head_count': 40, 'attention.head_count_kv': 5, embedding_length: 640 }),
  model('plamo3', { ...WINDOW, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('plamo3', { 'attention.key_length': 64, 'attention.value_length': 64 }, 'no window'),
  model('codeshell'),
  model('orion'),
  model('internlm2'),
  model('minicpm', { embedding_scale: 1, residual_scale: 1, logit_scale: 1 }),
  model('gemma', { 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('starcoder2', { 'attention.sliding_window': 300 }),
  model('xverse'),
  model('command-r', { logit_scale: 1 }),
  model('dbrx', { ...EXPERTS, 'attention.clamp_kqv': 8 }),
  model('olmo'),
  model('olmo2'),
  model('olmoe', { ...EXPERTS, 'attention.head_count_kv': 8 }),
  model('openelm', {
    'attention.head_count': [4, 4, 8, 8],
    'attention.head_count_kv': [1, 1, 2, 2],
    'attention.key_length': 32,
    'attention.value_length': 32,
    feed_forward_length: [64, 64, 96, 96],
  }),
  model('arctic', { ...EXPERTS }),
  model('deepseek', { ...EXPERTS }),
  model('deepseek2-ocr', { ...EXPERTS, 'attention.head_count_kv': 8, 'attention.head_count': 8 }),
  model('chatglm', { 'attention.head_count_kv': 2 }),
  model('glm4', { 'attention.head_count_kv': 2 }),
  model('bitnet'),
  model('jais', { 'attention.head_count_kv': 8, 'attention.max_alibi_bias': 8 }),
  model('jais2', { 'attention.head_count_kv': 8 }),
  model('nemotron', { 'rope.dimension_count': 16 }),
  model('exaone'),
  model('granite', { 'attention.scale': 1, embedding_scale: 1, residual_scale: 1, logit_scale: 1 }),
  model('granitemoe', { ...EXPERTS, 'attention.scale': 1, embedding_scale: 1, residual_scale: 1, logit_scale: 1 }),
  model('graniteswitch', {
    'attention.scale': 1,
    embedding_scale: 1,
    residual_scale: 1,
    logit_scale: 1,
    'adapters.count': 2,
    'adapters.lora_rank': 8,
    'adapters.token_ids_activate': [3, 4],
    'adapters.token_ids_substitute': [5, 6],
  }),
  model('pockettts', { 'attention.head_count_kv': 8 }, null, inBlocks(upTo(4), 'attn_qkv.weight')),
  model('qwen3tts', { ...SECTIONS }),
  model('chameleon', {
    vocab_size: 10240,
    embedding_length: 32,
    'attention.head_count': 2,
    'attention.head_count_kv': 1,
  }),
  model('bailingmoe', { ...EXPERTS }),
  model('dots1', { ...EXPERTS, 'attention.head_count_kv': 8 }),
  model('arcee'),
  model('ernie4_5'),
  model('ernie4_5-moe', { ...EXPERTS, interleave_moe_layer_step: 1 }),
  model('hunyuan-moe', { ...EXPERTS }),
  model('hunyuan-dense'),
  model('hunyuan_vl', { ...SECTIONS }),
  model('smollm3'),
  model('seed_oss', { 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('grovemoe', { ...EXPERTS, expert_chunk_feed_forward_length: 16, expert_group_scale: 1, experts_per_group: 2 }),
  model('apertus', {}, null, undefined, {
    'xielu.alpha_n': [1, 1, 1, 1],
    'xielu.alpha_p': [1, 1, 1, 1],
    'xielu.beta': [1, 1, 1, 1],
    'xielu.eps': [1, 1, 1, 1],
  }),
  model('minimax-m2', { ...EXPERTS, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('cogvlm', { 'attention.head_count_kv': 8 }),
  model('pangu-embedded'),
  model('mistral3'),
  model('paddleocr', { ...SECTIONS }),
  model('maincoder'),
  model('talkie', { logit_scale: 1 }),
  model('nanbeige', { num_loops: 2 }),
  // Windows and chunks.
  model('gemma2', { ...WINDOW, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('gemma3', { ...WINDOW, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('gemma3', { ...WINDOW, 'attention.sliding_window_pattern': 3 }, 'period 3'),
  model('gemma3', { ...WINDOW, 'attention.sliding_window_pattern': PATTERN }, 'its own pattern'),
  model('cohere2', { ...WINDOW, logit_scale: 1 }),
  model('cohere2moe', { ...WINDOW, ...EXPERTS, logit_scale: 1, 'attention.sliding_window_pattern': PATTERN }),
  model('olmo2', { ...WINDOW, 'attention.sliding_window_pattern': PATTERN }, 'OLMo 3'),
  model('exaone4', { ...WINDOW }),
  model(
    'exaone4',
    { ...WINDOW, block_count: 64, embedding_length: 64, 'attention.head_count': 2, 'attention.head_count_kv': 1 },
    '64 layers',
  ),
  model('exaone-moe', { ...WINDOW, ...EXPERTS, nextn_predict_layers: 1 }),
  model('gpt-oss', { ...WINDOW, ...EXPERTS, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('afmoe', { ...WINDOW, ...EXPERTS, 'attention.key_length': 64, 'attention.value_length': 64 }),
  model('mellum', { ...WINDOW, ...EXPERTS, 'attention.sliding_window_pattern': PATTERN }),
  model('laguna', {
    ...WINDOW,
    ...EXPERTS,
    'attention.head_count': [4, 8, 8, 8, 4, 8, 8, 8],
    'attention.key_length': 64,
    'attention.value_length': 64,
  }),
  model('smallthinker', { ...WINDOW, ...EXPERTS }),
  model('smallthinker', { ...EXPERTS }, 'no window'),
  model('muse-glimmer', { ...WINDOW, logit_scale: 1, 'attention.sliding_window_pattern': PATTERN }),
  model('granite_swa', {
    ...WINDOW,
    'attention.sliding_window_pattern': PATTERN,
    'attention.scale': 1,
    embedding_scale: 1,
    residual_scale: 1,
    logit_scale: 1,
  }),
  model('spark2_5', { ...WINDOW, 'attention.sliding_window_pattern': PATTERN }),
  model('maple', {
    ...WINDOW,
    ...EXPERTS,
    'attention.sliding_window_pattern': PATTERN,
    swiglu_clamp_exp: [7, 7, 7, 7, 7, 7, 7, 7],
  }),
  model('mimo2', {
    ...WINDOW,
    ...EXPERTS,
    'attention.sliding_window_pattern': PATTERN,
    'attention.head_count_kv': [4, 2, 4, 4, 2, 4, 4, 2],
    'attention.key_length': 96,
    'attention.value_length': 64,
  }),
  model(
    'step35',
    {
      ...WINDOW,
      ...EXPERTS,
      'attention.sliding_window_pattern': PATTERN,
      'attention.head_count': [8, 4, 8, 8, 4, 8, 8, 4],
      'attention.head_count_kv': [4, 4, 4, 4, 4, 4, 4, 4],
      'attention.key_length': 64,
      'attention.value_length': 64,
      leading_dense_block_count: 8,
      nextn_predict_layers: 1,
    },
    null,
    ['output.weight', ...inBlocks(upTo(7), ...DENSE)],
  ),
  // Shared caches, widths by kind of layer.
  model('gemma3n', {
    ...WINDOW,
    block_count: 25,
    embedding_length: 64,
    'attention.head_count': 2,
    'attention.head_count_kv': 1,
    'attention.shared_kv_layers': 5,
    'attention.sliding_window_pattern': Array.from({ length: 25 }, (_, index) => index % 5 !== 4),
    'altup.num_inputs': 4,
    'altup.active_idx': 0,
    embedding_length_per_layer_input: 16,
  }),
  model('gemma4', {
    ...WINDOW,
    block_count: 10,
    embedding_length_per_layer_input: 16,
    'attention.shared_kv_layers': 4,
    'attention.sliding_window_pattern': [true, true, false, true, true, false, true, false, true, false],
    'attention.head_count_kv': [4, 4, 2, 4, 4, 2, 4, 2, 4, 2],
    'attention.key_length': 128,
    'attention.value_length': 128,
    'attention.key_length_swa': 64,
    'attention.value_length_swa': 64,
  }),
  model(
    'gemma4',
    {
      ...WINDOW,
      block_count: 6,
      embedding_length_per_layer_input: 0,
      'attention.sliding_window_pattern': [true, true, true, true, true, false],
      'attention.key_length': 128,
      'attention.value_length': 128,
      'attention.key_length_swa': 64,
      'attention.value_length_swa': 64,
    },
    'one number of KV heads',
  ),
  // Latents.
  model('deepseek2', { ...LATENT, ...EXPERTS }),
  model('deepseek2', { ...EXPANDED, ...EXPERTS }, 'before the split'),
  model(
    'deepseek2',
    {
      ...LATENT,
      ...EXPERTS,
      'attention.kv_lora_rank': 100,
      'attention.key_length': 132,
      'attention.value_length': 100,
    },
    'latent of 100',
  ),
  model('minicpm3', { ...EXPANDED, 'attention.value_length': 32, embedding_length: 256 }),
  model('mistral4', { ...LATENT, ...EXPERTS }),
  model('deepseek32', { ...LATENT, ...EXPERTS, ...INDEXER }),
  model('glm-dsa', { ...LATENT, ...EXPERTS, ...INDEXER }, null, inBlocks(upTo(4), ...INDEX)),
  model(
    'glm-dsa',
    { ...LATENT, ...EXPERTS, ...INDEXER, block_count: 5, nextn_predict_layers: 1, leading_dense_block_count: 4 },
    'with a layer that predicts',
    inBlocks(upTo(4), ...INDEX, ...MLA),
  ),
  model(
    'glm-dsa',
    {
      ...LATENT,
      ...EXPERTS,
      ...INDEXER,
      block_count: 6,
      'attention.indexer.types': [true, false, false, true, false, false],
    },
    'shared index',
    inBlocks(upTo(6), ...INDEX),
  ),
  model('hy_v4', {
    ...LATENT,
    ...EXPERTS,
    'attention.key_length_mla': 80,
    'hyper_connection.count': 4,
    'hyper_connection.epsilon': 1e-6,
    'hyper_connection.magnitude': 2,
    swiglu_clamp_exp: [10, 10, 10, 10],
    ...INDEXER,
    'attention.indexer.types': [true, false, true, false],
  }),
  model('dots3note', {
    ...LATENT,
    ...EXPERTS,
    ...INDEXER,
    'attention.sliding_window': 300,
    'attention.sliding_window_pattern': [true, false, true, false],
    'attention.kv_lora_rank_swa': 96,
    'attention.key_length_swa': 128,
    'attention.value_length_swa': 96,
    'attention.key_length_mla_swa': 80,
    'attention.value_length_mla_swa': 48,
    'rope.freq_base_swa': 10000,
    'attention.indexer.types': [false, true, false, true],
  }),
  model('deepseek4', {
    ...WINDOW,
    ...EXPERTS,
    block_count: 4,
    embedding_length: 512,
    'attention.head_count_kv': 1,
    'attention.key_length': 64,
    'attention.value_length': 64,
    'rope.dimension_count': 32,
    'attention.q_lora_rank': 64,
    ...INDEXER,
    'attention.output_group_count': 8,
    'attention.output_lora_rank': 32,
    'attention.compress_ratios': [0, 0, 4, 128],
    'attention.compress_rope_freq_base': 160000,
    'hyper_connection.count': 4,
    'hyper_connection.sinkhorn_iterations': 2,
    'hyper_connection.epsilon': 1e-6,
    hash_layer_count: 0,
    swiglu_clamp_exp: [10, 10, 10, 10],
    expert_gating_func: 4,
  }),
  model('minimax-m3', {
    ...EXPERTS,
    'attention.indexer.head_count': 4,
    'attention.indexer.key_length': 64,
    'attention.indexer.top_k': 128,
    'attention.indexer.block_size': 4,
    'attention.indexer.local_blocks': 1,
  }),
  model(
    'glm-dsa',
    { ...LATENT, ...EXPERTS, ...INDEXER, block_count: 9, context_length: 1048576 },
    'long context',
    inBlocks(upTo(9), ...INDEX),
  ),
  // Further tokens.
  model(
    'glm4moe',
    { ...EXPERTS, block_count: 5, nextn_predict_layers: 1, leading_dense_block_count: 4 },
    null,
    inBlocks(upTo(4), ...DENSE.filter((name) => !name.startsWith('ffn_norm')), 'post_attention_norm.weight'),
  ),
  model('bailingmoe2', { ...EXPERTS, block_count: 5, nextn_predict_layers: 1 }),
  model(
    'hy_v3',
    { ...EXPERTS, block_count: 5, nextn_predict_layers: 1, leading_dense_block_count: 4 },
    null,
    inBlocks(upTo(4), ...DENSE, 'attn_q_norm.weight', 'attn_k_norm.weight'),
  ),
  // States.
  model('mamba', { ...MAMBA, 'attention.head_count': 0, 'attention.head_count_kv': 0 }),
  model('mamba2', { ...MAMBA2, 'attention.head_count': 0, 'attention.head_count_kv': 0 }),
  model('rwkv6', { ...WKV }, null, inBlocks(upTo(4), 'time_mix_lerp_fused.weight')),
  model('rwkv7', { ...WKV }),
  model('rwkv6qwen2', { ...WKV, token_shift_count: 1, 'attention.head_count_kv': 4 }),
  model(
    'arwkv7',
    { ...WKV, token_shift_count: 1 },
    null,
    inBlocks(upTo(4), 'time_mix_g1.weight', 'time_mix_g2.weight'),
  ),
  model('jamba', { ...MAMBA, ...HYBRID_HEADS }),
  model('falcon-h1', { ...MAMBA2 }, null, inBlocks(upTo(4), 'ssm_conv1d.bias')),
  model(
    'granitehybrid',
    { ...MAMBA2, ...HYBRID_HEADS, 'attention.scale': 1, embedding_scale: 1, residual_scale: 1, logit_scale: 1 },
    null,
    inBlocks([0, 1, 3, 4], 'ssm_conv1d.bias'),
  ),
  model(
    'nemotron_h',
    { ...MAMBA2, ...HYBRID_HEADS, feed_forward_length: [0, 64, 0, 0, 64, 0] },
    null,
    inBlocks([0, 3], 'ssm_conv1d.bias'),
  ),
  model(
    'nemotron_h_moe',
    { ...MAMBA2, ...EXPERTS, ...HYBRID_HEADS, feed_forward_length: [0, 64, 0, 0, 64, 0] },
    null,
    inBlocks([0, 3], 'ssm_conv1d.bias'),
  ),
  model('plamo2', {
    ...MAMBA2,
    ...HYBRID_HEADS,
    'ssm.group_count': 0,
    'attention.head_count': [0, 0, 8, 0, 0, 8],
    'attention.key_length': 32,
    'attention.value_length': 32,
  }),
  model('lfm2', { ...HYBRID_HEADS, 'shortconv.l_cache': 3 }),
  model('lfm2', { ...HYBRID_HEADS, 'shortconv.l_cache': 3, 'attention.sliding_window': 300 }, 'a window'),
  model('lfm2moe', { ...HYBRID_HEADS, ...EXPERTS, 'shortconv.l_cache': 3 }),
  model('qwen3next', { ...DELTA, ...EXPERTS }, null, inBlocks([0, 1, 2, 4, 5, 6], ...PROJECTED)),
  model('qwen35', { ...DELTA }, null, inBlocks([0, 1, 2, 4, 5, 6], ...PROJECTED)),
  model('qwen35', { ...DELTA, block_count: 9, nextn_predict_layers: 1 }, 'with a layer that predicts', [
    ...inBlocks([0, 1, 2, 4, 5, 6], ...PROJECTED, 'ssm_conv1d.weight', 'ssm_dt.bias', 'ssm_a'),
    ...inBlocks([0, 1, 2, 4, 5, 6], 'ssm_beta.weight', 'ssm_alpha.weight', 'ssm_norm.weight', 'ssm_out.weight'),
    ...inBlocks([3, 7], 'attn_q.weight', 'attn_k.weight', 'attn_v.weight', 'attn_output.weight'),
    ...inBlocks([3, 7], 'attn_q_norm.weight', 'attn_k_norm.weight'),
    ...inBlocks(
      upTo(8),
      'attn_norm.weight',
      'post_attention_norm.weight',
      'ffn_gate.weight',
      'ffn_up.weight',
      'ffn_down.weight',
    ),
  ]),
  model('qwen35moe', { ...DELTA, ...EXPERTS }, null, inBlocks([0, 1, 2, 4, 5, 6], ...PROJECTED)),
  model('qwen4exp', {
    ...DELTA,
    ...EXPERTS,
    ...INDEXER,
    'hyper_connection.count': 4,
    'hyper_connection.low_rank': 8,
    'attention.compress_ratios': [4, 4, 4, 4, 4, 4, 4, 4],
  }),
  model('kimi-linear', {
    ...LATENT,
    ...EXPERTS,
    block_count: 6,
    'attention.head_count_kv': [0, 0, 1, 0, 0, 1],
    'ssm.conv_kernel': 4,
    'kda.head_dim': 32,
  }),
  model('kimi-k3', {
    'attn_res.block_size': 2,
    'activation.situ_beta': 1,
    'activation.situ_linear_beta': 1,
    ...LATENT,
    ...EXPERTS,
    block_count: 6,
    'attention.head_count_kv': [0, 0, 1, 0, 0, 1],
    'ssm.conv_kernel': 4,
    'kda.head_dim': 32,
  }),
  model('bailingmoe3', {
    'kda.gate_lower_bound': -5,
    ...LATENT,
    ...EXPERTS,
    block_count: 6,
    'attention.head_count_kv': [0, 0, 1, 0, 0, 1],
    'ssm.conv_kernel': 4,
    'kda.head_dim': 32,
  }),
  model('minimax-01', { ...EXPERTS, residual_scale: 1, block_count: 6, full_attention_interval: 3 }),
  model('hrm_text', {
    'attention.head_count_kv': 8,
    'hrm.layers_per_stack': 1,
    'hrm.h_cycles': 2,
    'hrm.l_cycles': 3,
    block_count: 8,
  }),
  // No cache.
  model('bert', { 'attention.causal': false }, null, undefined, TOKEN_TYPES),
  model('modern-bert', { ...WINDOW, 'attention.causal': false }),
  model('nomic-bert', { 'attention.causal': false }, null, undefined, TOKEN_TYPES),
  model(
    'nomic-bert-moe',
    { ...EXPERTS, 'attention.causal': false, moe_every_n_layers: 2 },
    null,
    undefined,
    TOKEN_TYPES,
  ),
  model('neo-bert', { 'attention.causal': false }),
  model('jina-bert-v2', { 'attention.causal': false, 'attention.head_count_kv': 8 }, null, undefined, TOKEN_TYPES),
  model('jina-bert-v3', { 'attention.causal': false, 'attention.head_count_kv': 8 }, null, undefined, TOKEN_TYPES),
  model('eurobert', { 'attention.causal': false }),
  model('gemma-embedding', { ...WINDOW, 'attention.causal': false }),
  model('dream'),
  model('llada'),
  model('llada-moe', { ...EXPERTS }),
  model('rnd1', { ...EXPERTS }),
  // Encoder and decoder.
  model(
    't5',
    {
      'attention.head_count_kv': 8,
      'attention.relative_buckets_count': 8,
      decoder_block_count: 4,
      decoder_start_token_id: 0,
    },
    null,
    ['enc.blk.0.attn_rel_b.weight', 'dec.blk.0.attn_rel_b.weight'],
  ),
  model('t5encoder', { 'attention.head_count_kv': 8, 'attention.relative_buckets_count': 8 }, null, [
    'enc.blk.0.attn_rel_b.weight',
  ]),
];
