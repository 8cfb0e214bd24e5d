/** A family that is not known: what common key names give is read, and every layer is marked as assumed. */

import type { FamilyReading, LayerDraft } from './family';
import { latentLayout, layerCount, missing } from './heads';
import { decoderLayers, repeat, slidingWindow, unknownDraft, withLayerSource } from './layers';
import type { ConfigReader } from './reader';

/** Keys that change what a layer caches in ways that only the family's code can tell. */
const TELLTALE_KEYS = [
  'layers_block_type',
  'hybrid_override_pattern',
  'hybrid_layer_pattern',
  'block_configs',
  'attn_type_list',
  'linear_attn_config',
  'full_attention_interval',
  'attn_layer_period',
  'compress_ratios',
  'cross_attention_layers',
  'num_kv_shared_layers',
  'use_cla',
  'ssm_cfg',
  'state_size',
  'mamba_d_state',
  'index_head_dim',
  'sparse_attention_config',
];

export function genericDecoder(reader: ConfigReader, modelType: string): FamilyReading {
  const name = modelType === '' ? 'no model_type' : `model_type "${modelType.slice(0, 60)}" is not known`;
  const count = layerCount(reader);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    reader.log.note(name, true);
    return { layers: [] };
  }
  const telltale = TELLTALE_KEYS.find((key) => reader.hasValue(key));
  if (telltale !== undefined) {
    reader.log.note(`${name}, and ${telltale} says that its layers differ: none is counted`, true, reader.pathOf(telltale));
    return { layers: repeat(unknownDraft(`${modelType || 'unknown family'} (${telltale})`), count.value) };
  }
  const latent = reader.hasValue('kv_lora_rank') ? latentLayout(reader) : null;
  const drafts: LayerDraft[] = latent
    ? withLayerSource(repeat(latent, count.value), count.source)
    : decoderLayers(reader, { window: slidingWindow, chunk: (from) => from.integer(['attention_chunk_size']) });
  reader.log.note(`${name}: its ${count.value} layers are assumed to follow the common key names`, true);
  return { layers: assumed(drafts) };
}

/** Marks drafts as assumed, keeping one object per kind. */
function assumed(drafts: readonly LayerDraft[]): LayerDraft[] {
  const made = new Map<LayerDraft, LayerDraft>();
  return drafts.map((draft) => {
    const marked = made.get(draft) ?? { ...draft, assumed: true };
    made.set(draft, marked);
    return marked;
  });
}
