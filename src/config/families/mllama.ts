import type { Family } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, withLayerSource } from '../layers';

/** Cross-attention layers of the class. */
const CLASS_LAYERS: readonly number[] = [3, 8, 13, 18, 23, 28, 33, 38];

/** Llama 3.2 Vision: the layers in `cross_attention_layers` look at image tokens and cache nothing of the text. */
export const mllama: Family = {
  id: 'mllama',
  modelTypes: ['mllama_text_model'],
  cite: 'transformers 5.18 models/mllama/configuration_mllama.py and MllamaTextCrossAttention; counted for text alone',
  read: (reader) => {
    const count = layerCount(reader);
    const heads = headLayout(reader, { headDimKeys: [] });
    const listed = reader.list(['cross_attention_layers']);
    const cross = listed ?? {
      value: CLASS_LAYERS,
      source: reader.derived(`cross_attention_layers absent: ${CLASS_LAYERS.join(', ')}`),
    };
    if (!count || !heads) {
      missing(reader, 'the number of layers', 'num_hidden_layers');
      return { layers: [] };
    }
    const full = fullDraft(heads);
    const image = {
      attention: { kind: 'cross' as const, ...heads.layout, source: { tokens: 0 } },
      sources: { ...heads.sources, kind: cross.source },
    };
    reader.log.note(
      'cross-attention layers are counted without images: an image adds its tokens to each of them',
      false,
      reader.pathOf('cross_attention_layers'),
    );
    const indexes = new Set<unknown>(cross.value);
    return {
      layers: withLayerSource(
        Array.from({ length: count.value }, (_, index) => (indexes.has(index) ? image : full)),
        count.source,
      ),
    };
  },
};
