import type { Family } from '../family';
import { HIDDEN_KEYS, missing } from '../heads';
import { decoderLayers } from '../layers';
import type { ConfigReader } from '../reader';
import { type recurrentDraft, shortConvState } from '../states';

function conv(reader: ConfigReader): ReturnType<typeof recurrentDraft> {
  const channels = reader.integer(HIDDEN_KEYS);
  const width = reader.integer(['conv_L_cache']);
  if (!channels || !width) {
    missing(reader, 'conv_L_cache', 'conv_L_cache');
    return null;
  }
  const { state, sources } = shortConvState(channels, width);
  return { attention: { kind: 'conv', state }, sources };
}

/** LFM2: short convolutions, and attention where `layer_types` or `full_attn_idxs` says so. */
export const lfm2: Family = {
  id: 'lfm2',
  modelTypes: ['lfm2', 'lfm2_moe'],
  cite: 'transformers 5.18 models/lfm2/configuration_lfm2.py (layer_types from full_attn_idxs), Lfm2ShortConv',
  read: (reader) => {
    reader.consult(['conv_dim', 'conv_dim_out', 'full_attn_idxs', 'num_heads']);
    const listed = reader.list(['full_attn_idxs']);
    const full = listed && new Set(listed.value);
    return {
      layers: decoderLayers(reader, {
        layerKeys: ['num_hidden_layers'],
        headKeys: ['num_attention_heads'],
        headDimKeys: ['head_dim'],
        kindAt: (index) => (!full || full.has(index) ? 'full' : 'conv'),
        ...(full ? { patternKey: 'full_attn_idxs' } : {}),
        makers: { conv: () => conv(reader) },
      }),
    };
  },
};
