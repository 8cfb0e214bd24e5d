/** DeepSeek-V4.1: a window in every layer; only the source layers keep compressed entries, and the others read theirs. */

import { consultDecoys } from './deepseek';
import { compressed, partsOf, slidingEntry } from './deepseekV4';
import type { LayerDraft, LayersFacet } from './facets';
import { unknownDraft, withSources } from './kit/decoder';
import { layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'deepseek-v4.1',
    modelTypes: ['deepseek_v41_text', 'deepseek_v41'],
    cite: 'transformers 0a2080b43e models/deepseek_v41/modular_deepseek_v41.py DeepseekV41CSACache (window, compressor and indexer entries; a partial group besides), DeepseekV41Indexer.owns_k: kv_source_layer_ids; compress_ratios',
    read: (reader) => {
      consultDecoys(reader);
      // biome-ignore format: names fill their lines
      reader.consult([
        'index_head_dim', 'index_n_heads', 'index_topk', 'num_key_value_heads', 'compress_rope_theta', 'q_lora_rank',
        'o_lora_rank', 'index_source_layer_ids', 'candidate_source_layer_id', 'candidate_topk_blocks',
        'engram_compressed_vocab_size',
      ]);
      const count = layerCount(reader);
      const parts = partsOf(reader);
      const ratios = reader.list(['compress_ratios']);
      const sources = reader.indexes(['kv_source_layer_ids']);
      if (!count || !parts || !ratios || !sources) {
        missing(reader, 'compress_ratios and kv_source_layer_ids', 'kv_source_layer_ids');
        return { layers: [] };
      }
      const window = slidingEntry(parts);
      const made = new Map<number, LayerDraft>();
      const drafts = Array.from({ length: count.value }, (_, index): LayerDraft => {
        const ratio = ratios.value[index];
        if (typeof ratio !== 'number' || !Number.isInteger(ratio) || ratio < 0)
          return unknownDraft('no compress ratio');
        const source = sources.value.includes(index);
        if (ratio > 0 && !source && !sources.value.some((entry) => typeof entry === 'number' && entry < index))
          return unknownDraft('compressed before the first source layer');
        if (!source) return window;
        if (ratio === 0) return unknownDraft('a source layer without a compress ratio');
        const draft =
          made.get(ratio) ??
          compressed(reader, parts, { value: ratio, source: ratios.source }, true) ??
          unknownDraft('compressed');
        made.set(ratio, draft);
        return draft;
      });
      const readers = ratios.value.slice(0, count.value).filter((ratio) => ratio !== 0).length - sources.value.length;
      reader.log.note(`${readers} layers read the compressed entries of a source layer and keep only a window`, false);
      return { layers: withSources(drafts, { layers: count.source, kind: sources.source }) };
    },
  },
];
