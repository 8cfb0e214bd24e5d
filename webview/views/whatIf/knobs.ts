/** What of a config can be turned: the keys that give a factor of its cache, their possible values, and the edit that each value is. */

import { layerGroups, type LayerGroup } from '../../../src/cache/groups';
import { divisorsOf } from '../../../src/model/divisors';
import type { JsonValue } from '../../../src/config/document';
import { HEAD_DIM_KEYS, KV_HEAD_KEYS } from '../../../src/config/spellings';
import { type Reading, readDocument } from '../../../src/reading/read';
import { type AttentionKind, type AttentionSpec, headVariant, isHeaded } from '../../../src/model/attention';
import { formatInteger } from '../../../src/model/units';
import { kindTitle } from '../../../src/present/words';
import { doublings, type SliderScale, withValue } from '../../parts/sliderScale';

/** A key of the config as a control. */
export interface Knob {
  /** Dotted path of its key. */
  readonly id: string;
  readonly path: readonly string[];
  readonly label: string;
  /** What the file says, in the control's own terms. */
  readonly file: number;
  readonly scale: SliderScale;
  meaning(value: number): string;
  /** Why a value is not possible; null when it is. */
  problem(value: number): string | null;
  /** The value of the key. */
  write(value: number): JsonValue;
}

export type Turned = ReadonlyMap<string, number>;

/** The config with knobs turned; null when it is no model config any more. */
export function turnedReading(reading: Reading, knobs: readonly Knob[], turned: Turned): Reading | null {
  const overrides = new Map(reading.options.overrides ?? []);
  for (const knob of knobs) {
    const value = turned.get(knob.id);
    if (value !== undefined && value !== knob.file) overrides.set(knob.id, knob.write(value));
  }
  return overrides.size === 0 ? reading : readDocument(reading.document, { ...reading.options, overrides });
}

const MOST = 1e7;

function whole(value: number): string | null {
  return Number.isSafeInteger(value) && value >= 1 && value <= MOST
    ? null
    : `Use a whole number from 1 to ${formatInteger(MOST)}.`;
}

export function knobsOf(reading: Reading): readonly Knob[] {
  const found = [
    ...kvHeadKnobs(reading),
    ...headDimKnobs(reading),
    ...latentKnobs(reading),
    ...windowKnobs(reading),
    ...patternKnobs(reading),
  ];
  // A key that gives two factors is one control.
  return [...new Map(found.map((knob) => [knob.id, knob])).values()];
}

interface Place {
  readonly path: readonly string[];
  readonly value: number;
  readonly group: LayerGroup;
}

type Factor = (attention: AttentionSpec) => number | null;

/**
 * The keys that give a factor: those that the file names, in any group of layers; else the first of `names` that the family obeys
 * when it is added.
 */
function placesOf(
  reading: Reading,
  factor: Factor,
  source: readonly string[],
  names: readonly string[],
): readonly Place[] {
  const places = new Map<string, Place>();
  for (const group of layerGroups(reading.spec)) {
    const value = factor(group.attention);
    if (value === null) continue;
    const from = source.map((name) => group.sources[name]).find((candidate) => candidate !== undefined);
    if (from?.rule === 'given' && from.key !== null) {
      const path = from.key.split('.');
      // Lists give each layer its own value; no one number stands for them.
      if (typeof valueOf(reading, path) === 'number' && !places.has(from.key))
        places.set(from.key, { path, value, group });
    }
  }
  if (places.size > 0) return [...places.values()];
  const group = layerGroups(reading.spec).find(({ attention }) => factor(attention) !== null);
  const value = group && factor(group.attention);
  if (!group || value === undefined || value === null) return [];
  const path = names
    .map((name) => [...reading.location.path, name])
    .find((candidate) => valueOf(reading, candidate) === undefined && obeys(reading, candidate, factor, value));
  return path ? [{ path, value, group }] : [];
}

