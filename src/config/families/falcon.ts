import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** `num_kv_heads` counts only in the new decoder architecture or without `multi_query`; else there is one KV head. */
export const falcon: Family = {
  id: 'falcon',
  modelTypes: ['falcon', 'RefinedWeb', 'RefinedWebModel'],
  cite: 'transformers 5.18 models/falcon/modeling_falcon.py FalconAttention.__init__',
  read: (reader, modelType) => {
    reader.consult(['num_kv_heads', 'n_head_kv']);
    // The first Falcon-40B files say so by their type and count the KV heads under n_head_kv.
    const newArchitecture = reader.flag(['new_decoder_architecture'], modelType === 'RefinedWeb');
    const multiQuery = reader.flag(['multi_query'], true);
    const single = multiQuery && !newArchitecture;
    return {
      layers: decoderLayers(reader, {
        layerTypes: false,
        headDimKeys: [],
        kvKeys: single ? [] : ['num_kv_heads', 'n_head_kv'],
        ...(single
          ? {
              kvHeads: {
                value: 1,
                rule: 'multi_query without new_decoder_architecture: one K and V head',
                key: 'multi_query',
              },
            }
          : {}),
      }),
    };
  },
};
