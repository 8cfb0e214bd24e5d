/** Baichuan-M1: the layers of a list slide, and each layer mixes a key and a value with the ones before. */

import type { Sourced } from '../model/spec';
import type { LayerDraft, LayersFacet } from './facets';
import { fullDraft, slidingDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'baichuan-m1',
    modelTypes: ['baichuan_m1'],
    cite: 'mlx-lm models/baichuan_m1.py Attention (num_swa_attention_heads, num_swa_key_value_heads, _custom_convolution), make_cache',
    read: (reader) => {
      const count = layerCount(reader);
      const full = headLayout(reader, { headDimKeys: [] });
      const sliding = headLayout(reader, {
        headDimKeys: [],
        headKeys: ['num_swa_attention_heads', 'num_attention_heads'],
        kvKeys: ['num_swa_key_value_heads', 'num_key_value_heads'],
      });
      const listed = reader.indexes(['sliding_window_layers']);
      const window = reader.integer(['sliding_window']);
      const kernel = reader.integer(['conv_window']);
      if (!count || !full || !sliding || !listed || !window || !kernel) {
        missing(reader, 'sliding_window_layers, sliding_window and conv_window', 'sliding_window_layers');
        return { layers: [] };
      }
      const fullLayer = mixed(fullDraft(full), full, kernel);
      const slidingLayer = mixed(slidingDraft(sliding, window), sliding, kernel);
      const drafts = Array.from({ length: count.value }, (_, index) =>
        listed.value.includes(index) ? slidingLayer : fullLayer,
      );
      return { layers: withSources(drafts, { layers: count.source, kind: listed.source }) };
    },
  },
];

/** A layer that also keeps the last keys and values as they were before they were mixed. */
function mixed(draft: LayerDraft, { layout }: SourcedLayout, kernel: Sourced<number>): LayerDraft {
  const channels = layout.kvHeads * (layout.keyDim + layout.valueDim);
  const width = kernel.value - 1;
  return {
    ...draft,
    parallelState: {
      flavour: 'short-conv',
      conv: { channels, width, engineWidth: width },
      recurrentElements: 0,
      recurrentDtype: 'cache',
      heads: layout.kvHeads,
    },
    sources: {
      ...draft.sources,
      conv: { ...kernel.source, rule: `${channels} channels × (window ${kernel.value} − 1)` },
    },
  };
}