/** Whether a key, added with another value, gives that value to the factor. */
function obeys(reading: Reading, path: readonly string[], factor: Factor, value: number): boolean {
  const other = value === 1 ? 2 : 1;
  const changed = readDocument(reading.document, { ...reading.options, overrides: new Map([[path.join('.'), other]]) });
  return changed?.spec.layers.some(({ attention }) => factor(attention) === other) ?? false;
}

function valueOf(reading: Reading, path: readonly string[]): JsonValue | undefined {
  const parent = reading.document.objectAt(path.slice(0, -1));
  const node = parent && reading.document.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
  return node ? reading.document.valueOf(node) : undefined;
}

/** "KV heads", and of which layers where there are several. */
function labelOf(label: string, places: readonly Place[], { group }: Place): string {
  return places.length > 1 ? `${label}, ${kindTitle(group.attention.kind)}` : label;
}

function numberKnob(
  place: Place,
  label: string,
  values: readonly number[],
  log: boolean,
  parts: Partial<Pick<Knob, 'meaning' | 'problem'>> = {},
): Knob {
  return {
    id: place.path.join('.'),
    path: place.path,
    label,
    file: place.value,
    scale: { values: withValue(values, place.value), log },
    meaning: parts.meaning ?? (() => ''),
    problem: parts.problem ?? whole,
    write: (value) => value,
  };
}

/** The usual name first, where the file has none. */
const ADDED_KV_KEYS = ['num_key_value_heads', ...KV_HEAD_KEYS];

function kvHeadKnobs(reading: Reading): Knob[] {
  const places = placesOf(
    reading,
    (attention) => (isHeaded(attention) && attention.kind !== 'shared' ? attention.kvHeads : null),
    ['kvHeads'],
    ADDED_KV_KEYS,
  );
  return places.flatMap((place) => {
    const { attention } = place.group;
    const queryHeads = isHeaded(attention) ? attention.queryHeads : 1;
    return numberKnob(place, labelOf('KV heads', places, place), divisorsOf(queryHeads), true, {
      meaning: (value) => {
        if (queryHeads % value !== 0) return '';
        const variant = headVariant({ queryHeads, kvHeads: value });
        return variant === 'GQA' ? `GQA, groups of ${queryHeads / value}` : variant;
      },
      problem: (value) =>
        whole(value) ??
        (queryHeads % value === 0
          ? null
          : `${formatInteger(value)} does not divide ${formatInteger(queryHeads)} query heads.`),
    });
  });
}

function headDimKnobs(reading: Reading): Knob[] {
  const places = placesOf(
    reading,
    (attention) => (isHeaded(attention) && attention.kind !== 'shared' ? attention.keyDim : null),
    ['keyDim'],
    HEAD_DIM_KEYS,
  );
  return places.map((place) =>
    numberKnob(
      place,
      labelOf('Head dim', places, place),
      [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 384, 512],
      true,
      {
        meaning: (value) => (value % 8 === 0 ? '' : 'slow: no multiple of 8'),
      },
    ),
  );
}

function latentKnobs(reading: Reading): Knob[] {
  const latent = placesOf(
    reading,
    (attention) => (attention.kind === 'latent' ? attention.latentDim : null),
    ['latentDim'],
    [],
  );
  const rope = placesOf(
    reading,
    (attention) => (attention.kind === 'latent' ? attention.ropeDim : null),
    ['ropeDim'],
    [],
  );
  return [
    ...latent.map((place) =>
      numberKnob(
        place,
        labelOf('Latent', latent, place),
        [64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048],
        true,
      ),
    ),
    ...rope.map((place) =>
      numberKnob(place, labelOf('RoPE key', rope, place), [16, 32, 48, 64, 80, 96, 128, 192, 256], true, {
        problem: (value) => whole(value) ?? (value % 2 === 0 ? null : 'RoPE rotates pairs: an even number is needed.'),
      }),
    ),
  ];
}

const LONGEST_WINDOW = 131_072;

function windowKnobs(reading: Reading): Knob[] {
  const factor: Factor = (attention) =>
    attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
  const places = placesOf(reading, factor, ['window', 'chunk'], []);
  if (places.length === 0) return newWindow(reading, factor);
  return places.map((place) =>
    numberKnob(
      place,
      labelOf(place.group.attention.kind === 'chunked' ? 'Chunk' : 'Window', places, place),
      doublings(128, LONGEST_WINDOW),
      true,
      { meaning: () => 'tokens' },
    ),
  );
}

