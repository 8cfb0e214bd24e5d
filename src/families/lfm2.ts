/** LFM2: short convolutions, and attention where `layer_types` or `full_attn_idxs` says so. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import { afterDense, narrow } from './counted/experts';
import { ratio } from './counted/switches';
import type { ArrangementsFacet, CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { decoderLayers, slidingWindow } from './kit/decoder';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import { ggufKvHeads, ggufLayers } from './kit/ggufStates';
import { missing } from './kit/headLayout';
import { shortConvState } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'lfm2',
    modelTypes: ['lfm2', 'lfm2_moe'],
    cite: 'transformers 5.18 models/lfm2/configuration_lfm2.py (layer_types from full_attn_idxs), Lfm2ShortConv',
    llamacpp: { keepsDraftStates: true, windows: true },
    read: (reader) => {
      reader.consult(['conv_dim', 'conv_dim_out', 'conv_L_cache', 'full_attn_idxs', 'num_heads']);
      const listed = reader.indexes(['full_attn_idxs']);
      const full = listed && new Set(listed.value);
      return {
        layers: decoderLayers(reader, {
          layerKeys: ['num_hidden_layers'],
          headKeys: ['num_attention_heads'],
          headDimKeys: ['head_dim'],
          kindAt: (index) => (!full || full.has(index) ? 'full' : 'conv'),
          window: slidingWindow,
          ...(full ? { patternKey: 'full_attn_idxs' } : {}),
          makers: { conv: () => conv(reader) },
        }),
      };
    },
  },
];

function conv(reader: ConfigReader): LayerDraft | null {
  const channels = reader.integer(HIDDEN_KEYS);
  const width = reader.integer(['conv_L_cache']);
  if (!channels || !width) {
    missing(reader, 'conv_L_cache', 'conv_L_cache');
    return null;
  }
  const { state, sources } = shortConvState(channels, width);
  return { attention: { kind: 'conv', state }, sources };
}

export const gguf = (): readonly GgufFacet[] => [
  { architecture: 'lfm2', modelType: 'lfm2', adapt: adaptKinds },
  { architecture: 'lfm2moe', modelType: 'lfm2_moe', adapt: adaptKinds },
];

/** Layers without KV heads are convolutions; the others slide where the file has a window (models/lfm2.cpp). */
function adaptKinds(config: GgufConfig, source: GgufSource): void {
  const kvAt = ggufKvHeads(source);
  const attention = (source.number('attention.sliding_window') ?? 0) > 0 ? 'sliding_attention' : 'full_attention';
  const kinds = ggufLayers(source, (index) => {
    const kvHeads = kvAt(index);
    return kvHeads === undefined ? undefined : kvHeads === 0 ? 'conv' : attention;
  });
  if (kinds !== undefined) config['layer_types'] = kinds;
}

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['lfm2'], qkNorm: 'head', width: feedForwardWidth },
  { modelTypes: ['lfm2_moe'], qkNorm: 'head', experts: { ...narrow, sparse: afterDense('num_dense_layers', 2) } },
];

/** T:lfm2 Lfm2MLP: two thirds of the given width, rounded up to a multiple, unless the config says that it is final. */
function feedForwardWidth(config: ConfigReader): number {
  const width = config.size(['block_ff_dim', 'intermediate_size']);
  if (!config.flag(['block_auto_adjust_ff_dim'], true)) return width;
  const multiple = config.size('block_multiple_of', 256);
  const scaled = Math.trunc(ratio(config, 'block_ffn_dim_multiplier', 1) * Math.trunc((2 * width) / 3));
  return multiple * Math.ceil(scaled / multiple);
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['lfm2'],
    cite: 'transformers 5.18 modeling_lfm2.py Lfm2DecoderLayer',
    activation: 'silu',
  },
  {
    modelTypes: ['lfm2_moe'],
    cite: 'transformers 5.18 modeling_lfm2_moe.py Lfm2MoeTopKRouter',
    activation: 'silu',
    router: () => ({ scoring: 'sigmoid', correctionBias: true }),
  },
];
