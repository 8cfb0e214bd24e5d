import type { Family } from '../family';
import { decoderLayers, slidingWindow } from '../layers';

/** Granite 3: plain decoders. */
export const granite: Family = {
  id: 'granite',
  modelTypes: ['granite', 'granitemoe', 'granitemoeshared'],
  cite: 'transformers 5.18 models/granite/configuration_granite.py',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) }),
};

/** Granite with windows: a full layer, then three sliding ones. */
export const graniteSwa: Family = {
  id: 'granite-swa',
  modelTypes: ['granite_swa', 'granitemoe_swa'],
  cite: 'transformers 5.18 models/granite_swa/configuration_granite_swa.py: full where i % 4 == 0',
  read: (reader) => ({
    layers: decoderLayers(reader, { window: slidingWindow, kindAt: (index) => (index % 4 === 0 ? 'full' : 'sliding') }),
  }),
};