/** Where the family would obey a window and the file has none: as long as the context is like none. */
function newWindow(reading: Reading, factor: Factor): Knob[] {
  const [group] = layerGroups(reading.spec);
  const path = [...reading.location.path, 'sliding_window'];
  const value = reading.spec.contextLength?.value ?? LONGEST_WINDOW;
  if (!group || typeof valueOf(reading, path) === 'number' || !obeys(reading, path, factor, value)) return [];
  return [
    numberKnob({ path, value, group }, 'Window', doublings(128, value), true, {
      meaning: (window) => (window === value ? 'no window' : 'tokens'),
    }),
  ];
}

/** One full layer in so many. */
const PERIOD_KEYS = [
  'sliding_window_pattern',
  '_sliding_window_pattern',
  'full_attention_interval',
  'global_attn_every_n_layers',
  'attn_layer_period',
  'no_rope_layer_interval',
];
const LONGEST_PERIOD = 12;

function patternKnobs(reading: Reading): Knob[] {
  const group = layerGroups(reading.spec)[0];
  if (!group) return [];
  const path = [...reading.location.path, 'layer_types'];
  const types = typesKnob(reading, path, valueOf(reading, path));
  if (types) return [types];
  const byKey = PERIOD_KEYS.flatMap((key): Knob[] => {
    const path = [...reading.location.path, key];
    const value = valueOf(reading, path);
    if (typeof value !== 'number' || whole(value) !== null || !changesKinds(reading, path, value + 1)) return [];
    return [numberKnob({ path, value, group }, 'Full layer every', periods(reading), false, { meaning: periodText })];
  });
  // By no key at all: the list says it, where the family reads one.
  const added =
    byKey.length > 0
      ? null
      : typesKnob(
          reading,
          path,
          reading.spec.layers.map(({ attention }) => TYPE_WORDS[attention.kind] ?? ''),
        );
  return added ? [added] : byKey;
}

const TYPE_WORDS: Readonly<Partial<Record<AttentionKind, string>>> = {
  full: 'full_attention',
  sliding: 'sliding_attention',
  chunked: 'chunked_attention',
};

function periods(reading: Reading): number[] {
  return Array.from({ length: Math.min(LONGEST_PERIOD, reading.spec.layers.length) }, (_, at) => at + 1);
}

function periodText(value: number): string {
  return value === 1 ? 'every layer is full' : `${value - 1} : 1`;
}

const kinds = (reading: Reading | null): string =>
  reading?.spec.layers.map(({ attention }) => attention.kind).join(' ') ?? '';

function changesKinds(reading: Reading, path: readonly string[], value: JsonValue): boolean {
  return (
    kinds(readDocument(reading.document, { ...reading.options, overrides: new Map([[path.join('.'), value]]) })) !==
    kinds(reading)
  );
}

/** `layer_types` of two words, one of them `full_attention`: turned as a whole list. */
function typesKnob(reading: Reading, path: readonly string[], list: JsonValue | undefined): Knob | null {
  if (!Array.isArray(list) || list.length < 2 || list.length > 512) return null;
  const words = list as readonly JsonValue[];
  const other = words.find((word) => typeof word === 'string' && word !== 'full_attention');
  if (typeof other !== 'string' || !words.every((word) => word === other || word === 'full_attention')) return null;
  const make = (period: number): string[] =>
    words.map((_, index) => ((index + 1) % period === 0 ? 'full_attention' : other));
  const file = periods(reading).find((period) => make(period).every((word, index) => word === words[index]));
  if (file === undefined || !changesKinds(reading, path, make(file + 1))) return null;
  return {
    id: path.join('.'),
    path,
    label: 'Full layer every',
    file,
    scale: { values: periods(reading), log: false },
    meaning: periodText,
    problem: whole,
    write: make,
  };
}
