/** Keys that most families share, in all their spellings. */

// biome-ignore format: names fill their lines
export const LAYER_KEYS = [
  'num_hidden_layers', 'n_layer', 'n_layers', 'num_layers', 'num_transformer_layers', 'decoder_layers',
];
// biome-ignore format: names fill their lines
export const HEAD_KEYS = [
  'num_attention_heads', 'n_head', 'n_heads', 'num_heads', 'attention_heads', 'decoder_attention_heads',
  'num_query_heads',
];
/** In the order in which vLLM asks for them (`model_arch_config_convertor.py`). */
// biome-ignore format: names fill their lines
export const KV_HEAD_KEYS = [
  'n_head_kv', 'num_kv_heads', 'num_key_value_heads', 'n_kv_heads', 'multi_query_group_num', 'num_attention_groups',
];
export const HEAD_DIM_KEYS = ['head_dim', 'hidden_size_per_head', 'attention_head_dim', 'kv_channels', 'd_head'];
export const HIDDEN_KEYS = ['hidden_size', 'n_embd', 'd_model', 'model_dim', 'dim', 'n_embed'];
// biome-ignore format: names fill their lines
export const CONTEXT_KEYS = [
  'max_position_embeddings', 'n_positions', 'max_seq_len', 'seq_length', 'model_max_length', 'max_target_positions',
  'max_sequence_length', 'max_seq_length', 'seq_len', 'max_context_length', 'max_position_embedding',
  'context_length',
];
