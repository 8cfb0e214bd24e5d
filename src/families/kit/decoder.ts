/** From what a config says about its layers to a list of drafts. */

import type { HeadLayout } from '../../model/attention';
import type { FactorSources, Source, Sourced } from '../../model/spec';
import type { LayerDraft, LayersFacet } from '../facets';
import { headLayout, type HeadOptions, layerCount, missing, type SourcedLayout } from './headLayout';
import { type ConfigReader, show } from '../../config/reader';

/** One word per way in which a layer mixes tokens. */
export type LayerWord =
  | 'full'
  | 'sliding'
  | 'chunked'
  | 'indexed'
  | 'linear'
  | 'mamba'
  | 'conv'
  | 'recurrent'
  | 'none'
  | 'hybrid'
  | 'csa'
  | 'hca';

/** Values of `layer_types` and similar keys -> our words. */
const WORDS: Readonly<Record<string, LayerWord>> = {
  full_attention: 'full',
  full: 'full',
  attention: 'full',
  attn: 'full',
  global: 'full',
  global_attention: 'full',
  sliding_attention: 'sliding',
  sliding_window_attention: 'sliding',
  sliding: 'sliding',
  local: 'sliding',
  local_attention: 'sliding',
  sliding_window: 'sliding',
  swa: 'sliding',
  chunked_attention: 'chunked',
  indexed_attention: 'indexed',
  deepseek_sparse_attention: 'indexed',
  qwen_sparse_attention: 'indexed',
  minimax_m3_sparse: 'indexed',
  compressed_sparse_attention: 'csa',
  heavily_compressed_attention: 'hca',
  linear_attention: 'linear',
  lightning_attention: 'linear',
  mamba: 'mamba',
  mamba2: 'mamba',
  conv: 'conv',
  short_conv: 'conv',
  recurrent: 'recurrent',
  mlp: 'none',
  moe: 'none',
  hybrid: 'hybrid',
};

/** Our word for a config's value, or null. */
export function wordOf(label: string): LayerWord | null {
  return Object.hasOwn(WORDS, label) ? (WORDS[label] ?? null) : null;
}

/** Makes the draft of a word, or null when the config lacks what it needs. Called once per word. */
export type DraftMakers = Readonly<Partial<Record<LayerWord, () => LayerDraft | null>>>;

/** A layer that the config names but we cannot read. */
export function unknownDraft(label: string): LayerDraft {
  return { attention: { kind: 'unknown', label }, sources: {} };
}

export const NO_ATTENTION: LayerDraft = { attention: { kind: 'none' }, sources: {} };

/** One draft per label; labels that are no words, or have no maker, become unknown layers. */
export function draftsOf(labels: readonly string[], makers: DraftMakers): LayerDraft[] {
  const made = new Map<string, LayerDraft>();
  return labels.map((label) => {
    const known = made.get(label);
    if (known) return known;
    const word = wordOf(label);
    const maker = word === null ? undefined : makers[word];
    const draft = word === 'none' && !maker ? NO_ATTENTION : (maker?.() ?? unknownDraft(label));
    made.set(label, draft);
    return draft;
  });
}

/**
 * The config's own list of layer words (`layer_types`), cut or filled to the number of layers; null when there is none.
 * A list of the wrong length is reported, and layers beyond it are unknown.
 */
export function layerLabels(
  reader: ConfigReader,
  count: number,
  keys: readonly string[] = ['layer_types'],
): Sourced<readonly string[]> | null {
  const list = reader.list(keys);
  // A class of transformers counts the entries of an empty list, too; other code takes it for none.
  if (!list || (list.value.length === 0 && !reader.defaults)) return null;
  const key = reader.spelling(keys) ?? keys[0] ?? 'layer_types';
  const labels = list.value.map((label) => (typeof label === 'string' ? reader.layerLabel(label) : show(label)));
  if (labels.length === count) return { value: labels, source: list.source };
  reader.problem('layer-types-length', 'error', key, `${key} has ${labels.length} entries for ${count} layers.`);
  reader.log.note(`${reader.pathOf(key)} has ${labels.length} entries for ${count} layers`, true, reader.pathOf(key));
  const filled = Array.from({ length: count }, (_, index) => labels[index] ?? `not in ${key}`);
  return { value: filled, source: list.source };
}

/** `count` layers of one draft. */
export function repeat(draft: LayerDraft, count: number): LayerDraft[] {
  return new Array<LayerDraft>(count).fill(draft);
}

export function fullDraft({ layout, sources }: SourcedLayout): LayerDraft {
  return { attention: { kind: 'full', ...layout }, sources };
}

export function slidingDraft({ layout, sources }: SourcedLayout, window: Sourced<number>): LayerDraft {
  return {
    attention: { kind: 'sliding', ...layout, window: window.value },
    sources: { ...sources, window: window.source },
  };
}

export function chunkedDraft({ layout, sources }: SourcedLayout, chunk: Sourced<number>): LayerDraft {
  return {
    attention: { kind: 'chunked', ...layout, chunk: chunk.value },
    sources: { ...sources, chunk: chunk.source },
  };
}

export function sharedDraft(
  layout: HeadLayout,
  sharedWith: number,
  sources: Readonly<Record<string, Source>>,
): LayerDraft {
  return { attention: { kind: 'shared', ...layout, sharedWith }, sources };
}

