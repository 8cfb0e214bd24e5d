import type { StateSpec } from '../../model/attention';
import type { Family, LayerDraft } from '../family';
import { headLayout, layerCount, missing } from '../heads';
import { fullDraft, layerLabels, slidingDraft, slidingWindow, unknownDraft, withSources } from '../layers';

/** ZAYA: attention behind a causal convolution over queries and keys; half of each value comes from the token before. */
export const zaya: Family = {
  id: 'zaya',
  modelTypes: ['zaya'],
  cite: 'transformers 5.18 models/zaya/modeling_zaya.py ZayaCCAProjection: width (cca_time0 − 1) + (cca_time1 − 1)',
  read: (reader) => {
    const count = layerCount(reader);
    const heads = headLayout(reader);
    const first = reader.integer(['cca_time0']);
    const second = reader.integer(['cca_time1']);
    if (!count || !heads || !first || !second) {
      missing(reader, 'num_hidden_layers, cca_time0 and cca_time1', 'cca_time0');
      return { layers: [] };
    }
    const { queryHeads, kvHeads, keyDim } = heads.layout;
    const width = first.value - 1 + second.value - 1;
    const parallelState: StateSpec = {
      flavour: 'short-conv',
      conv: { channels: (queryHeads + kvHeads) * keyDim, width, engineWidth: width },
      recurrentElements: Math.floor((kvHeads * keyDim) / 2),
      recurrentDtype: 'cache',
      heads: null,
    };
    const conv = { ...first.source, rule: `(${queryHeads} + ${kvHeads}) heads × ${keyDim} × ${width}` };
    const beside = (draft: LayerDraft): LayerDraft => ({
      ...draft,
      parallelState,
      sources: { ...draft.sources, conv },
    });
    const window = slidingWindow(reader);
    const full = beside(fullDraft(heads));
    const sliding = window
      ? beside(slidingDraft(heads, window))
      : unknownDraft('hybrid_sliding without sliding_window');
    const listed = layerLabels(reader, count.value);
    const layers = Array.from({ length: count.value }, (_, index): LayerDraft => {
      const word = listed?.value[index] ?? 'hybrid';
      return word === 'hybrid' ? full : word === 'hybrid_sliding' ? sliding : unknownDraft(word);
    });
    return { layers: withSources(layers, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
  },
};
