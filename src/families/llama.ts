/** Llama, CWM and the plain decoders that kept Llama's keys and have no lineage of their own. */

import type { ConfigReader } from '../config/reader';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type {
  ArrangementsFacet,
  BlockInput,
  BlocksFacet,
  CountsFacet,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { multiHead } from './gpt2';
import { biases, gatedMlp, llamaBlocks } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import { asMixture, mixtralRouting } from './mistral';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'llama',
    modelTypes: ['llama', 'higgs_audio_v2', 'cosmos3_edge_text'],
    cite: 'transformers 5.18 src/transformers/models/llama/configuration_llama.py, validate_architecture; those of the others are the same',
    refusesRemainder: 'class',
    read: plainDecoder,
  },
  {
    // Every token is kept in every layer, under the common key names.
    id: 'llama',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'yi', 'Yi', 'aquila', 'baichuan', 'xverse', 'skywork', 'orion', 'diffllama', 'csm', 'emu3_text_model',
      'nanochat', 'chameleon', 'evolla', 'EvollaModel', 'telechat2', 'telechat3', 'llava_llama',
      'panguembedded', 'PanguEmbedded', 'open_llama', 'internlmxcomposer2', 'zhinao',
    ],
    cite: 'transformers 5.18 src/transformers/models/llama/configuration_llama.py and the classes that follow it; remote code of the others',
    // Yi's own class (01-ai/Yi-34B configuration_yi.py) is not in transformers.
    defaults: {
      yi: { hidden_act: 'silu', rms_norm_eps: 1e-5 },
      Yi: { hidden_act: 'silu', rms_norm_eps: 1e-5 },
    },
    read: plainDecoder,
  },
  {
    // Engines load them with Llama's attention, or one with the same keys; those of Keye and MiniCPM-V have the keys of their Qwen or Llama.
    id: 'llama',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'iquestcoder', 'fairseq2_llama', 'TeleFLM', 'teleflm', 'xverse_moe', 'solar', 'molmo', 'molmo2_text',
      'moondream3_text', 'Keye', 'KeyeVL1_5', 'minicpmv', 'minicpmo', 'OpenPanguVL',
    ],
    cite: 'vLLM main 2026-08-14 models/registry.py (IQuestCoder, Fairseq2Llama, TeleFLM), molmo.py, molmo2.py TextConfig, moondream3.py, solar.py, keye.py, minicpmv.py, openpangu_vl.py; SGLang 0.5.15 models/xverse_moe.py',
    read: plainDecoder,
  },
  {
    // The first TeleChat has the keys of GPT-2 and a KV-head key.
    id: 'telechat',
    modelTypes: ['telechat'],
    cite: 'Tele-AI/telechat-7B modeling_telechat.py TelechatAttention',
    read: multiHead({ kvKeys: ['num_key_value_heads'] }),
  },
  {
    id: 'cwm',
    modelTypes: ['cwm'],
    cite: 'transformers 5.18 models/cwm/configuration_cwm.py __post_init__: full where i % 4 == 0',
    llamacpp: { runs: false },
    refusesRemainder: 'class',
    defaults: {
      cwm: {
        rope_parameters: {
          rope_type: 'llama3',
          rope_theta: 1_000_000,
          factor: 16,
          original_max_position_embeddings: 8192,
          low_freq_factor: 1,
          high_freq_factor: 4,
        },
      },
    },
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => (index % 4 === 0 ? 'full' : 'sliding'),
      }),
    }),
  },
  {
    // `layer_types` as it stands, full attention everywhere without it.
    id: 'csm-depth-decoder',
    modelTypes: ['csm_depth_decoder_model'],
    cite: 'transformers 5.18 models/csm/configuration_csm.py CsmDepthDecoderConfig',
    read: (reader) => ({ layers: decoderLayers(reader, { window: slidingWindow }) }),
  },
  {
    // The last layer is full, and every fourth before it.
    id: 'muse-glimmer',
    modelTypes: ['muse_glimmer_text'],
    cite: 'transformers 5.18 models/muse_glimmer/configuration_muse_glimmer.py __post_init__',
    refusesRemainder: 'class',
    llamacpp: { windows: true },
    read: (reader) => ({
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index, count) => ((count - 1 - index) % 4 === 0 ? 'full' : 'sliding'),
      }),
    }),
  },
  {
    // Drafts blocks for Muse Glimmer, from a cache of its own: every layer slides unless the config says otherwise.
    id: 'muse-glimmer',
    modelTypes: ['muse_glimmer_assistant'],
    cite: 'transformers 5.18 models/muse_glimmer_assistant/configuration_muse_glimmer_assistant.py __post_init__, modeling DFlashCache(config)',
    defaults: {
      muse_glimmer_assistant: {
        num_hidden_layers: 5,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        head_dim: 128,
        sliding_window: 2048,
      },
    },
    read: (reader) => ({ layers: decoderLayers(reader, { window: slidingWindow, kindAt: () => 'sliding' }) }),
  },
];

