/** Snowflake Arctic: grouped attention, experts beside a dense feed-forward. */

import type { LayersFacet } from './facets';
import { plainDecoder } from './kit/decoder';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'arctic',
    modelTypes: ['arctic'],
    cite: 'vLLM model_executor/models/arctic.py ArcticAttention: hidden size ÷ heads wide, no window',
    read: plainDecoder,
  },
];
