/** What is newer than the engines' rules. */

import type { AttentionSpec } from '../model/attention';
import { ENGINE_NAMES, type EngineRule } from '../model/scenario';
import type { ModelSpec, Note } from '../model/spec';
import type { LayerGroup } from './groups';

/** Compression ratios whose pages the engines' rules know. */
const KNOWN_RATIOS: readonly number[] = [4, 128];

/** Structures newer than an engine's rule: what the model needs is known, how the engine lays it out is not. */
export function newStructures(
  groups: readonly LayerGroup[],
  engine: EngineRule,
  { llamacpp }: Pick<ModelSpec, 'llamacpp'>,
): Note[] {
  if (engine === 'intrinsic') return [];
  const of = (attention: AttentionSpec): string | null => {
    if (attention.kind === 'compressed' && !KNOWN_RATIOS.includes(attention.ratio))
      return `entries of ${attention.ratio} ${attention.ratio === 1 ? 'token' : 'tokens'}`;
    // vLLM's rule has both of these.
    if (engine === 'vllm') return null;
    const indexer = attention.kind === 'latent' || attention.kind === 'full' ? attention.indexer : undefined;
    // transformers keeps the index key of every token where only engines pool them.
    const pool = indexer?.pool ?? (engine === 'transformers' ? 1 : indexer?.enginePool) ?? 1;
    if (pool !== 1) return 'pooled index keys';
    const latents = groups.some((one) => one.attention.kind === 'latent');
    const known = engine === 'llamacpp' && llamacpp.windows === true;
    return attention.kind === 'sliding' && attention.valueDim === 0 && latents && !known ? 'windowed latents' : null;
  };
  const found = new Set(groups.flatMap(({ attention }) => of(attention) ?? []));
  if (engine !== 'vllm' && groups.some(({ state }) => state?.beside)) found.add('convolutions of n-grams');
  return [...found].map((what) => ({
    text: `Headlight does not know how ${ENGINE_NAMES[engine]} lays out ${what}`,
    inexact: true,
  }));
}
