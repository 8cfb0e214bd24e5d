/**
 * Keys of model configs that shape weights, numerics or training and no cache: for hover and schema. Only what each is: what it costs, the
 * hover finds by reading the config with another value. Apart from keyShapes.ts: these are neither offered while typing nor taken for what
 * a misspelt key means.
 */

import type { KeyInfo } from './keys';

const QUANTISED = 'How the weights are quantised: the method, its bits and groups, and what is not quantised.';
const ROUTED = 'Routed experts of a layer; a token uses some of them.';
const CHOSEN = 'Routed experts that a token uses in a layer.';
const FEED_FORWARD = 'Intermediate size of the feed-forward (of each expert, if no other key gives that).';
const EPSILON = 'Added under the square root of a norm, so that it never divides by zero.';
const ACTIVATION = 'Activation function of the feed-forward.';
const TRAINING = 'Used only in training.';

const TABLE = {
  model_type: { text: 'Names the family by whose rules every other key is read.' },
  architectures: { text: 'The class that the weights were saved from.' },
  quantization_config: { text: QUANTISED },
  vocab_size: {
    text: 'Tokens of the vocabulary: rows of the embedding, and of the output unless both share their weights.',
  },
  padded_vocab_size: { text: 'Rows of the embedding, padded for speed.', families: 'ChatGLM' },
  tie_word_embeddings: { text: 'Whether the output uses the embedding’s weights instead of its own.' },
  intermediate_size: { text: FEED_FORWARD },
  ffn_hidden_size: { text: FEED_FORWARD, families: 'Falcon, ChatGLM' },
  n_inner: { text: `${FEED_FORWARD} If absent, 4 × the hidden size.`, families: 'GPT-2, GPT-J' },
  ffn_dim: { text: FEED_FORWARD, families: 'OPT' },
  d_ff: { text: FEED_FORWARD, families: 'T5' },
  num_experts: { text: ROUTED, families: 'Qwen, OLMoE, Ernie' },
  num_local_experts: { text: ROUTED, families: 'Mixtral, gpt-oss, Llama 4' },
  n_routed_experts: { text: ROUTED, families: 'DeepSeek, GLM, Kimi' },
  moe_num_experts: { text: ROUTED, families: 'Ernie, DBRX' },
  num_experts_per_tok: { text: CHOSEN },
  num_experts_per_token: { text: CHOSEN },
  moe_top_k: { text: CHOSEN },
  moe_topk: { text: CHOSEN },
  n_shared_experts: {
    text: 'Experts that every token uses, in addition to the routed ones.',
    families: 'DeepSeek, GLM, Kimi',
  },
  num_shared_experts: { text: 'Experts that every token uses, in addition to the routed ones.' },
  moe_intermediate_size: { text: 'Intermediate size of one routed expert.' },
  shared_expert_intermediate_size: { text: 'Intermediate size of the expert that every token uses.', families: 'Qwen' },
  first_k_dense_replace: { text: 'Number of leading layers without experts.', families: 'DeepSeek, GLM, Kimi' },
  moe_layer_freq: { text: 'Which layers have experts: every n-th, or those that a list names.', families: 'DeepSeek' },
  decoder_sparse_step: { text: 'Every n-th layer has experts.', families: 'Qwen' },
  mlp_only_layers: { text: 'Layers without experts.', families: 'Qwen' },
  n_group: { text: 'Number of groups that the experts are divided into.', families: 'DeepSeek, GLM, Kimi' },
  topk_group: {
    text: 'Number of groups kept for a token; its experts are chosen from these.',
    families: 'DeepSeek, GLM, Kimi',
  },
  norm_topk_prob: { text: 'Whether the weights of the chosen experts are normalised to sum to one.' },
  routed_scaling_factor: { text: 'Factor on the weights of the chosen experts.' },
  scoring_func: { text: 'How the router scores experts.', families: 'DeepSeek, GLM, Kimi' },
  topk_method: { text: 'How the router chooses experts.', families: 'DeepSeek, GLM, Kimi' },
  router_aux_loss_coef: { text: `Weight of the loss that balances experts. ${TRAINING}` },
  output_router_logits: { text: 'Whether the router’s scores are returned.' },
  swiglu_limit: { text: 'Upper limit on the input to the gate of an expert.', families: 'gpt-oss' },
  hidden_act: { text: ACTIVATION },
  hidden_activation: { text: ACTIVATION, families: 'Gemma' },
  activation_function: { text: ACTIVATION, families: 'GPT-2, OPT, BART' },
  mlp_bias: { text: 'Whether the feed-forward’s projections have a bias.' },
  rms_norm_eps: { text: EPSILON },
  layer_norm_eps: { text: EPSILON },
  layer_norm_epsilon: { text: EPSILON },
  norm_eps: { text: EPSILON },
  attention_dropout: { text: `Share of attention weights that are dropped. ${TRAINING}` },
  hidden_dropout: { text: `Share of activations that are dropped. ${TRAINING}` },
  embd_pdrop: { text: `Share of embeddings that are dropped. ${TRAINING}` },
  resid_pdrop: { text: `Share of activations that are dropped. ${TRAINING}` },
  attn_pdrop: { text: `Share of attention weights that are dropped. ${TRAINING}` },
  initializer_range: { text: `Standard deviation of the random weights that training starts from. ${TRAINING}` },
  final_logit_softcapping: { text: 'Cap on the logits (by tanh).', families: 'Gemma' },
  pretraining_tp: { text: 'Number of tensor-parallel devices used in pretraining; does not affect results.' },
} satisfies Readonly<Record<string, KeyInfo>>;

export const OTHER_KEYS: Readonly<Record<string, KeyInfo>> = TABLE;

/** Of these, what makes weights or work in the families that read them: said not to be read elsewhere. */
// biome-ignore format: names fill their lines
export const WEIGHT_KEYS: readonly string[] = [
  'padded_vocab_size', 'ffn_hidden_size', 'n_inner', 'ffn_dim', 'd_ff', 'num_experts', 'num_local_experts',
  'n_routed_experts', 'moe_num_experts', 'num_experts_per_tok', 'num_experts_per_token', 'moe_top_k', 'moe_topk',
  'n_shared_experts', 'num_shared_experts', 'moe_intermediate_size', 'shared_expert_intermediate_size',
  'first_k_dense_replace', 'moe_layer_freq', 'decoder_sparse_step', 'mlp_only_layers',
] satisfies readonly (keyof typeof TABLE)[];
