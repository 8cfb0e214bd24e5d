/**
 * vLLM's caches of a model with compressed entries (DeepSeek-V4): a window in every layer, compressed latents with index keys, and
 * the compressors' own float32 states, which are windows too. Sources: `kv_cache_utils.py`, groups of several page sizes. Windows of
 * latents beside full ones (dots3-note) are grouped alike.
 */

import type { AttentionSpec } from '../../model/attention';
import { type LayerGroup, layerGroups } from '../groups';
import { entryBytes, indexRowBytes, ownIndexer } from '../layerBytes';
import { attentionOf, pages, roundUp, type RuleContext } from './allocationRule';
import { countOption } from './options';
import { type CacheKind, reservedWindowBlocks, tokensInFlight, windowBlocks } from './vllmBlocks';
import { leastPadding } from './vllmPacked';

/** Tokens of a page of latents; ÷ ratio entries are in it. */
const LATENT_PAGE_TOKENS = 256;
const WINDOW_PAGE_TOKENS = 64;
/** The packed format is aligned to 576 bytes, others to 512. */
const PACKED_ALIGNMENT = 576;
const ALIGNMENT = 512;
/** Ratios up to this overlap two windows of the compressor (`coff = 2`), with pages of 4 tokens; larger ones have pages of 8. */
const OVERLAPPING_RATIO = 4;
const FLOAT32 = 4;

/** Bytes of a page, aligned. */
function aligned(bytes: number, { dtype }: RuleContext): number {
  return roundUp(bytes, dtype === 'fp8_ds_mla' || dtype === 'fp8' ? PACKED_ALIGNMENT : ALIGNMENT);
}

/** All caches of one kind of layers. Each has a group (`type`) of its own; `key` says which page it is. */
export function compressedKinds(
  attention: AttentionSpec,
  layers: readonly number[],
  context: RuleContext,
): readonly CacheKind[] {
  if (hasLatentWindows(context)) return latentWindowKinds(attention, layers, context);
  const entry = modelEntryBytes(context);
  const windowed = (type: string, window: number, pageTokens: number, pageBytes: number): CacheKind => ({
    key: `${type} ${pageBytes}`,
    type,
    layers,
    pageTokens,
    page: aligned(pageBytes, context),
    held: windowBlocks(context.workload.tokens, window, pageTokens),
    reserved: reservedWindowBlocks(context.workload.tokens, window, pageTokens, tokensInFlight(context)),
  });
  if (attention.kind === 'sliding')
    return [windowed('window', attention.window, WINDOW_PAGE_TOKENS, WINDOW_PAGE_TOKENS * entry)];
  if (attention.kind !== 'compressed') return [];
  const { ratio, window, headDim } = attention;
  const blocks = pages(context.workload.tokens, LATENT_PAGE_TOKENS);
  const perPage = Math.max(1, Math.floor(LATENT_PAGE_TOKENS / ratio));
  const latent = (what: string, row: number): CacheKind => ({
    key: `${what} ${ratio}`,
    type: 'latent',
    layers,
    pageTokens: LATENT_PAGE_TOKENS,
    page: aligned(perPage * row, context),
    held: blocks,
    reserved: blocks,
  });
  const overlap = ratio <= OVERLAPPING_RATIO ? 2 : 1;
  const stateTokens = ratio <= OVERLAPPING_RATIO ? 4 : 8;
  // State and score of every token that is not compressed yet: two rows of float32.
  const compressor = (width: number): CacheKind =>
    windowed(`state ${ratio}`, overlap * ratio, stateTokens, stateTokens * 2 * overlap * width * FLOAT32);
  const indexer = ownIndexer(attention);
  return [
    windowed('window', window, WINDOW_PAGE_TOKENS, WINDOW_PAGE_TOKENS * entry),
    latent('entries', entry),
    compressor(headDim),
    ...(indexer ? [latent('index', indexRowBytes('fp8_ds_mla', indexer)), compressor(indexer.headDim)] : []),
  ];
}

export interface CompressedTotal {
  readonly held: number;
  readonly reserved: number;
}

/** Layers, their pages and their blocks, of one group type. */
interface TypeTotal {
  readonly tuples: number;
  readonly bytes: number;
  readonly pageSizes: readonly number[];
  readonly held: number;
  readonly reserved: number;
}

/**
 * Bytes of one sequence. Blocks are those of the largest group; windows are split into groups of equal size, and what is
 * reserved counts a page of every size for the most layers of any group.
 */
