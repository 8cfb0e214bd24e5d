/** Latent attention and DeepSeek's experts: DeepSeek 1 to 3, Kimi K2, A.X, Youtu, MiniCPM3, GLM-4.7-Flash and relatives. */

import { type BlockSpec, NO_NORMS } from '../attention/spec/blockSpec';
import type { AttentionLayerSpec, RunnableAttention } from '../attention/spec/layerSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { ConfigReader } from '../config/reader';
import { deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  FamilyReading,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { gatedMlp, llamaBlocks, type LlamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers, plainDecoder, repeat, withLayerSource } from './kit/decoder';
import { latentLayout, layerCount, missing } from './kit/headLayout';
import { moe, sharedWidth, softmaxRouter, v3Mixture, v3Names } from './kit/mixtures';
import { latentSources, llamaNames, part } from './kit/tensorNames';
import { activation, gated, rmsNorm } from './kit/parts';
import { expertGroups, v3Scale } from './kit/latent';
import { numberOf, orNoted, ropeParameters, yarnSharpening } from './kit/rotary';
import type { WeightSources } from './kit/weightSource';
import { changes, routing } from './kit/ggufBlocks';

/** Keys of per-head attention that configs of latent families still have. */
export function consultDecoys(reader: ConfigReader): void {
  // biome-ignore format: names fill their lines
  reader.consult([
    'num_key_value_heads', 'head_dim', 'qk_head_dim', 'v_head_dim', 'qk_nope_head_dim', 'qk_rope_head_dim',
  ]);
}

/** Files without latent attention (DeepSeek-VL2-tiny) say so: no `kv_lora_rank`, or `use_mla: false`. */
function withoutLatent(reader: ConfigReader): boolean {
  reader.consult(['use_mla']);
  if (reader.condition('use_mla') === false) return true;
  if (reader.own('kv_lora_rank') !== null) return false;
  // The class of transformers takes no null; code that came with a model does.
  reader.consult(['kv_lora_rank']);
  return true;
}

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'deepseek',
    modelTypes: ['deepseek'],
    cite: 'deepseek-ai/deepseek-moe-16b-base configuration_deepseek.py and modeling_deepseek.py',
    read: plainDecoder,
  },
  {
    // DeepSeek-OCR 2: the head width is always hidden ÷ heads, whatever `head_dim` says.
    id: 'divided-heads',
    modelTypes: ['deepseek_ocr2_text'],
    cite: 'transformers 5.18 models/deepseek_ocr2/configuration_deepseek_ocr2.py __post_init__',
    refusesRemainder: 'class',
    read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) }),
  },
  {
    // Every layer caches one latent vector and one rotary key; `num_key_value_heads` and `head_dim` mean nothing.
    id: 'deepseek-mla',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'deepseek_v3', 'joyai_llm_flash', 'kimi_k2', 'axk1', 'youtu', 'mistral4', 'glm4_moe_lite',
      'pangu_ultra_moe', 'kimi_vl_text', 'youtu_llm', 'sarvam_mla',
    ],
    cite: 'transformers 5.18 models/deepseek_v3/modular_deepseek_v3.py (caches the latent); vLLM MLAAttentionSpec',
    // moonshotai/Kimi-K2-Base configuration_deepseek.py, for files that leave them out.
    defaults: { kimi_k2: { hidden_act: 'silu', rms_norm_eps: 1e-6 } },
    read: latentLayers,
  },
  {
    id: 'deepseek-mla',
    modelTypes: ['deepseek_v2'],
    cite: 'transformers 5.18 models/deepseek_v2/configuration_deepseek_v2.py; vLLM MLAAttentionSpec',
    refusesRemainder: 'class',
    read: latentLayers,
  },
  {
    // The same maths, which llama.cpp runs with K and V of every head.
    id: 'deepseek-mla',
    modelTypes: ['minicpm3'],
    cite: 'transformers 5.18 models/minicpm3/configuration_minicpm3.py; openbmb/MiniCPM3-4B modeling_minicpm.py; vLLM MLAAttentionSpec',
    llamacpp: { expandsLatents: true },
    refusesRemainder: 'class',
    read: latentLayers,
  },
  {
    id: 'deepseek-mla',
    modelTypes: ['plm'],
    cite: 'PLM-Team/PLM-1.8B-Base modeling_plm.py; vLLM MLAAttentionSpec',
    llamacpp: { expandsLatents: true },
    read: latentLayers,
  },
];

/** A key of translated GGUF files: they make llama.cpp cache K and V of every head. */
const EXPANDED = 'mla_expanded';

