/** GLM and ChatGLM: dense, with experts, and the text parts of GLM-V, GLM-OCR and GLM-Image. */

import type { BlockSpec } from '../attention/spec/blockSpec';
import { deepseekExperts } from './counted/experts';
import { flag } from './counted/switches';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, gatedMlp, llamaBlocks, type LlamaBlocks, plainRotary } from './kit/blocks';
import { decoderLayers, plainDecoder } from './kit/decoder';
import { v3Mixture, v3Names } from './kit/mixtures';
import { fusedGateUp, llamaNames, part } from './kit/tensorNames';
import { fourNorms, headNorm, rmsNorm } from './kit/parts';
import type { WeightSources } from './kit/weightSource';
import { changes, givePartialRotary, hasSections, routing, sectioned } from './kit/ggufBlocks';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'glm',
    modelTypes: ['glm', 'glm4', 'glm4_moe', 'glm4v_text', 'glm4v_moe_text', 'glm_image_text', 'glm_ocr_text'],
    cite: 'transformers 5.18 models/glm/configuration_glm.py and those of glm4, glm4_moe, glm4v, glm4v_moe, glm_image, glm_ocr',
    read: plainDecoder,
  },
  {
    // ChatGLM 2 and 3, GLM-4 in its own code: `multi_query_group_num` counts only with `multi_query_attention`.
    id: 'chatglm',
    modelTypes: ['chatglm'],
    cite: 'THUDM/chatglm2-6b modeling_chatglm.py SelfAttention; vLLM model_executor/models/chatglm.py',
    read: (reader) => {
      reader.consult(['multi_query_group_num']);
      const grouped = reader.flag(['multi_query_attention'], false);
      return {
        layers: decoderLayers(reader, {
          layerTypes: false,
          layerKeys: ['num_layers', 'num_hidden_layers'],
          headDimKeys: ['kv_channels'],
          kvKeys: grouped ? ['multi_query_group_num'] : [],
        }),
      };
    },
  },
];

/** RoPE on adjacent pairs of the first half of a head. */
function glmBlocks(input: BlockInput, more: LlamaBlocks = {}): ReturnType<typeof llamaBlocks> {
  return llamaBlocks(input, {
    rotary: (_, attention) => plainRotary(input, attention, 'interleaved', 0.5),
    attention: () => biases(input.config.on('attention_bias'), false),
    ...more,
  });
}

export const blocks = (): readonly BlocksFacet[] => [
  { modelTypes: ['glm'], build: (input) => glmBlocks(input) },
  {
    modelTypes: ['glm4'],
    build: (input) => glmBlocks(input, { norms: fourNorms(rmsNorm(input.config.need('rms_norm_eps'))) }),
  },
  {
    // RoPE on half of each head.
    modelTypes: ['glm4_moe'],
    build: (input) => {
      const { config } = input;
      const norm = config.on('use_qk_norm') ? headNorm(rmsNorm(config.need('rms_norm_eps'))) : null;
      return llamaBlocks(input, {
        rotary: (_, attention) => plainRotary(input, attention, 'half', 0.5),
        attention: () => ({ ...biases(config.on('attention_bias'), false), queryNorm: norm, keyNorm: norm }),
        feedForward: (index) => (index >= config.need('first_k_dense_replace') ? v3Mixture(input) : gatedMlp(input)),
      });
    },
  },
];

function fusedMlp({ feedForward }: BlockSpec): WeightSources {
  return feedForward.kind === 'gated' ? fusedGateUp('mlp.gate_up_proj', 'mlp.down_proj', feedForward.width) : {};
}

export const names = (): readonly NamesFacet[] => [
  { modelTypes: ['glm'], of: llamaNames({ sources: fusedMlp }) },
  {
    modelTypes: ['glm4'],
    of: llamaNames({
      sources: (block) => ({
        ...fusedMlp(block),
        norm_attention_output: part('post_self_attn_layernorm'),
        norm_feed_forward_output: part('post_mlp_layernorm'),
      }),
    }),
  },
  { modelTypes: ['glm4_moe'], of: llamaNames({ mixture: v3Names() }) },
];

/** The converter brings Q and K into halves where positions have sections (GLM-4V): `Glm4Model.normal_to_neox`. */
const multimodalHalves: NonNullable<GgufFacet['block']> = (block, { source }) => {
  const { rotary } = block.layer;
  if (rotary === null || !hasSections(source)) return block;
  return { ...block, layer: { ...block.layer, rotary: { ...rotary, layout: 'half' } } };
};

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'chatglm', modelType: 'glm', rope: 'interleaved', adapt: givePartialRotary },
  {
    architecture: 'glm4',
    modelType: 'glm4',
    rope: 'interleaved',
    adapt: givePartialRotary,
    block: changes(multimodalHalves, sectioned(false)),
  },
  {
    // Solar Open comes under this name too.
    architecture: 'glm4moe',
    modelType: 'glm4_moe',
    alsoOf: ['solar_open'],
    rope: 'half',
    adapt: (config, source) => {
      givePartialRotary(config, source);
      config['first_k_dense_replace'] ??= 0;
    },
    fromTensors: (config, has) => {
      config['use_qk_norm'] = has('blk.0.attn_q_norm.weight');
    },
    block: changes(routing({ silent: 'sigmoid', scaled: true }), sectioned(false)),
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['glm4v_text'], bias: flag('attention_bias', true), outBias: false, norms: 4 },
  { modelTypes: ['glm_ocr_text', 'glm_image_text'], bias: flag('attention_bias'), outBias: false, norms: 4 },
  {
    modelTypes: ['chatglm'],
    bias: flag('add_qkv_bias'),
    outBias: flag('add_bias_linear'),
    mlpBias: flag('add_bias_linear'),
    tied: false,
    width: ['ffn_hidden_size'],
  },
  {
    modelTypes: ['glm4v_moe_text'],
    bias: flag('attention_bias', true),
    outBias: false,
    experts: deepseekExperts,
  },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['glm4v_text', 'glm_ocr_text', 'glm_image_text'],
    cite: 'transformers 5.18 modeling_glm4v.py Glm4vTextDecoderLayer: norms before and after each branch',
    norms: 'four',
    positions: 'unsaid',
  },
  {
    modelTypes: ['chatglm'],
    cite: "THUDM's modeling_chatglm.py GLMBlock: half of a head is turned, SwiGLU",
    activation: 'silu',
    positions: 0.5,
  },
  {
    modelTypes: ['glm4v_moe_text'],
    cite: 'transformers 5.18 modeling_glm4v_moe.py',
    positions: 0.5,
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
