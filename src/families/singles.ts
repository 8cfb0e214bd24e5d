/** Single models with the common decoder: nothing but their key names is their own. */

import type { ConfigReader } from '../config/reader';
import type { FamilyReading, LayersFacet } from './facets';
import { decoderLayers, plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'klear',
    modelTypes: ['Klear'],
    cite: 'mlx-lm models/Klear.py KlearAttention',
    read: plainDecoder,
  },
  {
    id: 'lille',
    modelTypes: ['lille-130m'],
    cite: 'mlx-lm models/lille-130m.py Lille130mAttention: n_head, n_kv_heads, n_embd ÷ n_head',
    read: (reader: ConfigReader): FamilyReading => ({
      layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [], kvKeys: ['n_kv_heads'] }),
    }),
  },
];
