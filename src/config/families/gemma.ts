import type { Source, Sourced } from '../../model/spec';
import type { Family, LayerDraft } from '../family';
import { headLayout, type HeadOptions, layerCount, missing, type SourcedLayout } from '../heads';
import {
  decoderLayers,
  draftsOf,
  fullDraft,
  layerLabels,
  sharedDraft,
  slidingDraft,
  slidingWindow,
  withSources,
} from '../layers';
import type { ConfigReader } from '../reader';

/** Gemma 1: plain heads of their own width. */
export const gemma: Family = {
  id: 'gemma',
  modelTypes: ['gemma'],
  cite: 'transformers 5.18 models/gemma/configuration_gemma.py: head_dim = 256 and 16 KV heads where absent',
  read: (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) }),
};

/** Gemma 2: even layers slide, odd ones see everything. */
export const gemma2: Family = {
  id: 'gemma2',
  modelTypes: ['gemma2', 'vaultgemma'],
  cite: 'transformers 5.18 models/gemma2/configuration_gemma2.py: sliding where (i + 1) % 2',
  read: (reader) => ({
    layers: decoderLayers(reader, { window: slidingWindow, kindAt: (index) => (index % 2 === 0 ? 'sliding' : 'full') }),
  }),
};

/** Bidirectional variants see half the window to either side. */
function gemmaWindow(reader: ConfigReader): Sourced<number> | null {
  const window = slidingWindow(reader);
  const bidirectional = reader.value('use_bidirectional_attention');
  if (!window || (bidirectional !== true && bidirectional !== 'all')) return window;
  const value = Math.floor(window.value / 2) + 1;
  return { value, source: { ...window.source, rule: `${window.value} ÷ 2 + 1 (use_bidirectional_attention)` } };
}

/** Gemma 3: one full layer after every five sliding ones; a last group that is cut short has none. */
export const gemma3: Family = {
  id: 'gemma3',
  modelTypes: ['gemma3_text', 't5gemma2_text'],
  cite: 'transformers 5.18 models/gemma3/configuration_gemma3.py: full where (i + 1) % sliding_window_pattern == 0, 6 where absent',
  read: (reader) => {
    const period = reader.integer(['sliding_window_pattern', '_sliding_window_pattern'])?.value ?? 6;
    return {
      layers: decoderLayers(reader, {
        window: gemmaWindow,
        kindAt: (index) => ((index + 1) % period === 0 ? 'full' : 'sliding'),
      }),
    };
  },
};

/** Layers by their words, of which the last `num_kv_shared_layers` read the cache of the last own layer of their kind. */
function sharingLayers(
  reader: ConfigReader,
  period: number,
  makers: { full: () => LayerDraft | null; sliding: () => LayerDraft | null },
  lastFull: boolean,
): LayerDraft[] {
  const count = layerCount(reader);
  if (!count) {
    missing(reader, 'the number of layers', 'num_hidden_layers');
    return [];
  }
  const listed = layerLabels(reader, count.value);
  const labels = Array.from({ length: count.value }, (_, index) => {
    if (lastFull && index === count.value - 1) return 'full_attention';
    return listed?.value[index] ?? ((index + 1) % period === 0 ? 'full_attention' : 'sliding_attention');
  });
  const drafts = draftsOf(labels, makers);
  const layers = withSources(drafts, { layers: count.source, ...(listed ? { kind: listed.source } : {}) });
  const shared = reader.integer(['num_kv_shared_layers'], 0);
  const firstShared = count.value - (shared?.value ?? 0);
  if (!shared || shared.value === 0) return layers;
  if (firstShared < 1) {
    reader.log.note(
      `${reader.pathOf('num_kv_shared_layers')} leaves no layer of its own cache`,
      true,
      reader.pathOf('num_kv_shared_layers'),
    );
    return layers;
  }
  return layers.map((layer, index) =>
    index < firstShared ? layer : reading(labels, layers, index, firstShared, shared.source),
  );
}

const sharedDrafts = new WeakMap<readonly LayerDraft[], Map<number, LayerDraft>>();

