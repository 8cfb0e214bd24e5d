/** For unknown families: reads the common key names, and marks every layer as assumed. */

import type { FamilyReading, LayerDraft } from '../facets';
import { HEAD_DIM_KEYS, KV_HEAD_KEYS } from '../../config/spellings';
import { latentLayout, layerCount, missing } from './headLayout';
import { decoderLayers, repeat, slidingWindow, unknownDraft, withLayerSource } from './decoder';
import type { ConfigReader } from '../../config/reader';
import { telltales } from './telltales';

/** Keys that common decoders use and that are read below. */
const COMMON_KEYS = [
  'layer_types',
  'sliding_window',
  'use_sliding_window',
  'max_window_layers',
  'attention_chunk_size',
  ...KV_HEAD_KEYS,
  ...HEAD_DIM_KEYS,
];
// biome-ignore format: names fill their lines
const LATENT_KEYS = [
  'kv_lora_rank', 'q_lora_rank', 'qk_rope_head_dim', 'qk_nope_head_dim', 'qk_head_dim', 'v_head_dim',
];

export function genericDecoder(reader: ConfigReader, modelType: string): FamilyReading {
  const name = modelType === '' ? 'no model_type' : `model_type "${modelType.slice(0, 60)}" is not known`;
  const count = layerCount(reader);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    reader.log.note(name, true);
    return { layers: [] };
  }
  reader.consult(COMMON_KEYS);
  if (reader.hasValue('kv_lora_rank')) reader.consult(LATENT_KEYS);
  const [telltale] = telltales(reader);
  if (telltale !== undefined) {
    reader.log.note(
      `${name}, and ${telltale} says that its layers differ: none is counted`,
      true,
      reader.pathOf(telltale),
    );
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
