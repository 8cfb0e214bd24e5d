import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** SmolLM3: the window is off unless `use_sliding_window`, and then layers without rotary positions slide. */
export const smollm3: Family = {
  id: 'smollm3',
  modelTypes: ['smollm3'],
  cite: 'transformers 5.18 models/smollm3/configuration_smollm3.py __post_init__',
  read: (reader) => {
    reader.consult(['sliding_window']);
    const window = reader.flag(['use_sliding_window'], false) ? slidingWindow(reader) : null;
    const rotary = reader.list(['no_rope_layers'])?.value ?? null;
    const interval = reader.integer(['no_rope_layer_interval'])?.value ?? 4;
    const hasRope = (index: number): boolean =>
      rotary && rotary.length > 0 ? rotary[index] === 1 : (index + 1) % interval !== 0;
    return {
      layers: decoderLayers(reader, {
        window: () => window,
        kindAt: (index) => (window && !hasRope(index) ? 'sliding' : 'full'),
      }),
    };
  },
};
