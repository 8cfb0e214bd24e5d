/** Qwen 1 to 3, dense, with the text parts of Qwen-VL and Omni, and the models that kept Qwen's block (MiMo, dots.ocr). */

import type { ConfigReader } from '../config/reader';
import type { Sourced } from '../model/spec';
import type {
  ArrangementsFacet,
  BlocksFacet,
  CountsFacet,
  FamilyReading,
  GgufFacet,
  LayersFacet,
  NamesFacet,
} from './facets';
import { biases, llamaBlocks } from './kit/blocks';
import { decoderLayers, plainDecoder, slidingWindow } from './kit/decoder';
import type { GgufConfig } from './kit/ggufMetadata';
import { headNorm, rmsNorm } from './kit/parts';
import { sectioned } from './kit/ggufBlocks';

/** The window counts only with `use_sliding_window: true`, and then from layer `max_window_layers` on. */
export function qwenWindow(reader: ConfigReader): Sourced<number> | null {
  reader.consult(['sliding_window', 'max_window_layers']);
  return reader.flag(['use_sliding_window'], false) ? slidingWindow(reader) : null;
}

/** Sliding from layer `max_window_layers` on, where there is a window. */
export function fromWindowLayer(reader: ConfigReader, window: Sourced<number> | null): FamilyReading {
  const firstSliding = reader.integer(['max_window_layers'], 0)?.value ?? 28;
  return {
    layers: decoderLayers(reader, {
      window: () => window,
      kindAt: (index) => (window && index >= firstSliding ? 'sliding' : 'full'),
      ...(window ? { patternKey: 'max_window_layers' } : {}),
    }),
  };
}

export const layers = (): readonly LayersFacet[] => [
  {
    // A `sliding_window` that is present but switched off means full attention.
    id: 'qwen',
    // biome-ignore format: names fill their lines
    modelTypes: [
      'qwen2', 'qwen2_vl_text', 'qwen2_5_vl_text', 'qwen2_5_omni_text', 'qwen2_5_omni_talker', 'qwen3', 'mimo',
      'dots_ocr', 'llava_qwen',
    ],
    cite: 'transformers 5.18 models/qwen2/configuration_qwen2.py: layer_types from use_sliding_window and max_window_layers',
    llamacpp: { windows: false },
    read: (reader) => fromWindowLayer(reader, qwenWindow(reader)),
  },
  {
    // No use_sliding_window: the window counts wherever it stands.
    id: 'qwen3-omni-code-predictor',
    modelTypes: ['qwen3_omni_moe_talker_code_predictor'],
    cite: 'transformers 5.18 models/qwen3_omni_moe/configuration_qwen3_omni_moe.py',
    read: (reader) => fromWindowLayer(reader, slidingWindow(reader)),
  },
  {
    // Full attention whatever the window says.
    id: 'qwen3-vl',
    modelTypes: ['qwen3_vl_text'],
    cite: 'transformers 5.18 models/qwen3_vl/configuration_qwen3_vl.py',
    read: plainDecoder,
  },
  {
    // Diffusion in blocks: finished blocks are cached as by Qwen 3.
    id: 'sdar',
    modelTypes: ['sdar', 'sdar_moe', 'qwen3_asr_text'],
    cite: 'SGLang 0.5.15 models/sdar.py and sdar_moe.py; vLLM transformers_utils/configs/qwen3_asr.py',
    read: plainDecoder,
  },
  {
    // The first Qwen: every head has its own K and V; `kv_channels` is their width.
    id: 'qwen-1',
    modelTypes: ['qwen'],
    cite: 'Qwen/Qwen-7B modeling_qwen.py QWenAttention',
    read: (reader) => ({
      layers: decoderLayers(reader, { layerTypes: false, kvKeys: [], headDimKeys: ['kv_channels'] }),
    }),
  },
];

export const blocks = (): readonly BlocksFacet[] => [
  {
    // q, k and v always have biases, o never. The text part of Qwen-VL rotates text tokens as plain RoPE does.
    modelTypes: ['qwen2', 'qwen2_vl_text', 'qwen2_5_vl_text'],
    build: (input) => llamaBlocks(input, { attention: () => biases(true, false) }),
  },
  {
    // RMSNorm over each head of q and k.
    modelTypes: ['qwen3', 'qwen3_vl_text'],
    build: (input) => {
      const norm = headNorm(rmsNorm(input.config.need('rms_norm_eps')));
      return llamaBlocks(input, {
        attention: () => ({ ...biases(input.config.on('attention_bias')), queryNorm: norm, keyNorm: norm }),
      });
    },
  },
];

export const names = (): readonly NamesFacet[] => [
  {
    modelTypes: ['qwen2', 'qwen2_vl_text', 'qwen2_5_vl_text', 'qwen3', 'qwen3_vl_text'],
  },
];

/** The converter drops the switch, and with it the window, which no published file turns on. */
export function withoutWindow(config: GgufConfig): void {
  config['use_sliding_window'] = false;
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'qwen', modelType: 'qwen' },
  { architecture: 'qwen2', modelType: 'qwen2', rope: 'half', adapt: withoutWindow },
  {
    architecture: 'qwen2vl',
    modelType: 'qwen2_vl_text',
    alsoOf: ['qwen2_5_vl_text'],
    rope: 'half',
    block: sectioned(false),
  },
  { architecture: 'qwen3vl', modelType: 'qwen3_vl_text', rope: 'half', block: sectioned(true) },
  { architecture: 'qwen3', modelType: 'qwen3', rope: 'half', adapt: withoutWindow },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['qwen2_5_omni_text', 'mimo', 'dots_ocr', 'llava_qwen'], bias: true, outBias: false },
  // In the first Qwen, gate and up are each half of intermediate_size wide.
  { modelTypes: ['qwen'], bias: true, outBias: false, width: (config) => config.size('intermediate_size') / 2 },
];

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['qwen2_5_omni_text', 'mimo', 'dots_ocr', 'llava_qwen'],
    cite: "transformers 5.18 modeling_qwen2.py, XiaomiMiMo's modeling_mimo.py",
  },
  { modelTypes: ['qwen'], cite: "Qwen's modeling_qwen.py: SwiGLU", activation: 'silu', positions: 1 },
];
