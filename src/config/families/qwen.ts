import type { Family } from '../family';
import { type ConfigReader } from '../reader';
import { decoderLayers, slidingWindow } from '../layers';
import type { Sourced } from '../../model/spec';

/** The window counts only with `use_sliding_window: true`, and then from layer `max_window_layers` on. */
function qwenWindow(reader: ConfigReader): Sourced<number> | null {
  reader.consult(['sliding_window', 'max_window_layers']);
  return reader.flag(['use_sliding_window'], false) ? slidingWindow(reader) : null;
}

/** Qwen 1.5 to 3: a `sliding_window` that is written but switched off means full attention. */
export const qwen: Family = {
  id: 'qwen',
  modelTypes: [
    'qwen2',
    'qwen2_vl_text',
    'qwen2_5_vl_text',
    'qwen2_5_omni_text',
    'qwen2_5_omni_talker',
    'qwen3',
    'mimo',
    'dots1',
    'dots_ocr',
    'llava_qwen',
    'qwen3_omni_moe_talker_code_predictor',
  ],
  cite: 'transformers 5.18 models/qwen2/configuration_qwen2.py: layer_types from use_sliding_window and max_window_layers',
  read: (reader, modelType) => {
    // dots1 and the Omni code predictor have no use_sliding_window: their window counts wherever it stands.
    const window =
      modelType === 'dots1' || modelType === 'qwen3_omni_moe_talker_code_predictor'
        ? slidingWindow(reader)
        : qwenWindow(reader);
    const firstSliding = reader.integer(['max_window_layers'], 0)?.value ?? 28;
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        kindAt: (index) => (window && index >= firstSliding ? 'sliding' : 'full'),
        ...(window ? { patternKey: 'max_window_layers' } : {}),
      }),
    };
  },
};

/** Qwen1.5-MoE and Qwen2-MoE: with the window on, EVEN layers BELOW `max_window_layers` slide. */
export const qwenMoe: Family = {
  id: 'qwen-moe',
  modelTypes: ['qwen2_moe'],
  cite: 'transformers 5.18 models/qwen2_moe/configuration_qwen2_moe.py __post_init__',
  read: (reader) => {
    const window = qwenWindow(reader);
    const firstFull = reader.integer(['max_window_layers'], 0)?.value ?? 28;
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        kindAt: (index) => (window && index % 2 === 0 && index < firstFull ? 'sliding' : 'full'),
      }),
    };
  },
};

/** Qwen3-MoE: with the window on, all layers slide; `max_window_layers` is not asked. */
export const qwenMoeEveryLayer: Family = {
  id: 'qwen3-moe',
  modelTypes: ['qwen3_moe', 'qwen3_omni_moe_text', 'qwen3_omni_moe_talker_text'],
  cite: 'transformers 5.18 models/qwen3_moe/configuration_qwen3_moe.py',
  read: (reader, modelType) => {
    const window = modelType === 'qwen3_moe' ? qwenWindow(reader) : slidingWindow(reader);
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        layerTypes: false,
        kindAt: () => (window ? 'sliding' : 'full'),
      }),
    };
  },
};

/** The first Qwen: every head has its own K and V; `kv_channels` is their width. */
export const qwen1: Family = {
  id: 'qwen-1',
  modelTypes: ['qwen'],
  cite: 'Qwen/Qwen-7B modeling_qwen.py QWenAttention',
  read: (reader) => ({
    layers: decoderLayers(reader, { layerTypes: false, kvKeys: [], headDimKeys: ['kv_channels'] }),
  }),
};
