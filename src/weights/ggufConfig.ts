/** GGUF metadata → a config with Hugging Face's key names, so that src/config and the families read it like any other. */

import type { JsonValue } from '../config/document';
import type { GgufMetadata, GgufValue } from './gguf';

type Config = Record<string, JsonValue>;

/** `general.architecture` → `model_type`; others keep their name, and are unknown to src/config or not. */
const MODEL_TYPES: Readonly<Record<string, string>> = {
  qwen2moe: 'qwen2_moe',
  qwen3moe: 'qwen3_moe',
  qwen2vl: 'qwen2_vl_text',
  qwen3next: 'qwen3_next',
  gemma3: 'gemma3_text',
  gemma3n: 'gemma3n_text',
  gemma4: 'gemma4_text',
  phi2: 'phi',
  deepseek2: 'deepseek_v2',
  gptneox: 'gpt_neox',
  starcoder: 'gpt_bigcode',
  'command-r': 'cohere',
  'gpt-oss': 'gpt_oss',
  chatglm: 'glm',
  glm4moe: 'glm4_moe',
  'ernie4_5-moe': 'ernie4_5_moe',
  'hunyuan-dense': 'hunyuan_v1_dense',
  'hunyuan-moe': 'hunyuan_v1_moe',
  'granite-moe': 'granitemoe',
  granitehybrid: 'granitemoehybrid',
  'falcon-h1': 'falcon_h1',
  'minimax-m2': 'minimax_m2',
  mamba2: 'mamba2',
  nemotron_h_moe: 'nemotron_h',
  deci: 'nemotron-nas',
  lfm2moe: 'lfm2_moe',
  mistral3: 'ministral3',
  llama4: 'llama4_text',
  mimo2: 'mimo_v2_flash',
};

/** Reads `architecture.key`. */
class Metadata {
  constructor(
    private readonly metadata: GgufMetadata,
    readonly architecture: string,
  ) {}

  get(key: string): GgufValue | undefined {
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
    const value = this.get(key);
    if (typeof value === 'number') return value;
    if (!Array.isArray(value)) return undefined;
    const numbers = value.filter((item): item is number => typeof item === 'number');
    return numbers.length === value.length && numbers.length > 0 ? numbers : undefined;
  }

  flags(key: string): readonly boolean[] | undefined {
    const value = this.get(key);
    return Array.isArray(value) ? value.map(Boolean) : undefined;
  }
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
  const config: Config = { model_type: MODEL_TYPES[architecture] ?? architecture };
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
  setFamily(config, source, architecture);
  return config;
}

function setWidths(config: Config, source: Metadata): void {
  const heads = source.perLayer('attention.head_count');
  const kvHeads = source.perLayer('attention.head_count_kv');
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
    const rope = source.number('rope.dimension_count') ?? 0;
    // Files from before the split of K and V carry the expanded widths under the plain keys.
    const keyWidth = source.number('attention.key_length_mla') ?? key ?? 0;
    config['qk_rope_head_dim'] = rope;
    config['qk_nope_head_dim'] = keyWidth - rope;
    config['v_head_dim'] = source.number('attention.value_length_mla') ?? value ?? 0;
    if (config['q_lora_rank'] === undefined) config['q_lora_rank'] = null;
  } else if (key !== undefined) {
    config['head_dim'] = key;
    if (value !== undefined && value !== key) config['v_head_dim'] = value;
  }
}

/** One number, or the list where layers differ. */
function setPerLayer(config: Config, key: string, value: number | readonly number[] | undefined): void {
  if (value === undefined) return;
  const list = typeof value === 'number' ? [value] : value;
  const distinct = new Set(list.filter((item) => item > 0));
  const [only] = distinct;
  if (distinct.size <= 1) config[key] = only ?? 0;
  else {
    config[key] = Math.max(...distinct);
    config[`${key}_per_layer`] = list;
  }
}

