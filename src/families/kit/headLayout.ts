/** Reading head counts and widths: the keys that most families share, in all their spellings. */

import { HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../../config/spellings';
import type { HeadLayout, LatentAttention } from '../../model/attention';
import type { FactorSources, Source, Sourced } from '../../model/spec';
import type { ConfigReader } from '../../config/reader';
import { MAX_LAYERS } from '../../config/reader';

export function layerCount(reader: ConfigReader, keys: readonly string[] = LAYER_KEYS): Sourced<number> | null {
  return reader.integer(keys, 1, MAX_LAYERS);
}

/** A layout and the sources of its factors. */
export interface SourcedLayout {
  readonly layout: HeadLayout;
  readonly sources: FactorSources;
}

export interface HeadOptions {
  readonly headKeys?: readonly string[];
  /** Keys of the KV-head count; an empty list where the family has none (then `kvHeads` decides). */
  readonly kvKeys?: readonly string[];
  /** KV heads where no key gives them: as many as query heads (the default), or a number with its reason, its key or its source. */
  readonly kvHeads?: { readonly value: number; readonly rule: string; readonly key?: string; readonly source?: Source };
  readonly hiddenKeys?: readonly string[];
  readonly headDimKeys?: readonly string[];
  /** Head width where no key gives it, from hidden size and query heads; the default divides. */
  readonly headDim?: (hidden: number, queryHeads: number) => { readonly value: number; readonly rule: string };
  /** Key of a value width that differs from the key width. */
  readonly valueDimKeys?: readonly string[];
}

/** K and V heads of a config; null (with a problem noted) when a count is missing. */
export function headLayout(reader: ConfigReader, options: HeadOptions = {}): SourcedLayout | null {
  const queryHeads = reader.integer(options.headKeys ?? HEAD_KEYS);
  if (!queryHeads) {
    missing(reader, 'the number of attention heads', (options.headKeys ?? HEAD_KEYS)[0] ?? '');
    return null;
  }
  const kvHeads = kvHeadsOf(reader, queryHeads, options);
  checkGroups(reader, queryHeads, kvHeads);
  const headDim = headDimOf(reader, queryHeads.value, options);
  if (!headDim) return null;
  const valueDim = options.valueDimKeys ? reader.integer(options.valueDimKeys) : null;
  return {
    layout: {
      queryHeads: queryHeads.value,
      kvHeads: kvHeads.value,
      keyDim: headDim.value,
      valueDim: valueDim?.value ?? headDim.value,
    },
    sources: {
      queryHeads: queryHeads.source,
      kvHeads: kvHeads.source,
      keyDim: headDim.source,
      valueDim: valueDim?.source ?? headDim.source,
    },
  };
}

/** KV heads that do not divide the query heads run nowhere: the number is mistyped, or the file relies on other defaults. */
function checkGroups(reader: ConfigReader, queryHeads: Sourced<number>, kvHeads: Sourced<number>): void {
  if (queryHeads.value % kvHeads.value === 0) return;
  reader.log.note(
    `${queryHeads.value} query heads cannot share ${kvHeads.value} KV heads`,
    true,
    kvHeads.source.key ?? undefined,
  );
}

/** A class of transformers that calls its query heads by the common name takes KV heads by theirs, and the names that it declares. */
function kvKeysOf({ defaults }: ConfigReader): readonly string[] {
  if (!defaults || !Object.hasOwn(defaults.values, 'num_attention_heads')) return KV_HEAD_KEYS;
  const { values, aliases = {} } = defaults;
  return KV_HEAD_KEYS.filter(
    (key) => key === 'num_key_value_heads' || Object.hasOwn(values, key) || Object.hasOwn(aliases, key),
  );
}

function kvHeadsOf(reader: ConfigReader, queryHeads: Sourced<number>, options: HeadOptions): Sourced<number> {
  const keys = options.kvKeys ?? kvKeysOf(reader);
  const given = keys.length > 0 ? reader.integer(keys) : null;
  if (given) return given;
  if (options.kvHeads) {
    const { value, rule, key, source } = options.kvHeads;
    return { value, source: source ? { ...source, rule } : reader.derived(rule, key ?? null) };
  }
  const nullKey = keys.find((key) => reader.has(key));
  const rule = nullKey
    ? `${reader.pathOf(nullKey)} is null: one KV head per query head`
    : 'no KV-head key: one KV head per query head';
  return { value: queryHeads.value, source: { ...queryHeads.source, rule } };
}

function headDimOf(reader: ConfigReader, queryHeads: number, options: HeadOptions): Sourced<number> | null {
  const keys = options.headDimKeys ?? HEAD_DIM_KEYS;
  reader.consult(keys);
  const key = reader.spelling(keys);
  // Null and 0 both mean "not given" (vLLM takes head_dim only when it is positive); T5's d_kv is a width, and 0 is none.
  const mayBeZero = key !== null && HEAD_DIM_KEYS.includes(key);
  const given = key !== null && !(mayBeZero && reader.value(key) === 0) ? reader.integer(keys) : null;
  if (given) return given;
  const hidden = reader.integer(options.hiddenKeys ?? HIDDEN_KEYS);
  if (!hidden) {
    missing(reader, 'the head width (head_dim or hidden_size)', 'hidden_size');
    return null;
  }
  const derived = options.headDim?.(hidden.value, queryHeads) ?? {
    value: Math.floor(hidden.value / queryHeads),
    rule: `${hidden.value} ÷ ${queryHeads} heads`,
  };
  if (!options.headDim && hidden.value % queryHeads !== 0) {
    const key = hidden.source.key ?? undefined;
    reader.log.note(
      `hidden size ${hidden.value} is not a multiple of ${queryHeads} heads: the head width is not certain`,
      true,
      key,
    );
  }
  if (derived.value < 1) {
    missing(reader, `a head width of at least 1 (${derived.rule})`, 'head_dim');
    return null;
  }
  return { value: derived.value, source: { ...hidden.source, rule: derived.rule } };
}

export interface SourcedLatent {
  readonly attention: LatentAttention;
  readonly sources: FactorSources;
}

/** MLA widths; null (with a problem noted) when the latent or the rotary width is missing. */
export function latentLayout(
  reader: ConfigReader,
  options: { readonly dividedHeads?: boolean } = {},
): SourcedLatent | null {
  const latent = reader.integer(['kv_lora_rank']);
  const rope = reader.integer(['qk_rope_head_dim'], 0);
  const heads = reader.integer(HEAD_KEYS);
  if (!latent || !rope || !heads) {
    missing(reader, 'kv_lora_rank, qk_rope_head_dim and num_attention_heads', 'kv_lora_rank');
    return null;
  }
  const nope = reader.integer(['qk_nope_head_dim'], 0);
  const value = reader.integer(['v_head_dim']);
  const query = reader.integer(['q_lora_rank']);
  // MiniCPM3 omits v_head_dim: hidden size ÷ heads.
  const hidden = options.dividedHeads && !value ? reader.integer(HIDDEN_KEYS) : null;
  const divided = hidden ? Math.floor(hidden.value / heads.value) : undefined;
  // The cache holds latents, whose widths are known: its bytes stay exact, while work and parameters lack these widths.
  if (!nope) reader.log.note('qk_nope_head_dim is not given: counted as 0', false, reader.pathOf('qk_nope_head_dim'));
  const attention: LatentAttention = {
    kind: 'latent',
    queryHeads: heads.value,
    latentDim: latent.value,
    ropeDim: rope.value,
    nopeDim: nope?.value ?? 0,
    valueDim: value?.value ?? divided ?? nope?.value ?? 0,
    queryLatentDim: query?.value ?? null,
  };
  const sources: Record<string, Source> = { queryHeads: heads.source, latentDim: latent.source, ropeDim: rope.source };
  if (nope) sources['nopeDim'] = nope.source;
  if (value) sources['valueDim'] = value.source;
  if (query) sources['queryLatentDim'] = query.source;
  return { attention, sources };
}

/** Reports a missing number once. */
export function missing(reader: ConfigReader, what: string, key: string): void {
  if (reader.log.problems.some((problem) => problem.rule === 'missing-value' && problem.key === reader.pathOf(key)))
    return;
  reader.log.problems.push({
    rule: 'missing-value',
    severity: 'error',
    key: reader.pathOf(key),
    range: reader.rangeOf(key),
    message: `The config does not give ${what}.`,
  });
  reader.log.note(`${what} is missing`, true, reader.pathOf(key));
}