export function compressedTotal(context: RuleContext, layers: readonly LayerGroup[]): CompressedTotal {
  const totals = [...byType(context, layers).values()].map(typeTotal);
  const latent = totals[0];
  const types = totals.filter(({ tuples }) => tuples > 0);
  const size = leastPadding(
    types.map(({ tuples }) => tuples),
    latent?.tuples ?? 1,
  );
  const tupleBytes = Math.max(0, ...types.map(({ pageSizes }) => pageSizes.reduce((sum, page) => sum + page, 0)));
  let [held, reserved, block] = [0, 0, 0];
  for (const type of types) {
    const groups = type === latent ? 1 : Math.ceil(type.tuples / size);
    held += groups * type.held;
    reserved += groups * type.reserved;
    const pageBytes = type.pageSizes.reduce((sum, page) => sum + page, 0);
    block = Math.max(block, groups === 1 ? type.bytes : Math.ceil(type.tuples / groups) * pageBytes);
  }
  return { held: held * block, reserved: reserved * size * tupleBytes };
}

/** Kinds by group type, latents first. */
function byType(context: RuleContext, groups: readonly LayerGroup[]): Map<string, CacheKind[]> {
  const types = new Map<string, CacheKind[]>([['latent', []]]);
  for (const group of groups) {
    for (const kind of compressedKinds(attentionOf(group, context), group.indexes, context))
      types.set(kind.type, [...(types.get(kind.type) ?? []), kind]);
  }
  return types;
}

function typeTotal(kinds: readonly CacheKind[]): TypeTotal {
  const layersOfSize = new Map<number, number>();
  for (const { page, layers } of kinds) layersOfSize.set(page, (layersOfSize.get(page) ?? 0) + layers.length);
  return {
    tuples: Math.max(0, ...layersOfSize.values()),
    bytes: kinds.reduce((sum, { page, layers }) => sum + page * layers.length, 0),
    pageSizes: [...layersOfSize.keys()],
    held: Math.max(0, ...kinds.map((kind) => kind.held)),
    reserved: Math.max(0, ...kinds.map((kind) => kind.reserved)),
  };
}

/** Tokens of a page that sparse MLA takes (`FlashAttnMLASparseBackend`). */
const SPARSE_PAGE_TOKENS = 64;

/** Full layers' rows are padded to those of the windows (models/dots3_note, `Dots3NotePaddedMLAAttention`, 9035151d6 #51255). */
function latentWindowKinds(attention: AttentionSpec, layers: readonly number[], context: RuleContext): CacheKind[] {
  const pageTokens = countOption(context.setup, 'block-size') ?? SPARSE_PAGE_TOKENS;
  const { tokens } = context.workload;
  const row = Math.max(...layerGroups(context.spec).map((group) => entryBytes(group.attention, context.dtype)));
  if (attention.kind === 'sliding') {
    return [
      {
        key: 'window',
        type: 'window',
        layers,
        pageTokens,
        page: pageTokens * row,
        held: windowBlocks(tokens, attention.window, pageTokens),
        reserved: reservedWindowBlocks(tokens, attention.window, pageTokens, tokensInFlight(context)),
      },
    ];
  }
  if (attention.kind !== 'latent') return [];
  const blocks = pages(tokens, pageTokens);
  const main: CacheKind = {
    key: 'entries',
    type: 'latent',
    layers,
    pageTokens,
    page: pageTokens * row,
    held: blocks,
    reserved: blocks,
  };
  const index = indexRowBytes('fp8_ds_mla', ownIndexer(attention));
  return index === 0 ? [main] : [main, { ...main, key: 'index', page: pageTokens * index }];
}

/** Windows of one latent row for all heads, beside full layers of latents. */
export function hasLatentWindows({ spec }: RuleContext): boolean {
  const groups = layerGroups(spec);
  return (
    groups.some(({ attention }) => attention.kind === 'sliding' && attention.valueDim === 0) &&
    groups.some(({ attention }) => attention.kind === 'latent')
  );
}

export function hasCompressedEntries({ spec }: RuleContext): boolean {
  return layerGroups(spec).some(({ attention }) => attention.kind === 'compressed');
}

/** Models whose caches are grouped by type, with pages of several sizes in a group. */
export function isCompressedModel(context: RuleContext): boolean {
  return hasCompressedEntries(context) || hasLatentWindows(context);
}

/** One entry of the model, in windows as among the compressed. */
function modelEntryBytes({ spec, dtype }: RuleContext): number {
  const found = layerGroups(spec).find(({ attention }) => attention.kind === 'compressed');
  return found ? entryBytes(found.attention, dtype) : 0;
}
