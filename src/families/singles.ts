/** Single models with the common decoder: nothing but the spelling of their keys is their own. */

import type { LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'singles',
    modelTypes: ['Klear', 'lille-130m'],
    cite: 'mlx-lm models/Klear.py KlearAttention; models/lille-130m.py Lille130mAttention (n_head, n_kv_heads, n_embd ÷ n_head)',
    read: plainDecoder,
  },
];