function setRope(config: Config, source: Metadata): void {
  const type = source.get('rope.scaling.type');
  const factor = source.number('rope.scaling.factor');
  const original = source.number('rope.scaling.original_context_length');
  if (typeof type === 'string' && type !== 'none' && factor !== undefined) {
    // llama.cpp multiplies YaRN's own factor on cos and sin by this one; no config can say that.
    const more = type === 'yarn' && (source.number('rope.scaling.attn_factor') ?? 1) !== 1;
    const scaling: Record<string, JsonValue> = { rope_type: more ? 'yarn with attn_factor' : type, factor };
    if (original !== undefined) scaling['original_max_position_embeddings'] = original;
    const optional: readonly (readonly [string, string])[] = [
      ['rope.scaling.attn_factor', 'attention_factor'],
      ['rope.scaling.yarn_beta_fast', 'beta_fast'],
      ['rope.scaling.yarn_beta_slow', 'beta_slow'],
      ['rope.scaling.alpha', 'alpha'],
    ];
    for (const [from, to] of optional) {
      const value = source.number(from);
      if (value !== undefined) scaling[to] = value;
    }
    const logMultiplier = source.number('rope.scaling.yarn_log_multiplier');
    if (logMultiplier !== undefined) scaling['mscale_all_dim'] = logMultiplier * 10;
    config['rope_scaling'] = scaling;
  }
  const local = source.number('rope.freq_base_swa');
  if (local !== undefined) config['rope_local_base_freq'] = local;
}

function setExperts(config: Config, source: Metadata): void {
  const experts = source.number('expert_count');
  if (experts === undefined || experts === 0) return;
  for (const key of ['num_local_experts', 'num_experts', 'n_routed_experts']) config[key] = experts;
}

function setWindow(config: Config, source: Metadata): void {
  const window = source.number('attention.sliding_window');
  if (window === undefined || window === 0) return;
  config['sliding_window'] = window;
  const pattern = source.flags('attention.sliding_window_pattern');
  const period = source.number('attention.sliding_window_pattern');
  if (pattern !== undefined)
    config['layer_types'] = pattern.map((sliding) => (sliding ? 'sliding_attention' : 'full_attention'));
  else if (period !== undefined && period > 0) config['sliding_window_pattern'] = period;
}

