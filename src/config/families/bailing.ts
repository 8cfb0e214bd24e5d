import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** Ling and Ring: plain grouped attention. */
export const bailing: Family = {
  id: 'bailing',
  modelTypes: ['bailing_moe', 'bailing_moe_v2'],
  cite: 'inclusionAI/Ling-lite modeling_bailing_moe.py; vLLM model_executor/models/bailing_moe.py',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) }),
};
