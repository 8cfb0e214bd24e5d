import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** Decoders that keep every token in every layer and use the common key names. */
export const llama: Family = {
  id: 'llama',
  modelTypes: [
    'llama',
    'yi',
    'Yi',
    'aquila',
    'baichuan',
    'internlm',
    'internlm2',
    'internlm3',
    'xverse',
    'skywork',
    'orion',
    'minicpm',
    'olmo',
    'olmo2',
    'olmoe',
    'flex_olmo',
    'cohere',
    'stablelm',
    'stablelm_epoch',
    'persimmon',
    'nemotron',
    'helium',
    'arcee',
    'ernie4_5',
    'ernie4_5_moe',
    'ernie4_5_vl_moe_text',
    'diffllama',
    'glm',
    'glm4',
    'glm4_moe',
    'glm4v_text',
    'glm4v_moe_text',
    'glm_image_text',
    'glm_ocr_text',
    'deepseek',
    'apertus',
    'csm',
    'emu3_text_model',
    'aria_text',
    'bitnet',
    'hyperclovax',
    'jais2',
    'solar_open',
    'nanochat',
    'paddleocr_vl_text',
    'chameleon',
    'evolla',
    'EvollaModel',
    'higgs_audio_v2',
    'telechat2',
    'telechat3',
    'exaone',
    'llava_llama',
    'panguembedded',
    'PanguEmbedded',
    'open_llama',
    'granite4_vision_text',
    'cosmos3_edge_text',
    'hy_v3',
    'qwen3_vl_text',
    'qwen3_vl_moe_text',
    'grok-1',
    'grok',
    'internlmxcomposer2',
    'zhinao',
  ],
  cite: 'transformers 5.18 src/transformers/models/llama/configuration_llama.py and the classes that follow it',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) }),
};

/** DeepSeek-OCR 2: the head width is always hidden ÷ heads, whatever `head_dim` says. */
export const dividedHeads: Family = {
  id: 'divided-heads',
  modelTypes: ['deepseek_ocr2_text'],
  cite: 'transformers 5.18 models/deepseek_ocr2/configuration_deepseek_ocr2.py __post_init__',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) }),
};

/** Decoders whose class takes `layer_types` as it stands, and has full attention everywhere without it. */
export const listedLayers: Family = {
  id: 'listed-layers',
  modelTypes: ['laguna', 'mellum', 'seed_oss', 'csm_depth_decoder_model', 'muse_glimmer_text', 'cwm'],
  cite: 'transformers 5.18 models/laguna, mellum, muse_glimmer, cwm: __post_init__',
  read: (reader, modelType) => {
    reader.consult(['num_attention_heads_per_layer']);
    return {
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index, count) => {
          if (modelType === 'muse_glimmer_text') return (count - 1 - index) % 4 === 0 ? 'full' : 'sliding';
          return modelType === 'cwm' && index % 4 !== 0 ? 'sliding' : 'full';
        },
      }),
    };
  },
};
