/** An attention layer with K and V per head (MHA, GQA, MQA), as nodes. */

import { attendGraph } from './coreGraph';
import type { Value } from './graphBuilder';
import {
  BATCH,
  cacheRows,
  KEYS,
  type LayerContext,
  type LayerResult,
  rotated,
  TOKENS,
  withTemperature,
} from './layerContext';
import { headDims } from '../spec/layerSpec';
import type { HeadNormSpec } from '../spec/normSpec';
import { projectOutput } from './outputGraph';

export function headedLayer(c: LayerContext, x: Value): LayerResult {
  const project = (...args: [name: 'q' | 'k' | 'v', heads: number, dim: number, norm: HeadNormSpec | null]): Value =>
    c.g.transpose(projectHeads(c, x, ...args), [0, 2, 1, 3], args[0]);
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(c.spec.attention);
  const { queryNorm, keyNorm, valueNorm } = c.spec;
  const qRaw = project('q', queryHeads, keyDim, queryNorm);
  const kRaw = project('k', kvHeads, keyDim, keyNorm);
  const vNew = project('v', kvHeads, valueDim, valueNorm);
  const q = withTemperature(
    c,
    normAfterRope(c, rotated(c, qRaw, keyDim, 'q/rope'), 'q_norm', queryNorm, queryHeads, keyDim),
  );
  const kNew = normAfterRope(c, rotated(c, kRaw, keyDim, 'k/rope'), 'k_norm', keyNorm, kvHeads, keyDim);
  const key = cacheRows(c, 'key', kNew, [BATCH, kvHeads], keyDim);
  const value = cacheRows(c, 'value', vNew, [BATCH, kvHeads], valueDim);
  const part = { q, keys: key.segments, keyHeads: kvHeads, dim: keyDim };
  const core = attendGraph(c, [part], value.segments, kvHeads, valueDim);
  return {
    ...projectOutput(c, x, core.heads, valueDim),
    captures: {
      qRaw: () => ({ value: qRaw, shape: [BATCH, queryHeads, TOKENS, keyDim] }),
      kRaw: () => ({ value: kRaw, shape: [BATCH, kvHeads, TOKENS, keyDim] }),
      q: () => ({ value: q, shape: [BATCH, queryHeads, TOKENS, keyDim] }),
      k: () => ({ value: key.all(), shape: [BATCH, kvHeads, KEYS, keyDim] }),
      v: () => ({ value: value.all(), shape: [BATCH, kvHeads, KEYS, valueDim] }),
      ...core.captures,
    },
    cache: [key.cache, value.cache],
  };
}

/** Projection, clipping and the norm before RoPE: [B,T,hidden] → [B,T,heads,dim]. */
export function projectHeads(
  c: LayerContext,
  x: Value,
  name: 'q' | 'k' | 'v',
  heads: number,
  dim: number,
  norm: HeadNormSpec | null,
): Value {
  const { g, spec, weights } = c;
  const before = norm?.stage === 'before-rope' ? norm : null;
  const clip = (value: Value): Value =>
    spec.clip === null ? value : g.op('Clip', [value, g.scalar(-spec.clip), g.scalar(spec.clip)], {}, `${name}/clip`);
  let flat = weights.linear(x, name);
  if (!spec.clipAfterNorm) flat = clip(flat);
  if (before?.extent === 'projection') flat = weights.normalize(flat, `${name}_norm`, before.norm);
  let perHead = g.reshape(flat, [0, 0, heads, dim], `${name}/heads`);
  if (before && before.extent !== 'projection') perHead = weights.normalize(perHead, `${name}_norm`, before.norm);
  return spec.clipAfterNorm ? clip(perHead) : perHead;
}

/** The norm of families that normalise after RoPE, on [B,heads,T,dim]. */
function normAfterRope(
  c: LayerContext,
  x: Value,
  name: string,
  norm: HeadNormSpec | null,
  heads: number,
  dim: number,
): Value {
  if (norm?.stage !== 'after-rope') return x;
  if (norm.extent === 'projection') throw new Error('A norm over all heads together after RoPE is not supported.');
  return c.weights.normalize(x, name, norm.norm, norm.extent === 'head-own' ? [heads, 1, dim] : null);
}
