/** Decoders with a plain feed-forward in every layer. T: transformers 5.18 modeling files; remote code: the model's own. */

import type { Facts } from '../facts';
import type { LayerView, Lineage } from '../lineage';
import type { Tally } from '../tally';

/** Rows of a table of learned positions. */
const learned =
  (extra = 0) =>
  (facts: Facts): number =>
    facts.number(['max_position_embeddings', 'n_positions']) + extra;

const fourTimes = (facts: Facts): number =>
  facts.optional(['n_inner', 'intermediate_size', 'ffn_hidden_size', 'ffn_dim']) ?? 4 * facts.hidden;

export const DENSE: readonly Lineage[] = [
  // Llama's block: two RMS norms, gated feed-forward; biases as the config says.
  {
    types: 'llama cwm granite smollm3 yi Yi aquila xverse skywork minicpm llava_llama granite4_vision_text open_llama',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
  },
  { types: 'mistral ministral ministral3 phi3 phi4_multimodal phi4mm baichuan exaone' },
  {
    types: 'voxtral_realtime_text',
    extra: (facts, tally, layers) =>
      tally.add('norms', layers.length * 2 * facts.hidden * facts.number('ada_rms_norm_t_cond_dim', 32)),
  },
  { types: 'granite_swa', bias: 'attention_bias', mlpBias: 'mlp_bias', sinks: 'all' },
  { types: 'helium', bias: 'attention_bias', outBias: false, mlpBias: 'mlp_bias' },
  { types: 'gemma csm', bias: 'attention_bias', mlpBias: 'mlp_bias' },
  { types: 'emu3_text_model', bias: 'attention_bias', mlpBias: 'mlp_bias' },
  { types: 'seed_oss', bias: 'attention_bias=true', outBias: 'attention_out_bias', mlpBias: 'mlp_bias' },
  { types: 'ernie4_5 paddleocr_vl_text', bias: 'use_bias', mlpBias: 'use_bias' },
  { types: 'internlm', bias: 'bias=true' },
  { types: 'internlm2', bias: 'bias' },
  { types: 'internlm3', bias: 'qkv_bias', outBias: 'bias', mlpBias: 'bias' },
  { types: 'arcee', bias: 'attention_bias', plain: true, mlpBias: 'mlp_bias' },
  { types: 'cosmos3_edge_text', tied: false, plain: true, bias: 'attention_bias', mlpBias: 'mlp_bias' },
  {
    types: 'hyperclovax',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    norms: (facts) => (facts.on('use_post_norm=true') ? 4 : 2),
  },
  { types: 'bitnet', bias: 'attention_bias', extra: innerNorms },
  { types: 'diffllama', bias: 'attention_bias', extra: lambdas },
  {
    types: 'apertus',
    bias: 'attention_bias',
    qkNorm: 'head',
    plain: true,
    extra: (_facts, tally, layers) => tally.add('mlp', 2 * layers.length),
  },
  {
    types: 'qwen2 qwen2_vl_text qwen2_5_vl_text qwen2_5_omni_text mimo dots_ocr llava_qwen',
    bias: true,
    outBias: false,
  },
  { types: 'qwen3 qwen3_vl_text hunyuan_v1_dense hunyuan_vl_text', bias: 'attention_bias', qkNorm: 'head' },
  {
    types: 'hunyuan_dense',
    bias: 'attention_bias',
    qkNorm: 'head',
    qkNormIf: 'use_qk_norm=true',
    sharedHaveNoKeys: true,
  },
  // The first Qwen's feed-forward keeps half of intermediate_size on either branch.
  { types: 'qwen', bias: true, outBias: false, width: (facts) => facts.number('intermediate_size') / 2 },
  { types: 'glm', bias: 'attention_bias', outBias: false },
  { types: 'glm4 glm4v_text', bias: 'attention_bias=true', outBias: false, norms: 4 },
  { types: 'glm_ocr_text glm_image_text', bias: 'attention_bias', outBias: false, norms: 4 },
  {
    types: 'chatglm',
    bias: 'add_qkv_bias',
    outBias: 'add_bias_linear',
    mlpBias: 'add_bias_linear',
    tied: false,
    width: ['ffn_hidden_size'],
  },
  { types: 'exaone4', norms: 2, qkNorm: 'head' },
  { types: 'gemma2', bias: 'attention_bias', norms: 4 },
  { types: 'vaultgemma', bias: 'attention_bias' },
  { types: 'gemma3_text', bias: 'attention_bias', norms: 4, qkNorm: 'head' },
  { types: 'muse_glimmer_text', gate: 'wide', norms: 4 },
  { types: 'olmo', bias: 'attention_bias', norms: 0, finalNorms: 0 },
  { types: 'olmo2 olmo3', bias: 'attention_bias', qkNorm: 'wide' },
  { types: 'cohere', bias: 'attention_bias', norms: 1, qkNorm: 'wide', qkNormIf: 'use_qk_norm' },
  { types: 'cohere2 cohere_compass_text', bias: 'attention_bias', norms: 1 },
  {
    types: 'stablelm stablelm_epoch',
    bias: 'use_qkv_bias',
    outBias: false,
    normBias: true,
    qkNorm: 'wide',
    qkNormIf: 'qk_layernorm',
    norms: (facts) => (facts.on('use_parallel_residual') ? 1 : 2),
  },
  { types: 'orion', normBias: true },
  { types: 'jais2', bias: 'attention_bias=true', plain: true, mlpBias: 'mlp_bias=true', normBias: true },
  { types: 'nemotron', bias: 'attention_bias', plain: true, mlpBias: 'mlp_bias', normBias: true },
  { types: 'nanochat', bias: 'attention_bias', plain: true, norms: 0, finalNorms: 0 },
  { types: 'starcoder2', bias: 'use_bias=true', plain: true, mlpBias: 'use_bias=true', normBias: true },
  {
    types: 'persimmon',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    qkNorm: 'head',
    qkNormIf: 'qk_layernorm=true',
    qkNormBias: true,
  },
  {
    types: 'phi',
    bias: true,
    plain: true,
    mlpBias: true,
    norms: 1,
    normBias: true,
    headBias: true,
    qkNorm: 'head',
    qkNormIf: 'qk_layernorm',
    qkNormBias: true,
    width: fourTimes,
  },
  { types: 'chameleon', bias: 'attention_bias', mlpBias: 'mlp_bias', qkNorm: 'wide', qkNormBias: true },
  {
    types: 'modernbert-decoder',
    norms: 2,
    finalNorms: 2,
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    normBias: 'norm_bias',
    headBias: 'decoder_bias=true',
    extra: modernHead,
  },

  // GPT-2 and its time: LayerNorm with bias, biases everywhere, four times the width.
  {
    types: 'gpt2 gpt-sw3 gpt_bigcode',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: fourTimes,
    positions: learned(),
  },
  {
    types: 'openai-gpt',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    finalNorms: 0,
    width: fourTimes,
    positions: learned(),
  },
  {
    types: 'gpt_neo',
    outBias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: fourTimes,
    positions: learned(),
  },
  { types: 'gptj codegen', plain: true, mlpBias: true, norms: 1, normBias: true, headBias: true, width: fourTimes },
  { types: 'gpt_neox', bias: 'attention_bias=true', plain: true, mlpBias: true, normBias: true },
  {
    types: 'gpt_neox_japanese',
    plain: true,
    normBias: true,
    width: (facts) => facts.number('intermediate_multiple_size', 4) * facts.hidden,
    extra: (facts, tally) => tally.add('attention', facts.hidden),
  },
  {
    types: 'bloom',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    finalNorms: 2,
    width: (facts) => 4 * facts.hidden,
  },
  {
    types: 'falcon RefinedWeb RefinedWebModel',
    bias: 'bias',
    plain: true,
    mlpBias: 'bias',
    normBias: true,
    width: fourTimes,
    norms: falconNorms,
    extra: falconHeads,
  },
  { types: 'mpt', plain: true, width: (facts) => 4 * facts.hidden },
  {
    types: 'opt',
    bias: 'enable_bias=true',
    plain: true,
    mlpBias: 'enable_bias=true',
    normBias: true,
    norms: (facts) => (facts.on('layer_norm_elementwise_affine=true') ? 2 : 0),
    positions: learned(2),
    width: ['ffn_dim'],
    finalNorms: (facts) =>
      facts.on('do_layer_norm_before=true') &&
      facts.on('layer_norm_elementwise_affine=true') &&
      !facts.on('_remove_final_layer_norm')
        ? 1
        : 0,
    extra: optProjection,
  },
  { types: 'biogpt', bias: true, plain: true, mlpBias: true, normBias: true, positions: learned(2) },
  { types: 'xglm', bias: true, plain: true, mlpBias: true, normBias: true, width: ['ffn_dim'] },
  {
    types: 'kosmos_2_text_model kosmos_2_5_text_model',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: ['ffn_dim'],
    extra: (facts, tally, layers) => tally.add('norms', 2 * layers.length * (facts.hidden + facts.number('ffn_dim'))),
  },
  {
    types: 'ctrl',
    bias: true,
    plain: true,
    mlpBias: true,
    normBias: true,
    width: (facts) => facts.number('dff', 8192),
    headBias: true,
  },
  {
    types: 'moshi',
    tied: false,
    plain: true,
    width: (facts) => facts.number('ffn_dim') * 0.75,
    extra: (facts, tally) => tally.add('embedding', facts.hidden),
  },
  { types: 'plamo', norms: 1 },
  { types: 'phi3small', bias: true, mlpBias: true, normBias: true, width: ['ff_intermediate_size'] },
  {
    types: 'phi-msft mixformer-sequential',
    bias: true,
    plain: true,
    mlpBias: true,
    norms: 1,
    normBias: true,
    headBias: true,
    tied: false,
    width: fourTimes,
  },
  { types: 'params', width: paramsWidth, tied: 'tied_embeddings' },
];

