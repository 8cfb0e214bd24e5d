/** SmallThinker: sliding layers by a list of 0 and 1; experts in every layer. */

import type { GgufFacet, LayersFacet } from './facets';
import { draftsOf, fullDraft, layerLabels, slidingDraft, slidingWindow, withSources } from './kit/decoder';
import { ggufLayers } from './kit/ggufStates';
import { headLayout, layerCount, missing } from './kit/headLayout';

const [WINDOW, LAYOUT] = ['sliding_window_size', 'sliding_window_layout'];

export const layers = (): readonly LayersFacet[] => [
  {
    id: 'smallthinker',
    modelTypes: ['smallthinker'],
    cite: 'PowerInfer/SmallThinker-21BA3B-Instruct configuration_smallthinker.py: sliding_window_layout, 1 slides, 0 does not',
    llamacpp: { windows: true },
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      reader.consult([WINDOW, 'sliding_window', 'rope_layout']);
      if (!count || !heads) {
        if (!count) missing(reader, 'the number of layers', 'num_hidden_layers');
        return { layers: [] };
      }
      const listed = layerLabels(reader, count.value, [LAYOUT]);
      const window = slidingWindow(reader, [WINDOW, 'sliding_window']);
      const words = listed?.value.map((entry) =>
        entry === '1' ? 'sliding_attention' : entry === '0' ? 'full_attention' : entry,
      );
      const drafts = draftsOf(words ?? new Array<string>(count.value).fill('full_attention'), {
        full: () => fullDraft(heads),
        sliding: () => (window ? slidingDraft(heads, window) : null),
      });
      return { layers: withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) }) };
    },
  },
];

/** llama.cpp v0.5.0: where a file has a window, it is 4,096, and every fourth layer from the first on has none. */
const [GGUF_WINDOW, GGUF_PERIOD] = [4096, 4];

export const gguf = (): readonly GgufFacet[] => [
  {
    architecture: 'smallthinker',
    modelType: 'smallthinker',
    adapt: (config, source) => {
      const window = source.number('attention.sliding_window') ?? 0;
      delete config['sliding_window'];
      const layout = ggufLayers(source, (index) => (index % GGUF_PERIOD === 0 ? 0 : 1));
      if (window === 0 || layout === undefined) return;
      config[WINDOW] = GGUF_WINDOW;
      config[LAYOUT] = layout;
    },
  },
];