/** One latent and one rotary key in every layer; plain heads where the file says so. */
function latentLayers(reader: ConfigReader): FamilyReading {
  consultDecoys(reader);
  if (withoutLatent(reader)) return { layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) };
  const count = layerCount(reader);
  const latent = count && latentLayout(reader, { dividedHeads: true });
  if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
  return {
    layers: count && latent ? withLayerSource(repeat(latent, count.value), count.source) : [],
    ...(reader.flag([EXPANDED], false) ? { llamacpp: { expandsLatents: true } } : {}),
  };
}

/** The epsilon of the norms on latents is the class's, whatever rms_norm_eps says. */
const LATENT_EPSILON = 1e-6;

function latentScale(input: BlockInput, keyDim: number): number {
  return keyDim ** -0.5 * yarnSharpening(orNoted(input, () => ropeParameters(input.config, undefined)) ?? null);
}

function latentChanges(input: BlockInput, attention: RunnableAttention): Partial<AttentionLayerSpec> {
  const bias = input.config.on('attention_bias');
  if (attention.kind !== 'latent') {
    // Its heads have the usual projections, but their rotation is not known.
    input.cannotRun('attention without a latent');
    return { biases: { q: bias, k: bias, v: bias, o: bias } };
  }
  if (attention.indexer !== undefined) return input.config.unsupported('sparse attention with an indexer');
  const direct = attention.queryLatentDim === null;
  const norm = rmsNorm(LATENT_EPSILON);
  return {
    biases: { q: bias && !direct, k: bias, v: false, o: bias },
    scale: latentScale(input, attention.nopeDim + attention.ropeDim),
    latentNorms: { query: direct ? null : norm, latent: norm },
  };
}

/** Adjacent pairs, regrouped into halves after rotation. */
function v3Rotary(input: BlockInput, attention: RunnableAttention): RotarySpec | null {
  return plainRotary(input, attention, input.config.on('rope_interleave', true) ? 'interleaved-to-half' : 'half');
}

/** Latent attention and RoPE as in DeepSeek-V3. */
function v3Blocks(input: BlockInput, more: LlamaBlocks = {}): ReturnType<typeof llamaBlocks> {
  return llamaBlocks(input, {
    rotary: (_, attention) => v3Rotary(input, attention),
    attention: (_, attention) => latentChanges(input, attention),
    ...more,
  });
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['deepseek_v2'],
    build: (input) => {
      const { config } = input;
      const act = activation(input);
      const method = config.get('topk_method') ?? 'greedy';
      const grouped = method === 'group_limited_greedy';
      if (!grouped && method !== 'greedy') input.cannotRun('this topk_method');
      return llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'interleaved'),
        attention: (_, attention) => latentChanges(input, attention),
        feedForward: (index) => {
          const bias = config.on('mlp_bias');
          if (index < config.need('first_k_dense_replace')) return gatedMlp(input, { bias });
          const shared = sharedWidth(config);
          const groups = grouped
            ? { count: config.need('n_group'), top: config.need('topk_group'), score: 'max' as const }
            : null;
          // transformers does not normalise here, whatever norm_topk_prob says.
          const router = softmaxRouter(input, 'n_routed_experts', 'num_experts_per_tok', {
            factor: config.numberOr('routed_scaling_factor', 1),
            groups,
          });
          return moe(router, gated(config.need('moe_intermediate_size'), act), {
            shared: shared === null ? null : { expert: gated(shared, act, bias), gate: false },
          });
        },
      });
    },
  },
  {
    modelTypes: ['deepseek_v3', 'kimi_k2'],
    build: (input) =>
      v3Blocks(input, {
        feedForward: (index) =>
          index >= input.config.need('first_k_dense_replace') ? v3Mixture(input) : gatedMlp(input),
      }),
  },
  {
    // Layers are dense or sparse as `mlp_layer_types` says; all but the first are sparse where it is silent.
    modelTypes: ['glm4_moe_lite'],
    build: (input) => {
      const kinds = input.config.items('mlp_layer_types');
      return v3Blocks(input, {
        feedForward: (index) =>
          (kinds === null ? index > 0 : kinds[index] === 'sparse') ? v3Mixture(input) : gatedMlp(input),
      });
    },
  },
  {
    // DeepSeek-V3 with a norm on the experts' output.
    modelTypes: ['axk1'],
    build: (input) => {
      const { config } = input;
      const norm = rmsNorm(config.need('rms_norm_eps'));
      const sparse = (index: number): boolean => index >= config.need('first_k_dense_replace');
      return v3Blocks(input, {
        feedForward: (index) => (sparse(index) ? v3Mixture(input) : gatedMlp(input)),
        block: (index) =>
          sparse(index) ? { norms: { ...NO_NORMS, attention: norm, feedForward: norm, feedForwardOutput: norm } } : {},
      });
    },
  },
  { modelTypes: ['youtu'], build: (input) => v3Blocks(input) },
  {
    // Latent attention with RoPE in halves, scaled embeddings, residual branches and logits.
    modelTypes: ['minicpm3'],
    build: (input) => {
      const { config, hiddenSize } = input;
      return llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'half'),
        attention: (_, attention) => latentChanges(input, attention),
        feedForward: () => gatedMlp(input, { bias: config.on('mlp_bias') }),
        block: () => ({
          residualMultiplier: config.need('scale_depth') / Math.sqrt(config.need('num_hidden_layers')),
        }),
        embedding: { multiplier: config.need('scale_emb') },
        output: { multiplier: config.numberOr('dim_model_base', hiddenSize) / hiddenSize },
      });
    },
  },
];

