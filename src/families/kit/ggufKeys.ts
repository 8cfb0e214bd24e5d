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
