import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** gpt-oss: even layers slide (128 tokens), odd ones see everything; a learned sink per head stores nothing. */
export const gptOss: Family = {
  id: 'gpt_oss',
  modelTypes: ['gpt_oss'],
  cite: 'transformers 5.18 models/gpt_oss/configuration_gpt_oss.py: sliding where (i + 1) % 2, head_dim 64',
  read: (reader) => ({
    layers: decoderLayers(reader, { window: slidingWindow, kindAt: (index) => (index % 2 === 0 ? 'sliding' : 'full') }),
  }),
};
