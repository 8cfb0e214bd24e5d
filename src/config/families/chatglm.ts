import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** ChatGLM 2 and 3, GLM-4 in its own code: `multi_query_group_num` counts only with `multi_query_attention`. */
export const chatglm: Family = {
  id: 'chatglm',
  modelTypes: ['chatglm'],
  cite: 'THUDM/chatglm2-6b modeling_chatglm.py SelfAttention; vLLM model_executor/models/chatglm.py',
  read: (reader) => {
    reader.consult(['multi_query_group_num']);
    const grouped = reader.flag(['multi_query_attention'], false);
    return {
      layers: decoderLayers(reader, {
        layerTypes: false,
        layerKeys: ['num_layers', 'num_hidden_layers'],
        headDimKeys: ['kv_channels'],
        kvKeys: grouped ? ['multi_query_group_num'] : [],
      }),
    };
  },
};