/** A gated feed-forward whose biases `mlp_bias` switches. */
function mlp(input: BlockInput): ReturnType<typeof gatedMlp> {
  return gatedMlp(input, { bias: input.config.on('mlp_bias') });
}

export const blocks = (): readonly BlocksFacet[] => [
  {
    modelTypes: ['llama', 'yi', 'Yi'],
    build: (input) =>
      llamaBlocks(input, {
        attention: () => biases(input.config.on('attention_bias')),
        feedForward: () => mlp(input),
      }),
  },
  // Llama with sliding layers and its own scaled RoPE.
  { modelTypes: ['cwm'], build: (input) => llamaBlocks(input, { feedForward: () => mlp(input) }) },
];

export const names = (): readonly NamesFacet[] => [{ modelTypes: ['llama', 'yi', 'Yi', 'cwm'] }];

export const gguf = (): readonly GgufFacet[] => [
  // Mistral and Mixtral come as Llama too; experts tell the latter.
  {
    architecture: 'llama',
    modelType: 'llama',
    alsoOf: ['yi', 'Yi', 'mistral', 'mixtral'],
    rope: 'interleaved',
    adapt: asMixture,
    block: mixtralRouting(),
  },
  { architecture: 'baichuan', modelType: 'baichuan' },
  { architecture: 'xverse', modelType: 'xverse' },
  { architecture: 'orion', modelType: 'orion' },
  { architecture: 'chameleon', modelType: 'chameleon' },
];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['aquila', 'xverse', 'skywork', 'llava_llama', 'open_llama'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
  },
  { modelTypes: ['baichuan'] },
  { modelTypes: ['csm', 'emu3_text_model'], bias: flag('attention_bias'), mlpBias: flag('mlp_bias') },
  {
    modelTypes: ['cosmos3_edge_text'],
    tied: false,
    plain: true,
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
  },
  { modelTypes: ['diffllama'], bias: flag('attention_bias'), extra: lambdas },
  { modelTypes: ['muse_glimmer_text'], gate: 'wide', norms: 4 },
  { modelTypes: ['orion'], normBias: true },
  { modelTypes: ['nanochat'], bias: flag('attention_bias'), plain: true, norms: 0, finalNorms: 0 },
  {
    modelTypes: ['chameleon'],
    bias: flag('attention_bias'),
    mlpBias: flag('mlp_bias'),
    qkNorm: 'wide',
    qkNormBias: true,
  },
];

/** T:diffllama: four vectors a layer weigh the two softmaxes. */
function lambdas(_config: ConfigReader, tally: Tally, layerViews: readonly LayerView[]): void {
  for (const { attention, index } of layerViews) {
    if (!('keyDim' in attention)) continue;
    tally.place = index;
    tally.add('attention', 4 * attention.keyDim, 'lambdas');
  }
  tally.place = null;
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['muse_glimmer_text'],
    cite: 'transformers 5.18 modeling_muse_glimmer.py MuseGlimmerTextDecoderLayer',
    norms: 'four',
    norm: { weight: 'plus-one' },
    positions: 'unsaid',
  },
  {
    modelTypes: ['diffllama'],
    cite: 'transformers 5.18 modeling_diffllama.py DiffLlamaAttention',
    says: ['From what one half of the heads gives, λ × that of the other half is subtracted; an RMSNorm follows.'],
  },
  {
    modelTypes: ['nanochat'],
    cite: 'transformers 5.18 modeling_nanochat.py: norms without weights',
    norm: { weight: 'none' },
    activation: 'relu2',
    headNormLast: true,
  },
  {
    modelTypes: ['aquila', 'xverse', 'skywork', 'llava_llama', 'open_llama', 'csm', 'emu3_text_model'],
    cite: 'transformers 5.18 modeling_llama.py, and those that follow it',
  },
  {
    modelTypes: ['baichuan'],
    cite: "baichuan-inc's modeling_baichuan.py: RoPE in the 7B models and ALiBi in the 13B ones, which no key says",
    positions: 'unsaid',
  },
  {
    modelTypes: ['orion'],
    cite: "OrionStarAI's modeling_orion.py: as Llama, with LayerNorm",
    norm: { kind: 'layer' },
  },
  {
    modelTypes: ['chameleon'],
    cite: 'transformers 5.18 modeling_chameleon.py: ChameleonSwinDecoderLayer (swin_norm) norms what the branches give; LayerNorm of Q and K with weights for each head',
    norms: (config) => (config.on('swin_norm') ? 'output' : 'pre'),
    headNorm: { kind: 'layer' },
    headNormExtent: 'head-own',
  },
];