/** What a family spells in its own way. */
function setFamily(config: Config, source: Metadata, architecture: string): void {
  const heads = source.perLayer('attention.head_count');
  const kvHeads = source.perLayer('attention.head_count_kv');
  const layers = source.number('block_count') ?? 0;
  const kvAt = (index: number): number => (typeof kvHeads === 'number' ? kvHeads : (kvHeads?.[index] ?? 0));
  const rename = (from: string, to: string): void => {
    if (config[from] !== undefined) config[to] = config[from];
  };
  const rotated = source.number('rope.dimension_count');
  const headDim =
    source.number('attention.key_length') ??
    (typeof heads === 'number' && heads > 0 ? (source.number('embedding_length') ?? 0) / heads : 0);
  const partial = rotated !== undefined && headDim > 0 && rotated < headDim ? rotated / headDim : undefined;
  if (partial !== undefined && source.number('attention.kv_lora_rank') === undefined)
    config['partial_rotary_factor'] = partial;
  const scales: readonly (readonly [string, string])[] = [
    ['logit_scale', architecture.startsWith('granite') ? 'logits_scaling' : 'logit_scale'],
    ['embedding_scale', 'embedding_multiplier'],
    ['residual_scale', 'residual_multiplier'],
    ['attention.scale', 'attention_multiplier'],
  ];
  for (const [from, to] of scales) {
    const value = source.number(from);
    if (value !== undefined) config[to] = value;
  }
  const gptSpelling = (): void => {
    rename('hidden_size', 'n_embd');
    rename('num_attention_heads', 'n_head');
    rename('num_hidden_layers', 'n_layer');
    rename('max_position_embeddings', 'n_positions');
    rename('intermediate_size', 'n_inner');
  };
  switch (architecture) {
    case 'llama':
      if (config['num_local_experts'] !== undefined) config['model_type'] = 'mixtral';
      break;
    case 'qwen2':
    case 'qwen3':
    case 'qwen2moe':
    case 'qwen3moe':
      config['use_sliding_window'] = false;
      // llama.cpp scales the chosen weights to a sum of 1 in this architecture, without a key for it.
      if (architecture === 'qwen3moe') config['norm_topk_prob'] ??= true;
      break;
    case 'olmo2':
      if (config['layer_types'] !== undefined) setOlmo3(config);
      break;
    case 'gemma2':
    case 'gemma3': {
      // llama.cpp knows the largest models by their number of layers: they scale by hidden size per head.
      const large = architecture === 'gemma2' ? layers === 46 : layers === 62;
      const perHead = typeof heads === 'number' ? (source.number('embedding_length') ?? 0) / heads : 0;
      config['query_pre_attn_scalar'] = large ? perHead : headDim;
      break;
    }
    case 'phi3': {
      const original = source.number('rope.scaling.original_context_length');
      if (original !== undefined) config['original_max_position_embeddings'] = original;
      break;
    }
    case 'deepseek2':
      // Sigmoid scores came with V3.
      if (source.number('expert_gating_func') === 2) config['model_type'] = 'deepseek_v3';
      if (config['n_group'] !== undefined && config['model_type'] === 'deepseek_v2')
        config['topk_method'] = 'group_limited_greedy';
      break;
    case 'gpt2':
      gptSpelling();
      break;
    case 'starcoder':
      gptSpelling();
      config['multi_query'] = kvAt(0) === 1;
      break;
    case 'falcon': {
      const grouped = kvAt(0) > 1;
      config['new_decoder_architecture'] = grouped;
      config['multi_query'] = kvAt(0) === 1;
      config['num_kv_heads'] = kvAt(0);
      rename('intermediate_size', 'ffn_hidden_size');
      break;
    }
    case 'bloom':
      rename('num_attention_heads', 'n_head');
      rename('num_hidden_layers', 'n_layer');
      break;
    case 'gptneox': {
      const parallel = source.flag('use_parallel_residual');
      if (parallel !== undefined) config['use_parallel_residual'] = parallel;
      if (rotated !== undefined && headDim > 0) config['rotary_pct'] = rotated / headDim;
      if (config['rope_theta'] !== undefined) rename('rope_theta', 'rotary_emb_base');
      break;
    }
    case 'stablelm': {
      const parallel = source.flag('use_parallel_residual');
      if (parallel !== undefined) config['use_parallel_residual'] = parallel;
      break;
    }
    case 'mpt':
      rename('hidden_size', 'd_model');
      rename('num_attention_heads', 'n_heads');
      rename('num_hidden_layers', 'n_layers');
      rename('max_position_embeddings', 'max_seq_len');
      config['attn_config'] = { kv_n_heads: kvAt(0), clip_qkv: config['clip_qkv'] ?? null };
      break;
    case 'dbrx':
      rename('hidden_size', 'd_model');
      rename('num_attention_heads', 'n_heads');
      rename('num_hidden_layers', 'n_layers');
      rename('max_position_embeddings', 'max_seq_len');
      config['attn_config'] = {
        kv_n_heads: kvAt(0),
        clip_qkv: config['clip_qkv'] ?? null,
        rope_theta: config['rope_theta'] ?? 500_000,
      };
      break;
    case 'openelm':
      config['num_query_heads'] = Array.isArray(heads) ? heads : [];
      config['num_kv_heads'] = Array.isArray(kvHeads) ? kvHeads : [];
      rename('num_hidden_layers', 'num_transformer_layers');
      rename('hidden_size', 'model_dim');
      break;
    case 'deci':
      config['num_key_value_heads'] = null;
      config['block_configs'] = Array.from({ length: layers }, (_, index) => {
        const [query, kv] = [typeof heads === 'number' ? heads : (heads?.[index] ?? 0), kvAt(index)];
        const attention =
          kv === 0
            ? { no_op: true, replace_with_linear: query > 0, n_heads_in_group: null }
            : { no_op: false, replace_with_linear: false, n_heads_in_group: query / kv };
        return { attention };
      });
      break;
    case 'lfm2':
    case 'lfm2moe':
      config['layer_types'] = Array.from({ length: layers }, (_, index) =>
        kvAt(index) === 0 ? 'conv' : 'full_attention',
      );
      break;
    case 'granitehybrid':
    case 'jamba':
    case 'nemotron_h':
    case 'nemotron_h_moe':
    case 'plamo2':
      setHybrid(config, source, layers, kvAt);
      break;
    case 'mamba':
    case 'mamba2':
      setState(config, source);
      break;
    case 'falcon-h1':
      setState(config, source);
      break;
    default:
  }
}