/** Layers without a latent have Llama's names. */
function latentNamed(block: BlockSpec): WeightSources {
  return block.layer.attention.kind === 'latent' ? latentSources(block) : {};
}

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['deepseek_v2', 'deepseek_v3', 'kimi_k2', 'glm4_moe_lite', 'youtu', 'minicpm3'],
    of: llamaNames({ sources: latentNamed, mixture: v3Names() }),
  },
  {
    modelTypes: ['axk1'],
    of: llamaNames({
      sources: (block) => ({ ...latentNamed(block), norm_feed_forward_output: part('post_mlp_layernorm') }),
      mixture: v3Names(),
    }),
  },
];

/** With YaRN, llama.cpp sharpens the softmax by (0.1 · mscale · ln factor + 1)², and without `mscale_all_dim` by mscale = 1. */
const sharpened: NonNullable<GgufFacet['block']> = (block, { source }) => {
  const { attention } = block.layer;
  const factor = source.number('rope.scaling.factor') ?? 1;
  if (attention.kind !== 'latent' || source.get('rope.scaling.type') !== 'yarn' || factor <= 1) return block;
  const all = (source.number('rope.scaling.yarn_log_multiplier') ?? 0.1) * 10;
  const mscale = (source.number('rope.scaling.attn_factor') ?? 1) * (0.1 * all * Math.log(factor) + 1);
  const scale = (attention.nopeDim + attention.ropeDim) ** -0.5 * mscale * mscale;
  return { ...block, layer: { ...block.layer, scale } };
};

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'deepseek', modelType: 'deepseek' },
  {
    architecture: 'deepseek2',
    modelType: 'deepseek_v2',
    alsoOf: ['deepseek_v3', 'kimi_k2', 'glm4_moe_lite', 'youtu'],
    adapt: (config, source) => {
      // Files from before the split of K and V (spring of 2025) have no widths of MLA; llama.cpp caches every head's K and V then.
      const [plain, latent] = [source.number('attention.key_length'), source.number('attention.key_length_mla')];
      if (plain !== undefined && latent === undefined) config[EXPANDED] = true;
      // Sigmoid scores came with V3.
      if (source.number('expert_gating_func') === 2) config['model_type'] = 'deepseek_v3';
      else if (config['n_group'] !== undefined) config['topk_method'] = 'group_limited_greedy';
    },
    rope: 'interleaved',
    block: changes(routing({ silent: 'softmax', scaled: true }), sharpened),
  },
  {
    architecture: 'minicpm3',
    modelType: 'minicpm3',
    rope: 'half',
    // Factors of the one model, written into its graph.
    adapt: (config) => {
      Object.assign(config, { scale_emb: 12, scale_depth: 1.4, dim_model_base: 256 });
    },
  },
  { architecture: 'plm', modelType: 'plm' },
  { architecture: 'mistral4', modelType: 'mistral4' },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['mistral4'], bias: flag('attention_bias'), experts: deepseekExperts },
  {
    modelTypes: ['deepseek', 'pangu_ultra_moe', 'kimi_vl_text', 'deepseek_ocr2_text'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    experts: deepseekExperts,
  },
  { modelTypes: ['youtu_llm'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['deepseek', 'deepseek_ocr2_text'],
    cite: "deepseek-ai/deepseek-moe-16b-base modeling_deepseek.py, transformers 5.18 modeling_deepseek_ocr2.py: Llama's attention, softmax scores",
    router: () => ({ scoring: 'softmax' }),
  },
  {
    modelTypes: ['mistral4'],
    cite: 'transformers 5.18 modeling_mistral4.py: Mistral4TopkRouter, yarn_apply_mscale, get_llama_4_attn_scale',
    router: (config) => ({ scoring: 'softmax', groups: expertGroups(config) }),
    scale: v3Scale,
    says: (config) =>
      numberOf(ropeParameters(config, undefined)?.['llama_4_scaling_beta']) === undefined
        ? []
        : ['Queries are scaled up with position.'],
  },
];
