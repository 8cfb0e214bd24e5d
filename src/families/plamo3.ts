/** PLaMo 3: windows, and a full layer after so many. */

import type { ConfigReader } from '../config/reader';
import type { LayerDraft, LayersFacet } from './facets';
import { decoderLayers, fullDraft, slidingDraft, slidingWindow, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount } from './kit/headLayout';

/** The window of each layer, null where it is full. */
const WINDOW_LISTS = ['interleaved_sliding_window', 'sliding_window'];

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'plamo3',
    modelTypes: ['plamo3'],
    cite: 'vLLM models/plamo3.py Plamo3AttentionMixer: interleaved_sliding_window by layer; sliding_window_pattern without it',
    read: (reader) => {
      const listed = windowList(reader);
      if (listed) return { layers: listed };
      const every = reader.integer(['sliding_window_pattern'])?.value ?? null;
      return {
        layers: decoderLayers(reader, {
          window: slidingWindow,
          kindAt: (index) => (every !== null && (index + 1) % every === 0 ? 'full' : 'sliding'),
          patternKey: 'sliding_window_pattern',
        }),
      };
    },
  },
];

function windowList(reader: ConfigReader): readonly LayerDraft[] | null {
  const list = reader.listOrOther(WINDOW_LISTS);
  const count = list && layerCount(reader);
  const heads = count && headLayout(reader);
  if (!list || !count || !heads) return null;
  reader.consult(['layer_types', 'sliding_window_pattern', 'sliding_window']);
  const made = new Map<unknown, LayerDraft>();
  const drafts = Array.from({ length: count.value }, (_, index): LayerDraft => {
    const window = list.value[index];
    const draft =
      made.get(window) ??
      (window === null
        ? fullDraft(heads)
        : typeof window === 'number' && Number.isInteger(window) && window > 0
          ? slidingDraft(heads, { value: window, source: list.source })
          : unknownDraft('no window in the list'));
    made.set(window, draft);
    return draft;
  });
  return withSources(drafts, { layers: count.source, kind: list.source });
}