/** The layer as a reader of an earlier one; one object per source layer. */
function reading(
  labels: readonly string[],
  layers: readonly LayerDraft[],
  index: number,
  firstShared: number,
  source: Source,
): LayerDraft {
  const own = layers[index];
  const from = labels.lastIndexOf(labels[index] ?? '', firstShared - 1);
  const target = layers[from];
  if (!own || !target || !('kvHeads' in target.attention))
    return own ?? { attention: { kind: 'unknown', label: 'shared layer' }, sources: {} };
  const made = sharedDrafts.get(layers) ?? new Map<number, LayerDraft>();
  sharedDrafts.set(layers, made);
  const { queryHeads, kvHeads, keyDim, valueDim } = target.attention;
  const draft =
    made.get(from) ??
    sharedDraft({ queryHeads, kvHeads, keyDim, valueDim }, from, {
      ...target.sources,
      sharedWith: source,
      kind: source,
    });
  made.set(from, draft);
  return draft;
}

/** Gemma 3n: every fifth layer is full; the last `num_kv_shared_layers` (15 where absent) store nothing. */
export const gemma3n: Family = {
  id: 'gemma3n',
  modelTypes: ['gemma3n_text'],
  cite: 'transformers 5.18 models/gemma3n/configuration_gemma3n.py and modeling_gemma3n.py is_kv_shared_layer',
  read: (reader) => {
    const heads = headLayout(reader);
    const window = slidingWindow(reader);
    return {
      layers: sharingLayers(
        reader,
        5,
        {
          full: () => heads && fullDraft(heads),
          sliding: () => (heads && window ? slidingDraft(heads, window) : null),
        },
        false,
      ),
    };
  },
};

/** Full layers of Gemma 4 have heads of their own width, and their own number of KV heads where K and V are one projection. */
function globalHeads(reader: ConfigReader): SourcedLayout | null {
  const equal = reader.flag(['attention_k_eq_v'], false);
  reader.consult(['num_global_key_value_heads', 'global_head_dim']);
  const options: HeadOptions = {
    ...(equal && reader.hasValue('num_global_key_value_heads') ? { kvKeys: ['num_global_key_value_heads'] } : {}),
    headDimKeys: ['global_head_dim'],
    headDim: () => ({ value: 512, rule: 'global_head_dim absent: 512' }),
  };
  return headLayout(reader, options);
}

/** Gemma 4: five sliding layers, one full; the last is always full. K and V are both stored, even where one projection gives them. */
export const gemma4: Family = {
  id: 'gemma4',
  modelTypes: ['gemma4_text', 'gemma4_unified_text', 'diffusion_gemma_text'],
  cite: 'transformers 5.18 models/gemma4/configuration_gemma4.py __post_init__; a llama.cpp log of Gemma 4 E2B agrees on sharing',
  read: (reader) => {
    if (reader.hasValue('per_layer_config')) return { layers: perLayerConfig(reader) };
    const window = gemmaWindow(reader);
    return {
      layers: sharingLayers(
        reader,
        6,
        {
          full: () => {
            const heads = globalHeads(reader);
            return heads && fullDraft(heads);
          },
          sliding: () => {
            const heads = headLayout(reader);
            return heads && window ? slidingDraft(heads, window) : null;
          },
        },
        true,
      ),
    };
  },
};

/** `per_layer_config` (written by transformers 5) replaces the global keys: `{ "5": { "head_dim": 512 } }`. */
function perLayerConfig(reader: ConfigReader): LayerDraft[] {
  const overrides = reader.nested('per_layer_config');
  const base = headLayout(reader);
  const window = gemmaWindow(reader);
  reader.consult(['num_global_key_value_heads', 'global_head_dim', 'attention_k_eq_v']);
  const global =
    overrides
      ?.keys()
      .map((key) => overrides.nested(key))
      .find((entry) => entry !== null) ?? null;
  const keyDim = global?.integer(['head_dim']) ?? null;
  const kvHeads = global?.integer(['num_key_value_heads']) ?? null;
  const texts = new Set(overrides?.keys().map((key) => JSON.stringify(overrides.own(key))));
  if (!base || texts.size !== 1) {
    reader.log.note(`${reader.pathOf('per_layer_config')} has entries of several forms`, true);
    return [];
  }
  const full: SourcedLayout = {
    layout: {
      ...base.layout,
      keyDim: keyDim?.value ?? base.layout.keyDim,
      valueDim: keyDim?.value ?? base.layout.valueDim,
      kvHeads: kvHeads?.value ?? base.layout.kvHeads,
    },
    sources: {
      ...base.sources,
      ...(keyDim ? { keyDim: keyDim.source, valueDim: keyDim.source } : {}),
      ...(kvHeads ? { kvHeads: kvHeads.source } : {}),
    },
  };
  return sharingLayers(
    reader,
    6,
    { full: () => fullDraft(full), sliding: () => (window ? slidingDraft(base, window) : null) },
    true,
  );
}