/** T:bitnet: norms within attention and feed-forward. */
function innerNorms(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  for (const layer of layers) tally.add('norms', layer.hidden + facts.number('intermediate_size'));
}

/** T:diffllama: four vectors a layer weigh the two softmaxes. */
function lambdas(_facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  for (const { attention } of layers) if ('keyDim' in attention) tally.add('attention', 4 * attention.keyDim);
}

/** T:modernbert_decoder: the head has a projection and a norm of its own; the first layer lacks a norm, which makes up for that one. */
function modernHead(facts: Facts, tally: Tally): void {
  tally.add('outputHead', facts.hidden * (facts.hidden + (facts.on('classifier_bias') ? 1 : 0)));
}

/** T:falcon FalconDecoderLayer: one norm where attention and feed-forward run side by side on one norm's output. */
function falconNorms(facts: Facts): number {
  const separate = facts.on('new_decoder_architecture');
  if (separate) return facts.number('num_ln_in_parallel_attn', 2) === 2 ? 2 : 1;
  return facts.on('parallel_attn=true') ? 1 : 2;
}

/** T:falcon FalconAttention: without `multi_query` in the old build there is a key and a value for each head, whatever `num_kv_heads` says. */
function falconHeads(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  if (facts.on('new_decoder_architecture') || facts.on('multi_query=true')) return;
  for (const { attention, hidden } of layers) {
    if ('kvHeads' in attention)
      tally.add(
        'attention',
        2 * (attention.queryHeads - attention.kvHeads) * attention.keyDim * (hidden + (facts.on('bias') ? 1 : 0)),
      );
  }
}

/** OPT-350M: embeddings are narrower than the layers, with a projection in and out. */
function optProjection(facts: Facts, tally: Tally): void {
  const { hidden } = facts;
  const width = facts.number('word_embed_proj_dim', hidden);
  if (width === hidden) return;
  const vocabulary = facts.number('vocab_size');
  tally.add('embedding', vocabulary * (width - hidden) + 2 * width * hidden);
  if (tally.parts.outputHead > 0) tally.add('outputHead', vocabulary * (width - hidden));
}

/** Meta's files: `multiple_of` and `ffn_dim_multiplier`; Mistral's: `hidden_dim`. meta-llama/llama3 model.py FeedForward. */
function paramsWidth(facts: Facts): number {
  const given = facts.optional('hidden_dim');
  if (given !== null) return given;
  const multiple = facts.number('multiple_of');
  const width = Math.trunc(Math.trunc((2 * 4 * facts.hidden) / 3) * facts.ratio('ffn_dim_multiplier', 1));
  return multiple * Math.ceil(width / multiple);
}
