/** Work of attention itself, beyond its projections: floating-point operations, and bytes of cache that are read. */

import { type LayerGroup, layerGroups } from '../cache/groups';
import { bytesOfNext } from '../cache/growth';
import { entriesHeld, entryBytes, indexKeysHeld, indexRowBytes, layerStateBytes } from '../cache/layerBytes';
import { type AttentionSpec, type IndexerSpec, isHeaded } from '../model/attention';
import type { ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec } from '../model/spec';

/**
 * How latent attention (MLA) is computed.
 * - `absorbed`: queries are taken into the latent space, and scores and outputs are formed there (decoding).
 * - `expanded`: the heads' keys and values are made from the latents first (prefill).
 */
export type LatentForm = 'absorbed' | 'expanded';

/** A layer as far as its work goes: a layer that shares a cache works on the cache of the other. */
interface Work {
  readonly spec: AttentionSpec;
  readonly count: number;
}

function works(model: ModelSpec): Work[] {
  return layerGroups(model).map(({ attention, indexes }) => ({
    spec: worksOn(model, attention),
    count: indexes.length,
  }));
}

/** Whose cache a layer's queries look at: its own attention, or that of the layer whose cache it reads. */
export function worksOn(model: ModelSpec, attention: AttentionSpec): AttentionSpec {
  return (attention.kind === 'shared' ? model.layers[attention.sharedWith]?.attention : undefined) ?? attention;
}

/** Keys that one query attends to at a context of `tokens`, its own included. */
function keysSeen(spec: AttentionSpec, tokens: number): number {
  const held = entriesHeld(spec, tokens);
  if (!('indexer' in spec) || spec.indexer?.topK == null) return held;
  if (spec.kind !== 'compressed') return Math.min(held, spec.indexer.topK);
  return Math.min(tokens, spec.window) + Math.min(Math.floor(tokens / spec.ratio), spec.indexer.topK);
}

/**
 * Operations of one query token against one key, two for each multiplication and addition.
 * - heads: 2 · H_q · (d_k + d_v): scores and weighted sum;
 * - MLA absorbed: 2 · H · (d_c + d_r) for scores and 2 · H · d_c for the sum over latents (DeepSeek-V2, arXiv 2405.04434,
 *   §2.1.2); expanded: 2 · H · (d_nope + d_r + d_v);
 * - compressed (K = V): 2 · H · 2 d.
 */
function flopsPerKey(spec: AttentionSpec, form: LatentForm): number {
  if (isHeaded(spec)) return 2 * spec.queryHeads * (spec.keyDim + (spec.valueDim || spec.keyDim));
  if (spec.kind === 'compressed') return 4 * spec.queryHeads * spec.headDim;
  if (spec.kind !== 'latent') return 0;
  const perHead = form === 'absorbed' ? 2 * spec.latentDim + spec.ropeDim : spec.nopeDim + spec.ropeDim + spec.valueDim;
  return 2 * spec.queryHeads * perHead;
}

/** Index scores: every index head against every index key. */
function indexFlopsPerKey(indexer: IndexerSpec | undefined): number {
  return indexer?.owned ? 2 * (indexer.heads ?? 1) * indexer.headDim : 0;
}

/** Recurrent state: scale, add the outer product, read out; two operations each per element. */
const FLOPS_PER_STATE_ELEMENT = 6;

function stateElements(model: ModelSpec): number {
  return layerGroups(model).reduce(
    (sum, { state, indexes }) => sum + indexes.length * (state?.recurrentElements ?? 0),
    0,
  );
}

/** Operations of one token that attends to a context of `tokens`, all layers. */
export function decodeAttentionFlops(model: ModelSpec, tokens: number, form: LatentForm = 'absorbed'): number {
  let flops = FLOPS_PER_STATE_ELEMENT * stateElements(model);
  for (const { spec, count } of works(model)) flops += count * flopsOfStep(spec, tokens, form);
  return flops;
}

function flopsOfStep(spec: AttentionSpec, tokens: number, form: LatentForm): number {
  const index = 'indexer' in spec ? indexKeysHeld(spec, tokens) * indexFlopsPerKey(spec.indexer) : 0;
  return keysSeen(spec, tokens) * flopsPerKey(spec, form) + index;
}

/** What one layer has of `decodeAttentionFlops`: its scores and sums, and what its state takes. */
export function decodeLayerFlops(
  model: ModelSpec,
  { attention, state }: Pick<LayerGroup, 'attention' | 'state'>,
  tokens: number,
  form: LatentForm = 'absorbed',
): number {
  return flopsOfStep(worksOn(model, attention), tokens, form) + stateStepFlops(state);
}

/** Of these, what the state takes. */
export function stateStepFlops(state: LayerGroup['state']): number {
  return FLOPS_PER_STATE_ELEMENT * (state?.recurrentElements ?? 0);
}

