/** GGUF metadata → a config with Hugging Face's key names, so that src/config and the families read it like any other. */

import type { JsonValue } from '../config/document';
import { classDefaultsOf } from '../families/classDefaults';
import { dividedHeadWidth } from '../families/kit/ggufKeys';
import type { GgufConfig, GgufSource } from '../families/kit/ggufMetadata';
import { ggufRegister } from '../families/register';
import type { GgufMetadata, GgufValue } from './gguf';

/** Reads `architecture.key`. */
class Metadata implements GgufSource {
  constructor(
    private readonly metadata: GgufMetadata,
    readonly architecture: string,
  ) {}

  /**
   * Blocks of the model itself: the last `nextn_predict_layers` of `block_count` predict further tokens. They have no cache in the
   * main context, whatever the architecture (llama.cpp v0.5.0 llama-hparams.h: n_layer() = n_layer_all − n_layer_nextn). Lists that
   * have an entry for each block are cut to the same length.
   */
  get(key: string): GgufValue | undefined {
    const value = this.raw(key);
    const [all, more] = [this.raw('block_count'), this.raw('nextn_predict_layers')];
    if (typeof all !== 'number' || typeof more !== 'number' || more <= 0 || more >= all) return value;
    if (key === 'block_count') return all - more;
    return Array.isArray(value) && value.length === all ? value.slice(0, all - more) : value;
  }

  private raw(key: string): GgufValue | undefined {
    return this.metadata[`${this.architecture}.${key}`];
  }

  number(key: string): number | undefined {
    const value = this.get(key);
    return typeof value === 'number' ? value : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.get(key);
    return typeof value === 'boolean' ? value : undefined;
  }

  /** One number for all layers, or one per layer. */
  perLayer(key: string): number | readonly number[] | undefined {
    return numbersOf(this.get(key));
  }

  apart(key: string): number | readonly number[] | undefined {
    return numbersOf(this.metadata[key]);
  }

  flags(key: string): readonly boolean[] | undefined {
    const value = this.get(key);
    return Array.isArray(value) ? value.map(Boolean) : undefined;
  }
}

function numbersOf(value: GgufValue | undefined): number | readonly number[] | undefined {
  if (typeof value === 'number') return value;
  if (!Array.isArray(value)) return undefined;
  const numbers = value.filter((item): item is number => typeof item === 'number');
  return numbers.length === value.length && numbers.length > 0 ? numbers : undefined;
}

/** The metadata of a file by the keys of its architecture. */
export function ggufSource(metadata: GgufMetadata): GgufSource {
  const name = metadata['general.architecture'];
  return new Metadata(metadata, typeof name === 'string' ? name : 'unknown');
}

/** Metadata key → config key where the value is taken over as it is. */
const SAME: Readonly<Record<string, string>> = {
  embedding_length: 'hidden_size',
  block_count: 'num_hidden_layers',
  context_length: 'max_position_embeddings',
  'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
  'attention.q_lora_rank': 'q_lora_rank',
  'attention.kv_lora_rank': 'kv_lora_rank',
  'attention.shared_kv_layers': 'num_kv_shared_layers',
  'attention.clamp_kqv': 'clip_qkv',
  attn_logit_softcapping: 'attn_logit_softcapping',
  final_logit_softcapping: 'final_logit_softcapping',
  'rope.freq_base': 'rope_theta',
  expert_used_count: 'num_experts_per_tok',
  expert_feed_forward_length: 'moe_intermediate_size',
  expert_weights_norm: 'norm_topk_prob',
  expert_weights_scale: 'routed_scaling_factor',
  expert_group_count: 'n_group',
  expert_group_used_count: 'topk_group',
  expert_shared_count: 'n_shared_experts',
  leading_dense_block_count: 'first_k_dense_replace',
  expert_shared_feed_forward_length: 'shared_expert_intermediate_size',
  nextn_predict_layers: 'num_nextn_predict_layers',
  'attention.indexer.head_count': 'index_n_heads',
  'attention.indexer.key_length': 'index_head_dim',
  'attention.indexer.top_k': 'index_topk',
  embedding_length_per_layer_input: 'hidden_size_per_layer_input',
  'shortconv.l_cache': 'conv_L_cache',
};

