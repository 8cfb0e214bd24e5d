import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** One window for all layers when `sliding_window` is a number; absent means the class default, null means none. */
export const mistral: Family = {
  id: 'mistral',
  modelTypes: [
    'mistral',
    'mixtral',
    'ministral3',
    'starcoder2',
    'phi3',
    'phi4_multimodal',
    'phi4mm',
    'phi3_v',
    'phimoe',
    'moshi',
    'voxtral_realtime_text',
    'llava_mistral',
    'doge',
  ],
  cite: 'transformers 5.18 models/mistral/configuration_mistral.py (sliding_window = 4096 where absent); mixtral, starcoder2, phi3: None',
  read: (reader) => {
    const window = slidingWindow(reader);
    reader.consult(['keep_window_size', 'full_attn_mod']);
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        layerTypes: false,
        kindAt: () => (window ? 'sliding' : 'full'),
        patternKey: 'sliding_window',
      }),
    };
  },
};

/** As Mistral, but with `layer_types`. */
export const ministral: Family = {
  id: 'ministral',
  modelTypes: ['ministral'],
  cite: 'transformers 5.18 models/ministral/configuration_ministral.py',
  read: (reader) => {
    const window = slidingWindow(reader);
    return { layers: decoderLayers(reader, { window: () => window, kindAt: () => (window ? 'sliding' : 'full') }) };
  },
};
