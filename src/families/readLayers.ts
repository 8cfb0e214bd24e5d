/** From a config's reader to its layers, by its family. */

import { type ClassDefaults, type ConfigReader, MAX_DIMENSION, MAX_LAYERS } from '../config/reader';
import { HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../config/spellings';

import { classDefaultsOf } from './classDefaults';
import type { Source } from '../model/spec';
import { droppedBy, readsWholeInput } from './architectures';
import { CROSS_ROOTS, DRAFTER_ROOTS } from './composites';
import { asDrafter } from './drafters';
import { withCross } from './kit/crossLayers';
import type { FamilyReading, LayersFacet } from './facets';
import { genericDecoder } from './kit/generic';
import { NO_ATTENTION, repeat, withSources } from './kit/decoder';
import { layerCount } from './kit/headLayout';
import { noteTelltales } from './kit/telltales';

/** Defaults of absent keys: those of the class, and those that the family adds (the table has no classes of remote code). */
export function defaultsOf(
  family: LayersFacet | null,
  modelType: string,
  location?: { readonly rootModelType: string; readonly path: readonly string[] },
): ClassDefaults | null {
  const own = family?.defaults?.[modelType];
  const table = classDefaultsOf(modelType, location?.rootModelType, (location?.path.length ?? 0) > 0);
  if (!own) return table;
  return { className: `${modelType}'s configuration class`, ...table, values: { ...table?.values, ...own } };
}

const DRAFT_KEYS = [
  'num_nextn_predict_layers',
  'num_mtp_layers',
  'mtp_num_hidden_layers',
  'mtp_num_layers',
  'num_mtp_modules',
];

/** The layers of a config, by its family; where the config has changed the family, they are marked as assumed. */
export function readLayers(
  family: LayersFacet | null,
  reader: ConfigReader,
  modelType: string,
  root: string,
  architecture: string | null = null,
): FamilyReading {
  if (DRAFTER_ROOTS.includes(root)) {
    const drafter = readsTarget(reader);
    if (drafter) return drafter;
  }
  if (!family) return genericDecoder(reader, modelType);
  const own = family.read(reader, modelType);
  checkRemainder(family, reader);
  // Nothing is cached of an encoder, whatever its sizes; some count their stacks in an object.
  if (own.layers.some(({ attention }) => attention.kind !== 'none')) checkSizes(reader, own.layers.length);
  const reading = CROSS_ROOTS.includes(root) ? { ...own, layers: withCross(reader, own.layers) } : own;
  const whole = wholeInput(reader, architecture);
  if (whole) {
    reader.takeAll();
    return { layers: withSources(repeat(NO_ATTENTION, encoderLayers(reader, reading.layers.length)), { kind: whole }) };
  }
  reader.consult(DRAFT_KEYS);
  const draftKey = DRAFT_KEYS.find((key) => reader.hasValue(key));
  const draftLayers =
    reading.draftLayers ?? (draftKey === undefined ? 0 : (reader.integer([draftKey], 0, MAX_LAYERS)?.value ?? 0));
  const changed = noteTelltales(reader, modelType);
  const dropped = droppedBy(architecture);
  if (dropped !== null) reader.log.note(dropped, true);
  const layers = changed ? assumed(reading.layers) : reading.layers;
  return asDrafter(reader, architecture, { ...reading, layers, draftLayers }, draftLayers);
}

/** Sizes that a class makes tensors of, whether the cache depends on them or not. The second number: the least that it may be. */
const SIZES: readonly (readonly [keys: readonly string[], least: number])[] = [
  [HIDDEN_KEYS, 1],
  [LAYER_KEYS, 0],
  [[...HEAD_KEYS, ...KV_HEAD_KEYS, ...HEAD_DIM_KEYS], 0],
  [['intermediate_size'], 0],
];

/** Classes of transformers that know them take null, which the table of defaults has not, and refuse what is no number. */
const OFTEN_NULL = ['num_key_value_heads', 'head_dim'];

/** Reports sizes that are no numbers, where the family or its class knows the key. A list has one for each of the layers. */
function checkSizes(reader: ConfigReader, layers: number): void {
  const { defaults, log } = reader;
  for (const [keys, least] of SIZES)
    for (const key of keys) {
      const value = reader.own(key);
      if (value === undefined || value === null || (Array.isArray(value) && value.length === layers)) continue;
      const declared = defaults !== null && (Object.hasOwn(defaults.values, key) || OFTEN_NULL.includes(key));
      const asked = declared || log.consulted.has(reader.pathOf(key));
      const sound = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_DIMENSION;
      if (asked && !sound) reader.wrong(key, `a whole number of at least ${least}`, value);
    }
}

/** A hidden size that the heads do not divide, which the class refuses whatever else the file says (see lint/headDim.ts). */
function checkRemainder(family: LayersFacet, reader: ConfigReader): void {
  if (family.refusesRemainder !== 'class') return;
  const [hidden, heads] = [reader.integer(HIDDEN_KEYS), reader.integer(HEAD_KEYS)];
  if (!hidden || !heads || hidden.value % heads.value === 0) return;
  const text = `hidden size ${hidden.value} is not a multiple of ${heads.value} heads: transformers refuses this model`;
  reader.log.note(text, true, heads.source.key ?? undefined);
}

/** What says that a decoder's type is used as an encoder: `is_causal`, or its class. */
function wholeInput(reader: ConfigReader, architecture: string | null): Source | null {
  if (reader.condition('is_causal') === false)
    return reader.source('is_causal', 'not causal: sees all of its input at once, keeps nothing');
  // As a text model Gemma embeds or judges; in its generating classes the flag changes the mask alone.
  const embeds =
    architecture !== null &&
    /(?:Model|For(?:SequenceClassification|TokenClassification|QuestionAnswering|MaskedLM))$/.test(architecture);
  if (embeds && reader.condition('use_bidirectional_attention') === true)
    return reader.source('use_bidirectional_attention', 'sees all of its input at once, keeps nothing');
  if (!readsWholeInput(architecture)) return null;
  return reader.derived(`${architecture ?? ''}: sees all of its input at once, keeps nothing`);
}

/** Layers of the encoder; those of an encoder-decoder were read as its decoder's, self and cross. */
function encoderLayers(reader: ConfigReader, read: number): number {
  return layerCount(reader, ['num_hidden_layers', 'num_layers', 'n_layer', 'n_layers'])?.value ?? Math.max(read, 1);
}

/** A drafter's layers: all of them share, by `num_kv_shared_layers` or by the class where it is absent or 0. */
function readsTarget(reader: ConfigReader): FamilyReading | null {
  const count = layerCount(reader);
  const shared = reader.integer(['num_kv_shared_layers'], 0);
  if (!count || (shared && shared.value !== 0 && shared.value !== count.value)) return null;
  reader.takeAll();
  const rule = 'a drafter: reads the cache of the model that it drafts for, keeps nothing';
  return {
    layers: withSources(repeat(NO_ATTENTION, count.value), {
      kind: shared ? { ...shared.source, rule } : reader.derived(rule),
      layers: count.source,
    }),
    variant: 'drafter (no KV cache of its own)',
  };
}

/** Marks drafts as assumed, keeping one object per kind. */
function assumed(drafts: FamilyReading['layers']): FamilyReading['layers'] {
  const made = new Map(drafts.map((draft) => [draft, { ...draft, assumed: true }]));
  return drafts.map((draft) => made.get(draft) ?? draft);
}
