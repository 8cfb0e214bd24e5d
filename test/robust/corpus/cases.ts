/** Inputs that once broke something, in their smallest form. Each run begins with them; none is ever removed. */

import type { Input } from '../inputs';

interface Case {
  /** What it did. */
  readonly did: string;
  readonly input: Input;
}

const config = (did: string, value: unknown): Case => ({
  did,
  input: { as: 'config', kind: 'corpus', text: typeof value === 'string' ? value : JSON.stringify(value) },
});
const python = (did: string, text: string): Case => ({ did, input: { as: 'python', kind: 'corpus', text } });

const LLAMA = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
};
/** Its braces left out, for texts that add to it. */
const INNER = JSON.stringify(LLAMA).slice(1, -1);
const KIMI = {
  model_type: 'kimi_linear',
  hidden_size: 64,
  num_attention_heads: 4,
  kv_lora_rank: 8,
  qk_rope_head_dim: 4,
  qk_nope_head_dim: 4,
  v_head_dim: 4,
  linear_attn_config: {
    kda_layers: [1],
    full_attn_layers: [2],
    num_heads: 4,
    head_dim: 16,
    short_conv_kernel_size: 4,
  },
};
const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export const CORPUS: readonly Case[] = [
  config('a link in a notification', {
    ...LLAMA,
    model_type: '[Install the missing files](command:workbench.extensions.search?%22x%22)',
  }),
  config('lint walked a billion layers', { ...KIMI, num_hidden_layers: 1_000_000_000 }),
  config('an array of that length was made', { ...KIMI, num_hidden_layers: 5_000_000_000 }),
  config('the same of a layer list', { ...LLAMA, num_hidden_layers: 1_000_000_000, layer_types: ['full_attention'] }),
  config('a state of negative size was exact', {
    model_type: 'xlstm',
    hidden_size: 64,
    num_heads: 4,
    num_blocks: 2,
    num_hidden_layers: 2,
    qk_dim_factor: -0.5,
    v_dim_factor: 1,
  }),
  config('layers that predict tokens ended memory', {
    ...LLAMA,
    model_type: 'deepseek_v3',
    num_nextn_predict_layers: 100_000_000,
    kv_lora_rank: 8,
    qk_rope_head_dim: 4,
  }),
  config('lint took half a minute', {
    ...LLAMA,
    model_type: 'mllama_text_model',
    cross_attention_layers: indexes(140_000),
  }),
  config('the same with equal numbers', {
    ...LLAMA,
    model_type: 'mllama_text_model',
    cross_attention_layers: indexes(140_000).fill(1),
  }),
  config('one key more took half a minute in a line of 198 KB', {
    ...LLAMA,
    quantization_config: { modules_to_not_convert: indexes(6_000).map((index) => `model.layers.${index}.mlp.gate`) },
  }),
  config('the copy that does not count was edited', `{"num_key_value_heads":1,${INNER},"num_key_value_heads":4}`),
  config('brackets behind slashes passed the bound of depth', `{${INNER},"x":${'[//'.repeat(20_000)}`),
  config('nested ten thousand deep', `{${INNER},"x":${'['.repeat(10_000)}`),
  config(
    'more keys than are read',
    `{${INNER},${indexes(100_000)
      .map((index) => `"k${index}":0`)
      .join(',')}}`,
  ),
  config('names of prototypes', {
    ...LLAMA,
    model_type: '__proto__',
    architectures: ['constructor'],
    layer_types: ['constructor', '__proto__'],
    toString: 1,
  }),
  config('lines of another program', { ...LLAMA, model_type: 'x\n::error::forged\r\n\u001b]0;title\u0007\u202e' }),
  config('false that is written as null', {
    ...LLAMA,
    model_type: 'falcon',
    multi_query: null,
    new_decoder_architecture: 1,
  }),
  config('a width below zero', { ...LLAMA, head_dim: -16 }),
  config('a half of a head', { ...LLAMA, num_attention_heads: 4.5, num_key_value_heads: 0.5 }),
  config('numbers that are none', `{${INNER},"rope_theta":NaN,"sliding_window":-Infinity}`),
  config('more experts than there are', {
    ...LLAMA,
    model_type: 'mixtral',
    num_local_experts: 2,
    num_experts_per_tok: 8,
    intermediate_size: 128,
    vocab_size: 32,
  }),
  config('a key behind it went into the middle of the word', `{${INNER},"x":NaN,"sliding_window":-Infinity}`),
  config('each bare number was looked for from the beginning', `{${INNER},"x":[${'NaN,'.repeat(60_000)}1]}`),
  config(
    'every sign that does not show became another, for a second',
    `{${INNER},"x":"${'\u202e'.repeat(2_000_000)}"}`,
  ),
  config('completion fell over what is nested', `{${INNER},"x":${'['.repeat(60_000)}`),
  config('blanks were taken one by one, for a third of a second', `{${INNER},${' '.repeat(3_900_000)}"x":1}`),
  config('what is reserved was rounded, and exact', {
    model_type: 'mamba2',
    conv_kernel: 4,
    head_dim: 64,
    hidden_size: 4096,
    n_groups: 8,
    num_heads: 128,
    num_hidden_layers: 64,
    state_size: 100_000_000,
  }),
  config('each zero was a number for itself, for two seconds', `{${INNER},"x":[${'0'.repeat(3_900_000)}]}`),
  config(
    'a return ended a string for the parser alone, and what follows was nested past the bound',
    `["x\r,${'['.repeat(60_000)}`,
  ),
  config('the same of a comment', `[// \r${'['.repeat(60_000)}`),
  config(
    'escapes, spaces and bare numbers, each below its own bound',
    `{${INNER},"x":[${'NaN,'.repeat(60_000)}1],${' '.repeat(500_000)}"y":"${'\\n'.repeat(900_000)}"}`,
  ),
  config('an object of many keys was written out for each message, again for each change that is offered', {
    ...LLAMA,
    model_type: 'mimo_v2_flash',
    v_head_dim: Object.fromEntries(indexes(30_000).map((index) => [`k${index}`, [index]])),
  }),
  config('what fits was looked for in groups of layers with one layer each, for six seconds', {
    architectures: ['MllamaForConditionalGeneration'],
    model_type: 'mllama',
    text_config: {
      ...LLAMA,
      model_type: 'mllama_text_model',
      num_hidden_layers: 4_000,
      cross_attention_layers: [1, 3],
    },
  }),
  config('fewer than no experts read less than no weights', {
    ...LLAMA,
    model_type: 'hunyuan_v1_moe',
    head_dim: 16,
    moe_topk: -2,
  }),
  config('layers named by words were none, and exact', {
    ...LLAMA,
    model_type: 'mllama_text_model',
    cross_attention_layers: ['x'],
  }),
  config('a class that nobody knows made an encoder of it, of no bytes', {
    ...LLAMA,
    model_type: 'gemma3_text',
    sliding_window: 16,
    architectures: ['x'],
    use_bidirectional_attention: true,
  }),
  config('a model type that is a list', { ...LLAMA, model_type: [8] }),
  config('a language model that is a text', { ...LLAMA, text_config: 'x' }),
  config('a hidden size that is a text', { ...LLAMA, hidden_size: 'x', head_dim: 16 }),
  config('a format of the cache that is no object', { ...LLAMA, quantization_config: { kv_cache_scheme: 'fp8' } }),
  config('comments cost nothing, for a quarter of a second', `{${INNER},${'//\n'.repeat(1_200_000)}"x":NaN}`),
  python('more mistakes than the parser counts', `LlamaConfig(x='${'LlamaConfig(x=1)\n'.repeat(3_500)}`),
  python('lists that repeat, many times', `LlamaConfig(layer_types=[${"['a']*8192,".repeat(30_000)}])\n`),
  python('a list of nothing, 300 million times', 'LlamaConfig(layer_types=[]*300000000)\n'),
  python('lists in lists', "LlamaConfig(layer_types=[[['a']*400]*400]*400)\n"),
  python('a product of products', `LlamaConfig(hidden_size=${'9**'.repeat(40)}9)\n`),
  python('parentheses', `LlamaConfig(hidden_size=${'('.repeat(5_000)}1${')'.repeat(5_000)})\n`),
  python(
    'a name in wide letters was another key',
    'LlamaConfig(hidden_size=64, hidden＿size=8, ｎum_hidden_layers=2)\n',
  ),
  python('an escape by number was its digits', String.raw`LlamaConfig(model_type="\154lama", hidden_act="\U0001F600")`),
  python('a string over two lines of Windows ended the call', 'LlamaConfig(hidden_act="a\\\r\nb", hidden_size=64)\n'),
  python('calls in calls', `${'AConfig(x='.repeat(5_000)}1${')'.repeat(5_000)}\n`),
  {
    did: 'what is wrong in the file beside was shown at its place in the config',
    input: { as: 'quant', kind: 'corpus', text: `${' '.repeat(500)}{"quantization":{"kv_cache_quant_algo":5}}` },
  },
  {
    did: 'a format of the cache that is a sentence',
    input: {
      as: 'quant',
      kind: 'corpus',
      text: '{"quantization":{"quant_algo":"[x](command:y)","kv_cache_quant_algo":"\\u001b[31m"}}',
    },
  },
];