/**
 * The config that the model's own file would have been, as far as GGUF keeps it. Keys that GGUF does not have are absent.
 * Values of `general.architecture` that are not known are passed on as `model_type`.
 */
export function ggufConfig(metadata: GgufMetadata): Readonly<Record<string, JsonValue>> {
  const name = metadata['general.architecture'];
  const architecture = typeof name === 'string' ? name : 'unknown';
  const source = new Metadata(metadata, architecture);
  const family = ggufRegister.of(architecture);
  const config: GgufConfig = { model_type: family?.modelType ?? architecture };
  for (const [from, to] of Object.entries(SAME)) {
    const value = source.get(from);
    if (typeof value === 'number' || typeof value === 'boolean') config[to] = value;
  }
  const tokens = metadata['tokenizer.ggml.tokens'];
  const vocabulary = source.number('vocab_size') ?? (Array.isArray(tokens) ? tokens.length : undefined);
  if (vocabulary !== undefined) config['vocab_size'] = vocabulary;
  setWidths(config, source);
  setRope(config, source);
  setExperts(config, source);
  setWindow(config, source);
  setScales(config, source);
  family?.adapt?.(config, source);
  setGroups(config);
  return config;
}

function setWidths(config: GgufConfig, source: Metadata): void {
  const heads = source.perLayer('attention.head_count');
  // As llama.cpp reads it: without a number of KV heads there are as many as query heads, whatever the class's default is.
  const kvHeads = source.perLayer('attention.head_count_kv') ?? heads;
  const width = source.perLayer('feed_forward_length');
  setPerLayer(config, 'num_attention_heads', heads);
  setPerLayer(config, 'num_key_value_heads', kvHeads);
  setPerLayer(config, 'intermediate_size', width);
  const epsilon = source.number('attention.layer_norm_epsilon');
  if (epsilon !== undefined)
    for (const key of ['layer_norm_eps', 'layer_norm_epsilon', 'norm_epsilon', 'norm_eps']) config[key] = epsilon;
  const [key, value] = [source.number('attention.key_length'), source.number('attention.value_length')];
  const latent = source.number('attention.kv_lora_rank');
  if (latent !== undefined) {
    const rope = source.number('rope.dimension_count');
    // Files from before the split of K and V carry the expanded widths under the plain keys.
    const keyWidth = source.number('attention.key_length_mla') ?? key;
    const valueWidth = source.number('attention.value_length_mla') ?? value ?? dividedHeadWidth(source);
    if (rope !== undefined) config['qk_rope_head_dim'] = rope;
    if (rope !== undefined && keyWidth !== undefined) config['qk_nope_head_dim'] = keyWidth - rope;
    if (valueWidth !== undefined) config['v_head_dim'] = valueWidth;
    // Absent is none; a class that takes no null always has one.
    const refused = classDefaultsOf(String(config['model_type']))?.refusesNull?.('q_lora_rank') === true;
    if (config['q_lora_rank'] === undefined && !refused) config['q_lora_rank'] = null;
  } else if (key !== undefined) {
    config['head_dim'] = key;
    if (value !== undefined && value !== key) config['v_head_dim'] = value;
  } else setDividedWidth(config, source);
}

/** Without a width of heads it is that of the hidden size, whatever the family's class has for all of its models. */
function setDividedWidth(config: GgufConfig, source: Metadata): void {
  const type = config['model_type'];
  const ofClass = typeof type === 'string' ? classDefaultsOf(type)?.values['head_dim'] : undefined;
  const width = dividedHeadWidth(source);
  if (typeof ofClass === 'number' && width !== undefined) config['head_dim'] = width;
}

/** One number, or the list where layers differ. */
function setPerLayer(config: GgufConfig, key: string, value: number | readonly number[] | undefined): void {
  if (value === undefined) return;
  const list = typeof value === 'number' ? [value] : value;
  const distinct = new Set(list.filter((item) => item > 0));
  // The file says 0 of every layer.
  const [only = 0] = distinct;
  if (distinct.size <= 1) config[key] = only;
  else {
    config[key] = Math.max(...distinct);
    config[`${key}_per_layer`] = list;
  }
}

