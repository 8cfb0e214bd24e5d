/** Decoders whose later layers read the cache of an earlier one: Apple's AFM, SwiftKV, SambaY (Phi-4-mini-flash). */

import type { ConfigReader } from '../config/reader';
import type { Source, Sourced } from '../model/spec';
import type { LayerDraft, LayersFacet } from './facets';
import { fullDraft, NO_ATTENTION, sharedDraft, slidingDraft, unknownDraft, withSources } from './kit/decoder';
import { headLayout, layerCount, missing, type SourcedLayout } from './kit/headLayout';
import { HYBRID_MAMBA_KEYS, mambaState, recurrentDraft } from './kit/states';

export const layers = (): readonly LayersFacet[] => [
  {
    // The last `num_kv_reuse_layers` project queries alone and read the last layer that has K and V.
    id: 'afm',
    modelTypes: ['afm7'],
    cite: 'mlx-lm models/afm7.py: KVReuseTransformerLayer reads the cache of layer num_layers - num_kv_reuse_layers - 1',
    read: (reader) => {
      const count = layerCount(reader, ['num_layers', 'num_hidden_layers']);
      const heads = headLayout(reader, { hiddenKeys: ['hidden_dim', 'hidden_size'] });
      const reuse = reader.integer(['num_kv_reuse_layers'], 0);
      if (!count || !heads || !reuse || reuse.value >= count.value) {
        if (!reuse || (count && reuse.value >= count.value))
          missing(reader, 'how many layers reuse a cache', 'num_kv_reuse_layers');
        return { layers: [] };
      }
      const own = count.value - reuse.value;
      const sharing = sharer(heads, reuse.source);
      const full = fullDraft(heads);
      const drafts = Array.from({ length: count.value }, (_, index) => (index < own ? full : sharing(own - 1)));
      return { layers: withSources(drafts, { layers: count.source }) };
    },
  },
  {
    // Layers after `num_key_value_layers` take K and V from the state before them, one for each group of layers.
    id: 'swiftkv',
    modelTypes: ['llama_swiftkv'],
    cite: 'snowflakedb/ArcticInference llama_swiftkv; configuration: num_key_value_layers, key_value_group_size; later kv_sharing_map',
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      if (!count || !heads) return { layers: [] };
      reader.consult(['swiftkv', 'kv_sharing_map']);
      const full = fullDraft(heads);
      const map = reader.nested('kv_sharing_map');
      const own = reader.integer(['num_key_value_layers']);
      const group = reader.integer(['key_value_group_size']);
      const sharing = sharer(
        heads,
        (map ? reader.source('kv_sharing_map') : group?.source) ?? heads.sources['kvHeads'],
      );
      const targetOf = map ? mapped(map) : grouped(own?.value ?? count.value, group?.value ?? 1);
      const drafts = Array.from({ length: count.value }, (_, index) => {
        const target = targetOf(index);
        if (target === index) return full;
        return target === null || target > index || targetOf(target) !== target
          ? unknownDraft(`kv_sharing_map of layer ${index}`)
          : sharing(target);
      });
      return { layers: withSources(drafts, { layers: count.source }) };
    },
  },
  {
    // SambaY: Mamba and windows in the first half, one full layer, and a second half that reads what these two left.
    id: 'phi4flash',
    modelTypes: ['phi4flash'],
    cite: 'microsoft/Phi-4-mini-flash-reasoning modeling_phi4flash.py SambaYDecoderLayer: yoco_mb from n / 2, yoco_cross from n / 2 + 2; vLLM phi4flash.py',
    defaults: { phi4flash: { mb_per_layer: 2, mamba_d_state: 16, mamba_d_conv: 4, mamba_expand: 2 } },
    read: (reader) => {
      const count = layerCount(reader);
      const heads = headLayout(reader);
      const period = reader.integer(['mb_per_layer']);
      const windowOf = flashWindows(reader);
      if (!count || !heads || period?.value !== 2 || count.value % 4 !== 0 || !windowOf) {
        missing(reader, 'a number of layers that is a multiple of 4, mb_per_layer = 2 and the windows', 'mb_per_layer');
        return { layers: [] };
      }
      const mamba = recurrentDraft(mambaState(reader, HYBRID_MAMBA_KEYS)) ?? unknownDraft('mamba');
      const half = count.value / 2;
      const full = fullDraft(heads);
      const gate: LayerDraft = { ...NO_ATTENTION };
      const reading = sharer(heads, count.source)(half + 1);
      const made = new Map<number, LayerDraft>();
      const drafts = Array.from({ length: count.value }, (_, index): LayerDraft => {
        if (index % 2 === 0) return index <= half ? mamba : gate;
        if (index >= half) return index === half + 1 ? full : reading;
        const window = windowOf(index);
        if (!window) return full;
        const draft = made.get(window.value) ?? slidingDraft(heads, window);
        made.set(window.value, draft);
        return draft;
      });
      return { layers: withSources(drafts, { layers: count.source, kind: period.source }) };
    },
  },
];

/** One object for each layer that is read. */
function sharer({ layout, sources }: SourcedLayout, source: Source | undefined): (target: number) => LayerDraft {
  const made = new Map<number, LayerDraft>();
  return (target) => {
    const draft =
      made.get(target) ??
      sharedDraft(layout, target, { ...sources, ...(source ? { sharedWith: source, kind: source } : {}) });
    made.set(target, draft);
    return draft;
  };
}

/** Which layer's cache a layer reads: its own, up to `own`, then that of the first of its group. */
function grouped(own: number, size: number): (index: number) => number | null {
  return (index) => (index < own ? index : index - ((index - own) % size));
}

/** The same by `{ "reader": producer }`. */
function mapped(map: ConfigReader): (index: number) => number | null {
  return (index) => {
    const value = map.own(String(index));
    if (value === undefined) return index;
    const target = typeof value === 'string' ? Number(value) : value;
    return typeof target === 'number' && Number.isInteger(target) && target >= 0 ? target : null;
  };
}

/** One window for all sliding layers, or a list with one for each layer; null in it means full. */
function flashWindows(reader: ConfigReader): ((index: number) => Sourced<number> | null) | null {
  const list = reader.listOrOther(['sliding_window']);
  if (list?.value.some((entry) => entry !== null && !(typeof entry === 'number' && Number.isInteger(entry))))
    reader.wrong('sliding_window', 'a list of windows', list.value);
  if (list)
    return (index) => {
      const value = list.value[index];
      return typeof value === 'number' && value > 0 ? { value, source: list.source } : null;
    };
  const one = reader.integer(['sliding_window']);
  return one && (() => one);
}
