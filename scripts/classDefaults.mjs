// Makes src/families/classDefaults.json: what the configuration classes of transformers give to absent keys.
// usage: node scripts/classDefaults.mjs DEFAULTS.json
// DEFAULTS.json: { model_type: { kind, declared: { key: default }, text_key, text_type, note? } }, as made by
// instantiating every configuration class of transformers 5.18 without arguments.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = process.argv[2];
if (!source) throw new Error('usage: node scripts/classDefaults.mjs DEFAULTS.json');
const classes = JSON.parse(readFileSync(source, 'utf8'));
const target = fileURLToPath(new URL('../src/families/classDefaults.json', import.meta.url));

/** Keys that decide the cache. */
const CACHE_KEYS =
  /^(num_hidden_layers|n_layers?|num_layers|num_decoder_layers|decoder_layers|decoder_num_hidden_layers|num_blocks|num_layers_per_stack|[HL]_cycles|hidden_size|d_model|n_embd|num_attention_heads|n_heads?|num_heads|attention_heads|decoder_(num_)?attention_heads|num_decoder_attention_heads|num_key_value_heads|decoder_num_key_value_heads|num_kv_heads|multi_query|new_decoder_architecture|head_dim|attention_head_dim|kv_channels|d_kv|d_head|v_head_dim|kv_lora_rank|q_lora_rank|qk_\w*head_dim|sliding_window\w*|swa_\w+|use_sliding_window|max_window_layers|attention_chunk_size|no_rope_layer_interval|prefix_dense_sliding_window_pattern|global_attn_every_n_layers|local_attention|local_layer_ids|attention_types|window_size|attention_window_size|attn_layer_\w+|attention_hidden_size|block_types|layers_block_type|cross_attention_layers|num_kv_shared_layers|attention_k_eq_v|index\w*_(head_dim|n_heads|topk|freq|block_size)|index_head_dim|index_n_heads|index_topk|indexer_\w+|linear_(num|key|value|head|conv)\w*|linear_head_dim|conv_L_cache|conv1d_width|conv_kernel\w*|cca_time\d|lru_width|state_size|ssm_state_size|expand|n_groups|mamba_(d_\w+|expand|n_\w+|ngroups|num_heads|head_dim|ssm_cache_dtype)|n_mamba_heads|num_sliding_attention_heads|compress_\w+|ple_\w+|qk_dim_factor|v_dim_factor|max_source_positions|add_cross_attention|embed_dim|layers|embedding_dim|cca_time\d|moe_k|is_decoder|context_length|mem_len|num_mem_blocks|cross_\w*(heads|head_dim|size|layer_interval))$/;
/** Keys that the number of parameters needs besides. */
const SHAPE_KEYS =
  /^((\w+_)?vocab_size|tie_word_embeddings|attention_bias|mlp_bias|use_bias|use_qkv_bias|lm_head_bias|intermediate_size\w*|n_inner|d_ff|decoder_ffn_dim|encoder_ffn_dim|encoder_layers|encoder_attention_heads|ffn_dim|ffn_hidden_size|moe_intermediate_size|shared_expert_intermediate_size|shared_intermediate_size|moe_shared_expert_intermediate_size|expert_ffn_hidden_size|num_experts|num_local_experts|n_routed_experts|n_shared_experts|num_shared_experts|moe_num_\w*experts|num_experts_per_tok|first_k_dense_replace|decoder_sparse_step|num_dense_layers|interleave_moe_layer_step|moe_layer_\w+|expert_layer_\w+|max_position_embeddings|n_positions|max_target_positions|num_nextn_predict_layers|num_mtp_layers)$/;
const KINDS = ['decoder', 'encoder-decoder'];

const wanted = (key) => CACHE_KEYS.test(key) || SHAPE_KEYS.test(key);
const rows = new Map();
const text = {};
for (const type of Object.keys(classes).sort()) {
  const entry = classes[type];
  if (/[A-Z]/.test(type)) continue;
  if (entry.kind === 'composite' && entry.text_type) text[type] = entry.text_type;
  if (!KINDS.includes(entry.kind) && entry.kind !== 'encoder' && entry.kind !== 'composite') continue;
  const values = {};
  for (const [key, value] of Object.entries(entry.declared)) {
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) continue;
    if (!wanted(key)) continue;
    // Trained lengths are read from files alone; only tables of learned positions need the default.
    if (key === 'max_position_embeddings' && 'rope_parameters' in entry.declared) continue;
    if (entry.kind === 'encoder' && !/^(num_hidden_layers|n_layers?|num_layers|is_decoder)$/.test(key)) continue;
    if (entry.kind === 'composite' && key === 'vocab_size') continue;
    values[key] = value;
  }
  if (Object.keys(values).length > 0) rows.set(type, values);
}

/** What a composite gives to a language model that it makes itself, where that is not the language model's own default. */
for (const [type, entry] of Object.entries(classes)) {
  const base = classes[entry.text_type];
  if (entry.kind !== 'composite' || !entry.text_resolved || !base || !rows.has(entry.text_type)) continue;
  const changed = Object.entries(entry.text_resolved).filter(
    ([key, value]) =>
      wanted(key) &&
      key !== 'max_position_embeddings' &&
      typeof value !== 'object' &&
      JSON.stringify(base.resolved?.[key]) !== JSON.stringify(value),
  );
  const gone = Object.keys(rows.get(entry.text_type)).filter((key) => entry.text_resolved[key] === null);
  if (changed.length === 0 && gone.length === 0) continue;
  const values = { ...rows.get(entry.text_type), ...Object.fromEntries(changed) };
  const { head_dim: headDim, hidden_size: hidden, num_attention_heads: heads } = entry.text_resolved;
  if (typeof headDim === 'number' && headDim !== Math.floor(hidden / heads)) values.head_dim = headDim;
  for (const key of gone) delete values[key];
  rows.set(`${type}/text`, values);
}

/** What must be written to make `values` of `base`: changed keys, and null for keys that `base` has too many. */
function difference(base, values) {
  const delta = {};
  for (const [key, value] of Object.entries(values))
    if (JSON.stringify(base[key]) !== JSON.stringify(value)) delta[key] = value;
  for (const key of Object.keys(base)) if (!(key in values)) delta[key] = null;
  return delta;
}

const types = {};
const placed = [];
for (const [type, values] of [...rows].sort((a, b) => (a[0] === 'llama' ? -1 : b[0] === 'llama' ? 1 : 0))) {
  let best = values;
  for (const base of placed) {
    const delta = { like: base, ...difference(rows.get(base), values) };
    if (JSON.stringify(delta).length < JSON.stringify(best).length) best = delta;
  }
  types[type] = best;
  placed.push(type);
}
const lines = (record) =>
  Object.entries(record)
    .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(',\n');
const output = `{
  "source": "transformers 5.18.0, every configuration class instantiated without arguments; null after like: not declared",
  "types": {
${lines(types)}
  },
  "text": {
${lines(text)}
  }
}
`;
writeFileSync(target, output);
console.log(`${rows.size} types, ${Object.keys(text).length} nested, ${output.length} characters`);