function setRope(config: GgufConfig, source: Metadata): void {
  // What llama.cpp takes for a file without it, whatever the class's default is.
  if (source.get('attention.head_count') !== undefined) config['rope_theta'] ??= 10_000;
  const type = source.get('rope.scaling.type') ?? 'linear';
  const factor = source.number('rope.scaling.factor') ?? source.number('rope.scale_linear');
  const original = source.number('rope.scaling.original_context_length');
  const scaled = factor !== undefined && !(type === 'linear' && (factor === 1 || factor === 0));
  if (typeof type === 'string' && type !== 'none' && scaled) {
    const scaling: Record<string, JsonValue> = { rope_type: type, factor };
    if (original !== undefined) scaling['original_max_position_embeddings'] = original;
    const optional: readonly (readonly [string, string])[] = [
      ['rope.scaling.attn_factor', 'attention_factor'],
      ['rope.scaling.alpha', 'alpha'],
    ];
    for (const [from, to] of optional) {
      const value = source.number(from);
      if (value !== undefined) scaling[to] = value;
    }
    if (type === 'yarn') setYarn(scaling, source, factor);
    config['rope_scaling'] = scaling;
  }
  const local = source.number('rope.freq_base_swa');
  if (local !== undefined) config['rope_local_base_freq'] = local;
}

/**
 * llama.cpp multiplies YaRN's own factor on cos and sin by that of the file (llama-context.cpp). With `yarn_log_multiplier`, a tenth of
 * `mscale_all_dim`, `mscale` is the same, and YaRN's own factor is 1.
 */
function setYarn(scaling: Record<string, JsonValue>, source: Metadata, factor: number): void {
  const given = source.number('rope.scaling.attn_factor') ?? 1;
  const logMultiplier = source.number('rope.scaling.yarn_log_multiplier');
  if (logMultiplier !== undefined) scaling['mscale'] = scaling['mscale_all_dim'] = logMultiplier * 10;
  const own = logMultiplier !== undefined || factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
  scaling['attention_factor'] = given * own;
}

function setExperts(config: GgufConfig, source: Metadata): void {
  const experts = source.number('expert_count');
  if (experts === undefined || experts === 0) return;
  for (const key of ['num_local_experts', 'num_experts', 'n_routed_experts']) config[key] = experts;
}

/** Without groups of experts there are none, whatever the class's default is. */
function setGroups(config: GgufConfig): void {
  const ofClass = classDefaultsOf(String(config['model_type']))?.values['n_group'];
  if (typeof ofClass === 'number' && config['n_group'] === undefined) config['n_group'] = config['topk_group'] = 1;
}

function setWindow(config: GgufConfig, source: Metadata): void {
  const window = source.number('attention.sliding_window');
  if (window === undefined || window === 0) return;
  config['sliding_window'] = window;
  const pattern = source.flags('attention.sliding_window_pattern');
  const period = source.number('attention.sliding_window_pattern');
  if (pattern !== undefined)
    config['layer_types'] = pattern.map((sliding) => (sliding ? 'sliding_attention' : 'full_attention'));
  else if (period !== undefined && period > 0) config['sliding_window_pattern'] = period;
}

/** RoPE on part of a head, and the factors that some families multiply with. */
function setScales(config: GgufConfig, source: Metadata): void {
  const heads = source.number('attention.head_count');
  const hidden = source.number('embedding_length');
  const rotated = source.number('rope.dimension_count');
  const divided = heads !== undefined && heads > 0 && hidden !== undefined ? hidden / heads : undefined;
  const headDim = source.number('attention.key_length') ?? divided;
  const latent = source.number('attention.kv_lora_rank') !== undefined;
  if (rotated !== undefined && headDim !== undefined && rotated < headDim && !latent)
    config['partial_rotary_factor'] = rotated / headDim;
  const scales: readonly (readonly [string, readonly string[]])[] = [
    // Cohere multiplies by it, Granite divides.
    ['logit_scale', ['logit_scale', 'logits_scaling']],
    ['embedding_scale', ['embedding_multiplier']],
    ['residual_scale', ['residual_multiplier']],
    ['attention.scale', ['attention_multiplier']],
  ];
  for (const [from, keys] of scales) {
    const value = source.number(from);
    if (value !== undefined) for (const key of keys) config[key] = value;
  }
}
