import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** Arcee's Trinity: sliding layers, every n-th full. */
export const afmoe: Family = {
  id: 'afmoe',
  modelTypes: ['afmoe'],
  cite: 'transformers 5.18 models/afmoe/configuration_afmoe.py: full where (i + 1) % global_attn_every_n_layers == 0',
  read: (reader) => {
    const period = reader.integer(['global_attn_every_n_layers'])?.value ?? 4;
    return {
      layers: decoderLayers(reader, {
        window: slidingWindow,
        kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
        patternKey: 'global_attn_every_n_layers',
      }),
    };
  },
};
