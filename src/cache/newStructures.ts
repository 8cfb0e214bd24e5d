/** What is newer than the engines' rules. */

import type { AttentionSpec } from '../model/attention';
import { ENGINE_NAMES, type EngineRule } from '../model/scenario';
import type { ModelSpec, Note } from '../model/spec';
import type { LayerGroup } from './groups';

/** Compression ratios whose pages the engines' rules know. */
const KNOWN_RATIOS: readonly number[] = [4, 128];

/** Structures newer than the engines' rules: what the model needs is known, how an engine lays it out is not. */
export function newStructures(
  groups: readonly LayerGroup[],
  engine: EngineRule,
  { llamacpp }: Pick<ModelSpec, 'llamacpp'>,
): Note[] {
  if (engine === 'intrinsic') return [];
  const of = (attention: AttentionSpec): string | null => {
    if ((attention.kind === 'latent' || attention.kind === 'full') && (attention.indexer?.pool ?? 1) !== 1)
      return 'pooled index keys';
    if (attention.kind === 'compressed' && !KNOWN_RATIOS.includes(attention.ratio))
      return `entries of ${attention.ratio} ${attention.ratio === 1 ? 'token' : 'tokens'}`;
    if (
      attention.kind === 'sliding' &&
      attention.valueDim === 0 &&
      !(engine === 'llamacpp' && llamacpp.windows === true) &&
      groups.some((one) => one.attention.kind === 'latent')
    )
      return 'windows of latents';
    return null;
  };
  const found = new Set(groups.flatMap(({ attention }) => of(attention) ?? []));
  return [...found].map((what) => ({
    text: `how ${ENGINE_NAMES[engine]} lays out ${what} is not known here`,
    inexact: true,
  }));
}
