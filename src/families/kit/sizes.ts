/** Sizes that cannot be: no number is exact of a model that has them, whether its cache depends on them or not. */

import { type ConfigReader, MAX_DIMENSION } from '../../config/reader';
import { CONTEXT_KEYS, HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../../config/spellings';
import { EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from '../counted/feedForward';
import type { LayersFacet } from '../facets';

interface Size {
  readonly keys: readonly string[];
  readonly least: number;
  /** Where it is longer than a list of layers may be: lists of any length are for its own parts. */
  readonly lists?: 'any';
  readonly most?: number;
}

/** Some files write 1e30 for a context without an end. */
const MOST_POSITIONS = 1e30;

/** What a class makes tensors of. */
const SIZES: readonly Size[] = [
  { keys: HIDDEN_KEYS, least: 1 },
  { keys: LAYER_KEYS, least: 0 },
  { keys: [...HEAD_KEYS, ...KV_HEAD_KEYS, ...HEAD_DIM_KEYS], least: 0 },
  { keys: ['intermediate_size'], least: 0 },
  { keys: ['vocab_size'], least: 1 },
  { keys: [...EXPERT_COUNT_KEYS, ...EXPERT_ACTIVE_KEYS, 'moe_intermediate_size'], least: 0, lists: 'any' },
];
const POSITIONS: Size = { keys: CONTEXT_KEYS, least: 1, lists: 'any', most: MOST_POSITIONS };

/** Classes of transformers that know them take null, which the table of defaults has not, and refuse what is no number. */
const OFTEN_NULL = ['num_key_value_heads', 'head_dim'];

/** Reports sizes that are no numbers, where the family or its class knows the key. A list has one for each of the layers. */
export function checkSizes(reader: ConfigReader, layers: number): void {
  const { defaults, log } = reader;
  for (const size of SIZES)
    for (const key of size.keys) {
      const declared = defaults !== null && (Object.hasOwn(defaults.values, key) || OFTEN_NULL.includes(key));
      if (declared || log.consulted.has(reader.pathOf(key))) checkSize(reader, key, size, layers);
    }
  // Every class has one of them, and the table of defaults few.
  for (const key of POSITIONS.keys) checkSize(reader, key, POSITIONS, layers);
  checkExperts(reader);
}

function checkSize(reader: ConfigReader, key: string, { least, lists, most }: Size, layers: number): void {
  const value = reader.own(key);
  if (value === undefined || value === null) return;
  if (Array.isArray(value) && (lists === 'any' || value.length === layers)) return;
  const sound = typeof value === 'number' && Number.isInteger(value) && value >= least;
  if (!sound || value > (most ?? MAX_DIMENSION)) reader.wrong(key, `a whole number of at least ${least}`, value);
}

/** A token is sent to as many experts as there are, at most; groups of them are of one size (torch.topk and view refuse others). */
function checkExperts(reader: ConfigReader): void {
  const numberOf = (keys: readonly string[]): { readonly key: string; readonly value: number } | null => {
    const key = keys.find((one) => typeof reader.value(one) === 'number');
    const value = key === undefined ? undefined : reader.value(key);
    return key !== undefined && typeof value === 'number' ? { key, value } : null;
  };
  const [count, active] = [numberOf(EXPERT_COUNT_KEYS), numberOf(EXPERT_ACTIVE_KEYS)];
  // One expert, or none, is a dense model, of which the other numbers say nothing.
  if (!count || count.value <= 1) return;
  if (active && active.value > count.value)
    reader.wrong(active.key, `at most the ${count.value} experts`, active.value);
  const [groups, top] = [numberOf(['n_group']), numberOf(['topk_group'])];
  if (!groups || groups.value <= 1) return;
  if (count.value % groups.value !== 0)
    reader.wrong(groups.key, `a divisor of the ${count.value} experts`, groups.value);
  if (top && top.value > groups.value) reader.wrong(top.key, `at most the ${groups.value} groups`, top.value);
}

/** A hidden size that the heads do not divide, which the class refuses whatever else the file says (see lint/headDim.ts). */
export function checkRemainder(family: LayersFacet, reader: ConfigReader): void {
  if (family.refusesRemainder !== 'class') return;
  const [hidden, heads] = [reader.integer(HIDDEN_KEYS), reader.integer(HEAD_KEYS)];
  if (!hidden || !heads || hidden.value % heads.value === 0) return;
  const text = `hidden size ${hidden.value} is not a multiple of ${heads.value} heads: transformers refuses this model`;
  reader.log.note(text, true, heads.source.key ?? undefined);
}
