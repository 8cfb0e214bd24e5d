import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** Llama 4: layers with rotary positions see their own chunk, those without (every fourth) see everything. */
export const llama4: Family = {
  id: 'llama4',
  modelTypes: ['llama4_text'],
  cite: 'transformers 5.18 models/llama4/configuration_llama4.py: no_rope_layers [] or absent = (i + 1) % 4 != 0; chunk 8192 where absent',
  read: (reader) => {
    const listed = reader.list(['no_rope_layers'])?.value ?? [];
    const interval = reader.integer(['no_rope_layer_interval'])?.value ?? 4;
    const hasRope = (index: number): boolean =>
      listed.length > 0 ? listed[index] !== 0 : (index + 1) % interval !== 0;
    return {
      layers: decoderLayers(reader, {
        kindAt: (index) => (hasRope(index) ? 'chunked' : 'full'),
        patternKey: 'no_rope_layers',
        chunk: (from) => from.integer(['attention_chunk_size']),
      }),
    };
  },
};