/** How a decoder of the common form says where its windows are. */
export interface DecoderOptions extends HeadOptions {
  readonly layerKeys?: readonly string[];
  /** False where the family's class does not read `layer_types`. */
  readonly layerTypes?: boolean;
  /** Kind of a layer where the config has no `layer_types`; the default is full everywhere. */
  readonly kindAt?: (index: number, count: number) => LayerWord;
  /** Key that `kindAt` depends on; named as the source of each layer's kind. */
  readonly patternKey?: string;
  /** Window of sliding layers. Null turns them into full ones, unless `layer_types` names them. */
  readonly window?: (reader: ConfigReader) => Sourced<number> | null;
  readonly chunk?: (reader: ConfigReader) => Sourced<number> | null;
  /** Layout of sliding layers where it differs. */
  readonly slidingHeads?: (full: SourcedLayout) => SourcedLayout | null;
  /** Drafts of words beyond full, sliding and chunked. */
  readonly makers?: DraftMakers;
}

/** The common decoder: one head layout, each layer full or windowed. */
export function decoderLayers(reader: ConfigReader, options: DecoderOptions = {}): LayerDraft[] {
  const count = layerCount(reader, options.layerKeys);
  if (!count) {
    missing(reader, 'the number of layers', options.layerKeys?.[0] ?? 'num_hidden_layers');
    return [];
  }
  const listed = options.layerTypes === false ? null : layerLabels(reader, count.value);
  if (options.window) reader.consult(['sliding_window']);
  const makers = decoderMakers(reader, options, listed !== null);
  if (listed) return withSources(draftsOf(listed.value, makers), { layers: count.source, kind: listed.source });
  const { kindAt, patternKey } = options;
  const words = Array.from({ length: count.value }, (_, index): LayerWord => kindAt?.(index, count.value) ?? 'full');
  const kind = patternKey === undefined ? null : reader.source(patternKey);
  return withSources(draftsOfWords(words, makers), { layers: count.source, ...(kind ? { kind } : {}) });
}

/** Full attention in every layer, under the common key names; the class does not read `layer_types`. */
export const plainDecoder: LayersFacet['read'] = (reader) => ({ layers: decoderLayers(reader, { layerTypes: false }) });

/** Makers of the words that every decoder knows. */
export function decoderMakers(reader: ConfigReader, options: DecoderOptions, listed: boolean): DraftMakers {
  const once = <T>(make: () => T): (() => T) => {
    let made: { value: T } | null = null;
    return () => (made ??= { value: make() }).value;
  };
  const heads = once(() => headLayout(reader, options));
  const full = (): LayerDraft | null => {
    const layout = heads();
    return layout && fullDraft(layout);
  };
  return {
    full,
    sliding: () => {
      const layout = heads();
      const window = options.window?.(reader) ?? null;
      if (!layout || (!window && listed)) return null;
      const own = options.slidingHeads ? options.slidingHeads(layout) : layout;
      if (!own) return null;
      return window ? slidingDraft(own, window) : fullDraft(own);
    },
    chunked: () => {
      const layout = heads();
      const chunk = options.chunk?.(reader) ?? null;
      return layout && chunk ? chunkedDraft(layout, chunk) : null;
    },
    ...options.makers,
  };
}

/** As `draftsOf`, for our own words. */
export function draftsOfWords(words: readonly LayerWord[], makers: DraftMakers): LayerDraft[] {
  const made = new Map<LayerWord, LayerDraft>();
  return words.map((word) => {
    const known = made.get(word) ?? makers[word]?.() ?? (word === 'none' ? NO_ATTENTION : unknownDraft(word));
    made.set(word, known);
    return known;
  });
}

/** Names the key that gave the number of layers in the sources of every draft, keeping one object per kind. */
export function withLayerSource(drafts: readonly LayerDraft[], layers: Source): LayerDraft[] {
  return withSources(drafts, { layers });
}

/** Adds sources to every draft that does not have them, keeping one object per kind. */
export function withSources(drafts: readonly LayerDraft[], sources: FactorSources): LayerDraft[] {
  const made = new Map<LayerDraft, LayerDraft>();
  return drafts.map((draft) => {
    const known = made.get(draft) ?? { ...draft, sources: { ...sources, ...draft.sources } };
    made.set(draft, known);
    return known;
  });
}

/** `sliding_window` where it is a positive number. */
export function slidingWindow(
  reader: ConfigReader,
  keys: readonly string[] = ['sliding_window'],
): Sourced<number> | null {
  const key = reader.spelling(keys);
  if (key === null) return null;
  const value = reader.value(key);
  if (value !== 0 && value !== false && value !== -1) return reader.integer(keys);
  // A class of transformers takes a number; and where it does not take null, a window of no size is none that a layer can have.
  if (value === false ? reader.defaults : reader.refusesNull(key))
    reader.wrong(key, 'a whole number of at least 1', value);
  return null;
}

/** One window for all layers when `sliding_window` is a number; absent means the class default, null means none. */
export const oneWindow: LayersFacet['read'] = (reader) => {
  const window = slidingWindow(reader);
  reader.consult(['keep_window_size', 'full_attn_mod']);
  return {
    layers: decoderLayers(reader, {
      window: () => window,
      layerTypes: false,
      kindAt: () => (window ? 'sliding' : 'full'),
      patternKey: 'sliding_window',
    }),
  };
};