/** Σ min(t, limit) for t = 1 … tokens. */
function causalSum(tokens: number, limit: number): number {
  const ramp = Math.min(tokens, limit);
  return (ramp * (ramp + 1)) / 2 + (tokens > limit ? (tokens - limit) * limit : 0);
}

/** Operations of a prompt of `tokens` tokens against itself, causally, all layers. */
export function prefillAttentionFlops(model: ModelSpec, tokens: number, form: LatentForm = 'expanded'): number {
  let flops = FLOPS_PER_STATE_ELEMENT * stateElements(model) * tokens;
  for (const { spec, count } of works(model)) flops += count * flopsOfPrompt(spec, tokens, form);
  return flops;
}

function flopsOfPrompt(spec: AttentionSpec, tokens: number, form: LatentForm): number {
  return causalKeys(spec, tokens) * flopsPerKey(spec, form) + causalIndex(spec, tokens);
}

/** What one layer has of `prefillAttentionFlops`. */
export function prefillLayerFlops(
  model: ModelSpec,
  { attention, state }: Pick<LayerGroup, 'attention' | 'state'>,
  tokens: number,
  form: LatentForm = 'expanded',
): number {
  return (
    flopsOfPrompt(worksOn(model, attention), tokens, form) +
    FLOPS_PER_STATE_ELEMENT * (state?.recurrentElements ?? 0) * tokens
  );
}

/** Pairs of a query and a key that it sees. */
function causalKeys(spec: AttentionSpec, tokens: number): number {
  switch (spec.kind) {
    case 'sliding':
      return causalSum(tokens, spec.window);
    case 'chunked': {
      const whole = Math.floor(tokens / spec.chunk);
      return whole * causalSum(spec.chunk, spec.chunk) + causalSum(tokens % spec.chunk, spec.chunk);
    }
    case 'compressed':
      return (
        causalSum(tokens, spec.window) +
        compressedKeys(tokens, spec.ratio, spec.indexer?.topK ?? Number.POSITIVE_INFINITY)
      );
    case 'cross':
      return tokens * entriesHeld(spec, tokens);
    default:
      return causalSum(tokens, 'indexer' in spec ? (spec.indexer?.topK ?? tokens) : tokens);
  }
}

/** Σ min(⌊t / ratio⌋, limit). */
function compressedKeys(tokens: number, ratio: number, limit: number): number {
  const groups = Math.floor(tokens / ratio);
  const whole = groups === 0 ? 0 : ratio * causalSum(groups - 1, limit);
  return whole + (tokens - groups * ratio + 1) * Math.min(groups, limit);
}

function causalIndex(spec: AttentionSpec, tokens: number): number {
  if (!('indexer' in spec) || !spec.indexer) return 0;
  // One index key for so many tokens.
  const each = spec.kind === 'compressed' ? spec.ratio : (spec.indexer.pool ?? 1);
  return compressedKeys(tokens, each, Number.POSITIVE_INFINITY) * indexFlopsPerKey(spec.indexer);
}

/**
 * Bytes of cache and state that a decode step reads (and of state, writes back) for one sequence at a context of
 * `tokens`: with a sparse indexer all index keys and the selected entries alone; a layer that shares a cache reads it
 * again.
 */
export function cacheReadBytes(model: ModelSpec, dtype: ResolvedKvDtype, tokens: number): number {
  let bytes = 0;
  for (const { spec, count } of works(model)) bytes += count * readBytes(spec, dtype, tokens);
  for (const { state, indexes } of layerGroups(model)) bytes += 2 * indexes.length * layerStateBytes(state, dtype);
  return bytes;
}

function readBytes(spec: AttentionSpec, dtype: ResolvedKvDtype, tokens: number): number {
  const index = 'indexer' in spec ? indexKeysHeld(spec, tokens) * indexRowBytes(dtype, spec.indexer) : 0;
  return keysSeen(spec, tokens) * entryBytes(spec, dtype) + index;
}

/** What one layer has of `cacheReadBytes`, without its state. */
export function layerReadBytes(
  model: ModelSpec,
  attention: AttentionSpec,
  dtype: ResolvedKvDtype,
  tokens: number,
): number {
  return readBytes(worksOn(model, attention), dtype, tokens);
}

/**
 * Bytes that a decode step writes into the cache of one layer and sequence: an entry for the token, in a full window in place of the
 * oldest; on average where an entry stands for several tokens. Cross attention keeps the source, which does not grow.
 */
export function layerWrittenBytes(attention: AttentionSpec, dtype: ResolvedKvDtype): number {
  return attention.kind === 'cross' ? 0 : bytesOfNext(attention, dtype, 0);
}