/** OLMo 3 comes as OLMo 2 with a window; sliding layers rotate without the scaling. */
function setOlmo3(config: Config): void {
  const base = { rope_theta: config['rope_theta'] ?? 500_000 };
  const scaling = config['rope_scaling'];
  const scaled =
    typeof scaling === 'object' && scaling !== null && !Array.isArray(scaling) ? scaling : { rope_type: 'default' };
  config['model_type'] = 'olmo3';
  config['rope_parameters'] = {
    full_attention: { ...scaled, ...base },
    sliding_attention: { rope_type: 'default', ...base },
  };
  delete config['rope_scaling'];
}

/** State-space widths, in the spellings of Mamba and of the hybrids. */
function setState(config: Config, source: Metadata): void {
  const [conv, inner, state, rank, groups] = [
    'ssm.conv_kernel',
    'ssm.inner_size',
    'ssm.state_size',
    'ssm.time_step_rank',
    'ssm.group_count',
  ].map((key) => source.number(key));
  const hidden = source.number('embedding_length') ?? 0;
  const set = (value: number | undefined, ...keys: readonly string[]): void => {
    if (value !== undefined) for (const key of keys) config[key] = value;
  };
  set(conv, 'conv_kernel', 'mamba_d_conv');
  set(state, 'state_size', 'mamba_d_state', 'ssm_state_size');
  set(inner, 'intermediate_size', 'mamba_d_ssm');
  set(rank, 'time_step_rank', 'mamba_dt_rank');
  set(groups, 'n_groups', 'mamba_n_groups');
  if (inner !== undefined && hidden > 0) set(inner / hidden, 'expand', 'mamba_expand');
  // Mamba 2 stores its number of heads as the rank of the time step.
  if (groups !== undefined && rank !== undefined && inner !== undefined) {
    set(rank, 'num_heads', 'mamba_n_heads', 'mamba_num_heads');
    set(inner / rank, 'mamba_d_head', 'mamba_head_dim');
    if (source.architecture === 'mamba2') config['head_dim'] = inner / rank;
  }
}

/** Attention where there are KV heads, a state elsewhere; in Nemotron-H a layer is an attention, a state or an MLP. */
function setHybrid(config: Config, source: Metadata, layers: number, kvAt: (index: number) => number): void {
  const width = source.perLayer('feed_forward_length');
  const dense = config['intermediate_size'];
  setState(config, source);
  if (dense !== undefined) config['intermediate_size'] = dense;
  const widthAt = (index: number): number => (typeof width === 'number' ? width : (width?.[index] ?? 0));
  const nemotron = source.architecture.startsWith('nemotron');
  const kinds = Array.from({ length: layers }, (_, index) => {
    if (kvAt(index) > 0) return 'attention';
    return nemotron && widthAt(index) > 0 ? 'mlp' : 'mamba';
  });
  if (nemotron) {
    config['hybrid_override_pattern'] = kinds
      .map((kind) => ({ attention: '*', mlp: '-', mamba: 'M' })[kind] ?? 'M')
      .join('');
    return;
  }
  config['layer_types'] = kinds;
  config['layers_block_type'] = kinds;
  const places = kinds.flatMap((kind, index) => (kind === 'attention' ? [index] : []));
  const [first, second] = places;
  if (source.architecture === 'jamba' && first !== undefined) {
    config['attn_layer_offset'] = first;
    config['attn_layer_period'] = second === undefined ? layers : second - first;
  }
}
