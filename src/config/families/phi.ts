import type { Family } from '../family';
import { decoderLayers } from '../layers';

/** Phi-3-small: block-sparse attention in most layers, but every layer keeps all tokens. */
export const phi3Small: Family = {
  id: 'phi3-small',
  modelTypes: ['phi3small'],
  cite: 'microsoft/Phi-3-small-8k-instruct modeling_phi3_small.py Phi3SmallSelfAttention; vLLM model_executor/models/phi3_small.py',
  read: (reader) => {
    reader.consult([
      'dense_attention_every_n_layers',
      'blocksparse_block_size',
      'blocksparse_num_local_blocks',
      'blocksparse_vert_stride',
      'blocksparse_homo_head_pattern',
    ]);
    return { layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [] }) };
  },
};

/** Phi-1, 1.5 and 2. */
export const phi: Family = {
  id: 'phi',
  modelTypes: ['phi'],
  cite: 'transformers 5.18 models/phi/modeling_phi.py PhiAttention',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) }),
};

/** Phi-1 and 2 in their first code: `n_head_kv: null` means one KV head per head. */
export const phiMsft: Family = {
  id: 'phi-msft',
  modelTypes: ['phi-msft', 'mixformer-sequential'],
  cite: 'microsoft/phi-2 configuration_phi.py of 2023: n_layer, n_head, n_head_kv',
  read: (reader) => ({
    layers: decoderLayers(reader, { layerTypes: false, headDimKeys: [], kvKeys: ['n_head_kv', 'num_key_value_heads'] }),
  }),
};
