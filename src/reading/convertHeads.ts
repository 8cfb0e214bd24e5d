/**
 * The edit of a config that changes how many K and V heads its layers have. Which key does that differs by family (and in some no
 * key does), so every candidate is read again and kept only when the layers came out as asked.
 */

import { type AttentionSpec, headVariant, isHeaded } from '../model/attention';
import type { JsonValue } from '../config/document';
import { KV_HEAD_KEYS } from '../config/spellings';
import { readDocument, type Reading } from './read';

/** One value of the config; undefined removes the key. */
export interface KeyEdit {
  /** From the root of the document. */
  readonly path: readonly string[];
  readonly value: JsonValue | undefined;
}

export interface HeadConversion {
  readonly edits: readonly KeyEdit[];
  /** The config as it will be read. */
  readonly reading: Reading;
}

/** Layers whose K and V heads can be changed: heads of their own, no cross attention. */
function ownHeads(reading: Reading): Extract<AttentionSpec, { readonly kvHeads: number }>[] {
  return [...new Set(reading.spec.layers.map(({ attention }) => attention))]
    .filter(isHeaded)
    .filter(({ kind }) => kind !== 'cross' && kind !== 'shared');
}

/** Query heads that every converted layer has, for the choices to offer; null where layers differ or have none. */
export function convertibleHeads(reading: Reading): number | null {
  const counts = new Set(ownHeads(reading).map(({ queryHeads }) => queryHeads));
  const [only] = counts;
  return counts.size === 1 && only !== undefined && !hasLatent(reading) ? only : null;
}

function hasLatent(reading: Reading): boolean {
  return reading.spec.layers.some(({ attention }) => attention.kind === 'latent' || attention.kind === 'compressed');
}

/** The edit after which every layer has `kvHeads` K and V heads; a text says why there is none. */
export function convertHeads(reading: Reading, kvHeads: number): HeadConversion | string {
  const before = ownHeads(reading);
  if (hasLatent(reading)) return 'a latent cache has no KV heads: all query heads share one latent';
  if (before.length === 0) return 'no layer has KV heads';
  const indivisible = before.find(({ queryHeads }) => queryHeads % kvHeads !== 0);
  if (indivisible) return `${kvHeads} KV heads do not divide ${indivisible.queryHeads} query heads`;
  if (before.every((layer) => layer.kvHeads === kvHeads))
    return `every layer has ${kvHeads} KV ${kvHeads === 1 ? 'head' : 'heads'} already`;
  for (const edits of candidates(reading, kvHeads)) {
    const overrides = new Map([
      ...(reading.options.overrides ?? []),
      ...edits.map(({ path, value }) => [path.join('.'), value] as const),
    ]);
    const changed = readDocument(reading.document, { ...reading.options, overrides });
    if (changed && cameOut(reading, changed, kvHeads)) return { edits, reading: changed };
  }
  const [first] = before;
  return `Headlight knows no key of ${reading.spec.modelType} that changes its ${first ? headVariant(first) : 'heads'}`;
}

/** Every layer as it was, but for the KV heads. */
function cameOut(before: Reading, after: Reading, kvHeads: number): boolean {
  if (after.spec.layers.length !== before.spec.layers.length || (before.spec.exact && !after.spec.exact)) return false;
  return before.spec.layers.every(({ attention: was }, index) => {
    const is = after.spec.layers[index]?.attention;
    if (!is || is.kind !== was.kind) return false;
    if (!isHeaded(was) || !isHeaded(is) || was.kind === 'cross') return true;
    return (
      is.kvHeads === kvHeads &&
      is.queryHeads === was.queryHeads &&
      is.keyDim === was.keyDim &&
      is.valueDim === was.valueDim
    );
  });
}

/** Ways to say it, the most natural first: the keys that said it so far, the common key, the flags of older families. */
function candidates(reading: Reading, kvHeads: number): KeyEdit[][] {
  const home = reading.location.path;
  const at = (key: string, value: JsonValue): KeyEdit => ({ path: [...home, key], value });
  const said = [...new Set(reading.spec.layers.flatMap(({ sources }) => sources['kvHeads']?.key ?? []))].filter(
    (key) => KV_HEAD_KEYS.includes(key.split('.').at(-1) ?? '') || key.endsWith('kv_n_heads'),
  );
  const common = reading.location.dialect === 'params' ? 'n_kv_heads' : 'num_key_value_heads';
  const single = kvHeads === 1;
  return [
    ...(said.length > 0
      ? [said.map((key): KeyEdit => ({ path: key.split('.'), value: like(reading, key, kvHeads) }))]
      : []),
    ...(single ? [[at('multi_query', true)]] : []),
    [at(common, kvHeads)],
    [at('num_kv_heads', kvHeads), at('multi_query', false)],
    [at('num_kv_heads', kvHeads), at('new_decoder_architecture', true)],
    [at('multi_query', false)],
    [at('multi_query_attention', true), at('multi_query_group_num', kvHeads)],
  ];
}

/** A list stays a list: one count per layer, zeros and nulls (layers without attention) as they are. */
function like(reading: Reading, key: string, kvHeads: number): JsonValue {
  const path = key.split('.');
  const parent = reading.document.objectAt(path.slice(0, -1));
  const node = parent && reading.document.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
  const value = node && reading.document.valueOf(node);
  return Array.isArray(value)
    ? value.map((entry: JsonValue) => (typeof entry === 'number' && entry > 0 ? kvHeads : entry))
    : kvHeads;
}
