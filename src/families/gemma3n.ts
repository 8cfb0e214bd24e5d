/** Gemma 3n: the last layers read the cache of earlier ones; small embeddings per layer, AltUp and LAuReL. */

import type { ConfigReader } from '../config/reader';
import { HIDDEN_KEYS } from '../config/spellings';
import type { Source } from '../model/spec';
import type { LayerView } from './counted/facet';
import { flag } from './counted/switches';
import type { Tally } from './counted/tally';
import type { CountsFacet, GgufFacet, LayerDraft, LayersFacet } from './facets';
import { draftsOf, fullDraft, layerLabels, sharedDraft, slidingDraft, slidingWindow, withSources } from './kit/decoder';
import { headLayout, layerCount, missing } from './kit/headLayout';

export const layers = (): readonly LayersFacet[] => [
  {
    // Every fifth layer is full; the last `num_kv_shared_layers` (15 where absent) store nothing.
    id: 'gemma3n',
    modelTypes: ['gemma3n_text'],
    cite: 'transformers 5.18 models/gemma3n/configuration_gemma3n.py and modeling_gemma3n.py is_kv_shared_layer',
    llamacpp: { windows: true },
    refusesRemainder: 'class',
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
  },
];

/** Layers by their words, of which the last `num_kv_shared_layers` read the cache of the last own layer of their kind. */
export function sharingLayers(
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
  if (!shared || shared.value === 0) return layers;
  const firstShared = count.value - shared.value;
  if (firstShared < 1) {
    reader.log.note(
      `${reader.pathOf('num_kv_shared_layers')} leaves no layer with a cache of its own`,
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

export const gguf = (): readonly GgufFacet[] => [{ architecture: 'gemma3n', modelType: 'gemma3n_text' }];

export const counts = (): readonly CountsFacet[] => [
  {
    modelTypes: ['gemma3n_text'],
    bias: flag('attention_bias'),
    qkNorm: 'head',
    norms: 4,
    sharedHaveNoKeys: true,
    width: listedWidth,
    extra: gemma3n,
  },
];

/** One width, or one for each layer. */
function listedWidth(config: ConfigReader, { index }: LayerView): number {
  const widths = config.list(['intermediate_size'])?.value;
  const width = widths ? widths[index] : config.size('intermediate_size');
  return typeof width === 'number' ? width : Number.NaN;
}

/**
 * T:gemma3n, T:gemma4: one small embedding per layer and token, gated into each layer.
 * @param classWidth Its width where the config does not say.
 */
export function perLayerInputs(
  config: ConfigReader,
  tally: Tally,
  layers: readonly LayerView[],
  classWidth = 256,
): void {
  const width = config.size('hidden_size_per_layer_input', classWidth);
  if (width === 0) return;
  const hidden = config.size(HIDDEN_KEYS);
  const rows = config.size('vocab_size_per_layer_input', 262144);
  tally.add('embedding', rows * layers.length * width);
  tally.lookup += rows * layers.length * width;
  tally.add('other', hidden * layers.length * width + layers.length * 2 * hidden * width);
  tally.add('norms', width + layers.length * hidden);
}

/** T:gemma3n: AltUp (a few streams, predicted and corrected) and LAuReL (a low-rank residual). */
function gemma3n(config: ConfigReader, tally: Tally, layers: readonly LayerView[]): void {
  perLayerInputs(config, tally, layers);
  const hidden = config.size(HIDDEN_KEYS);
  const [inputs, rank] = [config.size('altup_num_inputs', 4), config.size('laurel_rank', 64)];
  tally.add(
    'other',
    2 * (inputs - 1) * hidden * hidden +
      layers.length * (hidden + inputs * inputs + inputs ** 3 + inputs * hidden + hidden + 2 * hidden * rank + hidden),
  );
}
