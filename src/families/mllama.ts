/** Llama 3.2 Vision: the layers in `cross_attention_layers` attend to image tokens and cache no text. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { LayerView } from './counted/facet';
import type { Tally } from './counted/tally';
import type { ArrangementsFacet, CountsFacet, LayersFacet } from './facets';
import { fullDraft, withLayerSource } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';

/** The class's default for `cross_attention_layers`. */
const CLASS_LAYERS: readonly number[] = [3, 8, 13, 18, 23, 28, 33, 38];

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'mllama',
    modelTypes: ['mllama_text_model'],
    cite: 'transformers 5.18 models/mllama/configuration_mllama.py and MllamaTextCrossAttention; counted for text alone',
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader, { headDimKeys: [] });
      const listed = reader.indexes(['cross_attention_layers']);
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
  },
];

export const counts = (): readonly CountsFacet[] => [
  { modelTypes: ['mllama_text_model'], tied: false, extra: imageParts },
];

/** T:mllama: a cross-attention layer has norms of queries and keys, and two gates; the input embedding has eight rows for image tokens. */
function imageParts(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  for (const { attention, index } of layers) {
    if (attention.kind !== 'cross') continue;
    tally.place = index;
    tally.addNamed('attention', [
      ['q_norm', attention.keyDim],
      ['k_norm', attention.keyDim],
      ['branch_gates', 2],
    ]);
  }
  tally.place = null;
  tally.add('embedding', 8 * config.size(HIDDEN_KEYS));
  tally.lookup += 8 * config.size(HIDDEN_KEYS);
}

export const arrangements = (): readonly ArrangementsFacet[] => [
  {
    modelTypes: ['mllama_text_model'],
    cite: 'transformers 5.18 modeling_mllama.py: each branch of a cross-attention layer × tanh of a learned gate',
    positions: (_config, { kind }) => (kind === 'cross' ? 'none' : 'rope'),
  },
];
