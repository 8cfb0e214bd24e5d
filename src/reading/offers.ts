/** Keys and values that could be written into a model config: for completion. */

import { divisorsOf } from '../model/divisors';
import { isHeaded } from '../model/attention';
import type { ConfigDocument, JsonValue } from '../config/document';
import { CONTEXT_KEYS, HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import { KEYS } from '../config/keys';
import { DESCRIBED_KEYS, shapeOf } from '../config/keyShapes';
import type { Reading } from './read';

export interface KeyOffer {
  readonly key: string;
  /** What the family's class takes where the key is absent. */
  readonly classDefault: JsonValue | undefined;
}

/** Groups of spellings of which a family uses one. */
const SPELLINGS: readonly (readonly string[])[] = [
  LAYER_KEYS,
  HEAD_KEYS,
  KV_HEAD_KEYS,
  HEAD_DIM_KEYS,
  HIDDEN_KEYS,
  CONTEXT_KEYS,
];
/** What most families write, one of each group. */
// biome-ignore format: names fill their lines
const COMMON = [
  'num_hidden_layers', 'num_attention_heads', 'num_key_value_heads', 'head_dim', 'hidden_size',
  'max_position_embeddings',
];
/** Of these, what a latent cache makes meaningless. */
const PER_HEAD = ['num_key_value_heads', 'head_dim'];

/**
 * Keys of the table that the family uses and that do not stand at `path` of the text as it is now (`document`). Its own first, then
 * those that shape no cache.
 */
export function keyOffers(
  reading: Reading,
  path: readonly string[],
  document: ConfigDocument = reading.document,
): KeyOffer[] {
  const { location, spec, consulted } = reading;
  const object = document.objectAt(path);
  const atHome = path.join('.') === location.path.join('.');
  const atRoot = path.length === 0;
  if (!object || (!atHome && !atRoot)) return [];
  const present = document.propertiesOf(object);
  const defaults = reading.reader().defaults?.values ?? {};
  const latent = spec.layers.some(({ attention }) => attention.kind === 'latent');
  const isUsed = (name: string): boolean => present.has(name) || Object.hasOwn(defaults, name);
  const ownSpelling = (key: string): boolean => {
    const group = SPELLINGS.find((names) => names.includes(key));
    if (!group) return consulted.has([...location.path, key].join('.'));
    return (
      COMMON.includes(key) &&
      spec.dialect === 'huggingface' &&
      !group.some(isUsed) &&
      !(latent && PER_HEAD.includes(key))
    );
  };
  const offers: KeyOffer[] = [];
  for (const [key, info] of Object.entries(DESCRIBED_KEYS)) {
    if (present.has(key) || shapeOf(key).deprecated !== undefined) continue;
    const inClass = Object.hasOwn(defaults, key);
    const own = inClass || ownSpelling(key) || (spec.family === null && info.families === undefined);
    const everywhere = key === 'dtype' || (!Object.hasOwn(KEYS, key) && info.families === undefined);
    // Beside a nested language model the root has the element type and nothing else of it.
    if (atHome ? own || everywhere : key === 'dtype')
      offers.push({ key, classDefault: inClass ? defaults[key] : undefined });
  }
  return offers;
}

/** Values worth writing at a path: divisors for KV heads, known words. Empty where any number is as good as another. */
export function valueOffers(reading: Reading, path: readonly (string | number)[]): JsonValue[] {
  const names = path.filter((segment): segment is string => typeof segment === 'string');
  const key = names.at(-1) ?? '';
  const listed = typeof path.at(-1) === 'number';
  if (KV_HEAD_KEYS.includes(key) || key === 'kv_n_heads') {
    const heads = reading.spec.layers.map(({ attention }) => attention).find(isHeaded)?.queryHeads;
    return heads === undefined || listed ? [] : divisorsOf(heads);
  }
  const { type, values } = shapeOf(key);
  return values && COMPLETED.includes(key) && listed === (type === 'list') ? [...values] : [];
}

/** Keys with known words that we complete ourselves, because of what each costs; the schema offers the words of the others. */
export const COMPLETED: readonly string[] = ['torch_dtype', 'dtype', 'layer_types', 'layers_block_type'];
