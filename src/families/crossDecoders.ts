/** Decoders of encoder-decoder models, read without an encoder: TrOCR, MusicGen. With one they get cross layers. */

import type { LayersFacet } from './facets';
import { DECODER_HEAD_OPTIONS, DECODER_LAYERS } from './kit/crossLayers';
import { fullDraft, repeat, withSources } from './kit/decoder';
import { headLayout, layerCount } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'cross-decoder',
    modelTypes: ['trocr', 'musicgen_decoder'],
    cite: 'transformers 5.18 models/trocr, models/musicgen MusicgenDecoderLayer',
    read: (reader) => {
      const heads = headLayout(reader, DECODER_HEAD_OPTIONS);
      const count = layerCount(reader, [...DECODER_LAYERS, 'num_hidden_layers']);
      return {
        layers: count && heads ? withSources(repeat(fullDraft(heads), count.value), { layers: count.source }) : [],
      };
    },
  },
];
