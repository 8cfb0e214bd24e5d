import type { Family, LayerDraft } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, repeat, sharedDraft, withLayerSource } from '../layers';

/** Hunyuan: with `use_cla`, only every n-th layer makes K and V, and the next ones read them. `cla_share_factor` alone means nothing. */
export const hunyuan: Family = {
  id: 'hunyuan',
  modelTypes: ['hunyuan', 'hunyuan_v1_dense', 'hunyuan_v1_moe', 'hunyuan_vl_text', 'hunyuan_moe', 'hunyuan_dense'],
  cite: 'vLLM model_executor/models/hunyuan_v1.py (cla_factor = cla_share_factor if use_cla else 1); transformers 5.18 models/hunyuan_v1_dense',
  read: (reader) => {
    const count = layerCount(reader);
    const heads = headLayout(reader, { headDimKeys: ['head_dim', 'attention_head_dim'] });
    if (!count || !heads) {
      if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    reader.consult(['cla_share_factor', 'use_mla']);
    if (reader.flag(['use_mla'], false))
      reader.log.note('use_mla is true: latent attention of this family is not known', true, reader.pathOf('use_mla'));
    const factor = reader.flag(['use_cla'], false) ? (reader.integer(['cla_share_factor'])?.value ?? 1) : 1;
    const full = fullDraft(heads);
    if (factor === 1) return { layers: withLayerSource(repeat(full, count.value), count.source) };
    const source = reader.source('cla_share_factor');
    const layers: LayerDraft[] = [];
    for (let first = 0; first < count.value; first += factor) {
      const shared = sharedDraft(heads.layout, first, { ...heads.sources, sharedWith: source, kind: source });
      for (let index = first; index < Math.min(first + factor, count.value); index++)
        layers.push(index === first ? full : shared);
    }
    return { layers: withLayerSource(layers, count.source) };
  },
};
