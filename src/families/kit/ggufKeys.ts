/** Translated GGUF metadata in a family's own spelling. */

import type { GgufConfig, GgufSource } from './ggufMetadata';

/** Copies values to further names; the first names stay. */
export function alsoAs(config: GgufConfig, names: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(names)) {
    const value = config[from];
    if (value !== undefined) config[to] = value;
  }
}

/** Moves values to the family's names. */
export function renamed(config: GgufConfig, names: Readonly<Record<string, string>>): void {
  alsoAs(config, names);
  for (const from of Object.keys(names)) Reflect.deleteProperty(config, from);
}

/** Width of a head: given, or hidden size ÷ heads; undefined where neither is known. */
export function ggufHeadWidth(source: GgufSource): number | undefined {
  return source.number('attention.key_length') ?? dividedHeadWidth(source);
}

/** Hidden size ÷ heads; undefined where one is not known, or the heads differ by layer. */
export function dividedHeadWidth(source: GgufSource): number | undefined {
  const [hidden, heads] = [source.number('embedding_length'), source.perLayer('attention.head_count')];
  return hidden !== undefined && typeof heads === 'number' && heads > 0 ? hidden / heads : undefined;
}

/**
 * A number of full and of sliding layers, where the file gives one for each layer and they agree within a kind
 * (`attention.sliding_window_pattern`, one flag a layer). Null where they do not: then the list stays, and is noted.
 */
function byKind(source: GgufSource, key: string): { readonly full: number; readonly sliding: number } | null {
  const [numbers, flags] = [source.perLayer(key), source.flags('attention.sliding_window_pattern')];
  if (typeof numbers !== 'object' || flags?.length !== numbers.length) return null;
  const of = (kind: boolean): readonly number[] => [...new Set(numbers.filter((_, index) => flags[index] === kind))];
  const [[full, ...otherFull], [sliding, ...otherSliding]] = [of(false), of(true)];
  if (full === undefined || sliding === undefined || otherFull.length + otherSliding.length > 0) return null;
  return { full, sliding };
}

/** Heads of both kinds of layers under the family's names: `key` is the common one, of which there is a list for each layer. */
function setByKind(config: GgufConfig, source: GgufSource, from: string, key: string, names: KindNames): boolean {
  const heads = byKind(source, from);
  if (heads === null) return false;
  Reflect.deleteProperty(config, `${key}_per_layer`);
  config[names.full] = heads.full;
  config[names.sliding] = heads.sliding;
  return true;
}

interface KindNames {
  readonly full: string;
  readonly sliding: string;
}

/** True where full and sliding layers have KV heads of their own, which the config then says. */
export function setKvHeadsByKind(config: GgufConfig, source: GgufSource, names: KindNames): boolean {
  return setByKind(config, source, 'attention.head_count_kv', 'num_key_value_heads', names);
}

/** The same of query heads. */
export function setHeadsByKind(config: GgufConfig, source: GgufSource, names: KindNames): boolean {
  return setByKind(config, source, 'attention.head_count', 'num_attention_heads', names);
}
