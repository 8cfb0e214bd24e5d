/** The largest model that is drawn: 118 layers of five kinds, as Gemma 3n's, in no order that folds. Nobody published it. */

export const LARGEST_LAYERS = 118;
/** Windows with a wide and with a narrow feed-forward, full attention, and both that read an earlier layer's cache. */
export const LARGEST_KINDS = 5;

const SHARED = 40;

export function largestConfig(): string {
  const layers = Array.from({ length: LARGEST_LAYERS }, (_, layer) => {
    const own = layer < LARGEST_LAYERS - SHARED;
    // Cubes by a prime: without a pattern, and the same each time.
    const mixed = (layer ** 3 + 7 * layer) % 113;
    const slides = mixed % 4 !== 0;
    return {
      type: slides ? 'sliding_attention' : 'full_attention',
      width: own && slides && mixed % 3 === 0 ? 49_152 : 32_768,
    };
  });
  return JSON.stringify({
    model_type: 'gemma3n_text',
    architectures: ['Gemma3nForCausalLM'],
    altup_num_inputs: 4,
    head_dim: 256,
    hidden_activation: 'gelu_pytorch_tanh',
    hidden_size: 8192,
    hidden_size_per_layer_input: 512,
    intermediate_size: layers.map(({ width }) => width),
    laurel_rank: 128,
    layer_types: layers.map(({ type }) => type),
    max_position_embeddings: 262_144,
    num_attention_heads: 64,
    num_hidden_layers: layers.length,
    num_key_value_heads: 8,
    num_kv_shared_layers: SHARED,
    rms_norm_eps: 1e-6,
    rope_local_base_freq: 10_000,
    rope_theta: 1_000_000,
    sliding_window: 1024,
    vocab_size: 262_400,
    vocab_size_per_layer_input: 262_144,
    torch_dtype: 'bfloat16',
  });
}
