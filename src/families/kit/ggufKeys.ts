/** Translated GGUF metadata in a family's own spelling. */

import type { GgufConfig, GgufSource } from './ggufMetadata';

/** Copies values to further names; the first names stay. */
export function alsoAs(config: GgufConfig, names: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(names)) {
    const value = config[from];
    if (value !== undefined) config[to] = value;
  }
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
 * KV heads of full and of sliding layers, where the file gives a number for each layer and they agree within a kind
 * (`attention.sliding_window_pattern`, one flag a layer). Null where they do not: then the list stays, and is noted.
 */
function ggufHeadsByKind(source: GgufSource): { readonly full: number; readonly sliding: number } | null {
  const [heads, flags] = [source.perLayer('attention.head_count_kv'), source.flags('attention.sliding_window_pattern')];
  if (typeof heads !== 'object' || flags?.length !== heads.length) return null;
  const [full, sliding] = [false, true].map((kind) => new Set(heads.filter((_, index) => flags[index] === kind)));
  const [ofFull, ofSliding] = [[...(full ?? [])], [...(sliding ?? [])]];
  const [first, second] = [ofFull[0], ofSliding[0]];
  if (ofFull.length !== 1 || ofSliding.length !== 1 || first === undefined || second === undefined) return null;
  return { full: first, sliding: second };
}

/** The KV heads of both kinds of layers under the family's names. */
export function setHeadsByKind(config: GgufConfig, source: GgufSource, full: string, sliding: string): boolean {
  const heads = ggufHeadsByKind(source);
  if (heads === null) return false;
  delete config['num_key_value_heads_per_layer'];
  config[full] = heads.full;
  config[sliding] = heads.sliding;
  return true;
}
