/** Keys of GGUF metadata, once translated, in the spelling of a family. */

import type { GgufConfig, GgufSource } from './gguf';

/** Gives a key a further name; the first stays. */
export function alsoAs(config: GgufConfig, names: Readonly<Record<string, string>>): void {
  for (const [from, to] of Object.entries(names)) {
    const value = config[from];
    if (value !== undefined) config[to] = value;
  }
}

/** Width of a head: given, or hidden size ÷ heads; 0 where neither is known. */
export function ggufHeadWidth(source: GgufSource): number {
  const given = source.number('attention.key_length');
  if (given !== undefined) return given;
  const heads = source.perLayer('attention.head_count');
  return typeof heads === 'number' && heads > 0 ? (source.number('embedding_length') ?? 0) / heads : 0;
}
