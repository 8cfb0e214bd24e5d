/** What vLLM allocates for a model on one rank: kinds of caches with their pages, and the groups that share one pool of blocks. */

import type { AttentionSpec, ConvState, IndexerSpec, StateSpec } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { ModelSpec } from '../../model/spec';
import { type LayerGroup, layerGroups, layersWithin } from '../groups';
import { entryBytes, indexRowBytes, ownIndexer } from '../layerBytes';
import {
  attentionOf,
  engineStateBytes,
  pages,
  rankStateOf,
  type RuleContext,
  type Stage,
  tokensOf,
} from './allocationRule';
import { countOption, flagOption } from './options';
import { type CacheKind, reservedWindowBlocks, stepTokens, tokensInFlight, windowBlocks } from './vllmBlocks';
import { compressedKinds, isCompressedModel } from './vllmCompressed';
import { has } from './vllmHistory';
import { isPackedModel, packedTotal, type PackedTotal, pooledTokens } from './vllmPacked';

const BF16 = 2;
const PAGE_TOKENS = 16;
/** FlashMLA (fp8) and its sparse form take pages of 64 tokens; the other MLA kernels take the usual ones. */
const FLASH_MLA_PAGE_TOKENS = 64;
/** Hybrids with MLA take multiples of this. */
const HYBRID_LATENT_PAGE_TOKENS = 128;

/** The format of index keys: bf16 beside plain K and V (MiniMax-M3), fp8 with a scale beside latents, whatever the main cache is. */
export function indexFormat(attention: AttentionSpec): ResolvedKvDtype {
  return attention.kind === 'full' ? 'bf16' : 'fp8_ds_mla';
}

/** States of one layer, each with pages of its own, with the positions that speculative tokens add to convolutions. */
function stateSizes(state: StateSpec | undefined, context: RuleContext): readonly number[] {
  if (!state) return [];
  const drafts = countOption(context.setup, 'num-speculative-tokens') ?? 0;
  const wide = (conv: ConvState): ConvState => ({ ...conv, engineWidth: conv.engineWidth + drafts });
  const { beside, ...own } = state;
  const sizes = [
    engineStateBytes({ ...own, conv: own.conv && wide(own.conv) }, context.dtype),
    beside ? engineStateBytes({ ...own, recurrentElements: 0, conv: wide(beside) }, context.dtype) : 0,
  ];
  return sizes.filter((size) => size > 0);
}

/** States of a sequence: one, two where block ends are kept for the prefix cache, one more for each speculative token. */
function reservedStates({ setup }: RuleContext): number {
  const kept = has(setup.release, 'hybridPrefixes') && flagOption(setup, 'enable-prefix-caching') ? 2 : 1;
  return kept + (countOption(setup, 'num-speculative-tokens') ?? 0);
}

/**
 * Tokens of a page. In a model with recurrent state, attention pages grow until one state fits into one, in multiples of what
 * the kernels take ("Setting attention block size to 784 tokens"): `k · ⌈state page ÷ (k · bytes of one token)⌉`.
 */
function vllmPageTokens(attention: AttentionSpec, context: RuleContext): number {
  const base = countOption(context.setup, 'block-size') ?? usualPageTokens(attention, context);
  const state = largestState(context);
  const token = entryBytes(attention, context.dtype);
  return state === 0 || token === 0 ? base : base * Math.max(1, Math.ceil(state / (base * token)));
}

function usualPageTokens(attention: AttentionSpec, context: RuleContext): number {
  if (attention.kind !== 'latent' && attention.kind !== 'compressed') return PAGE_TOKENS;
  const { release } = context.setup;
  if (!has(release, 'backendPages')) return FLASH_MLA_PAGE_TOKENS;
  if (largestState(context) > 0 && has(release, 'latentHybridBlocks')) return HYBRID_LATENT_PAGE_TOKENS;
  const flash = context.dtype === 'fp8' || context.dtype === 'fp8_ds_mla';
  return flash || ('indexer' in attention && attention.indexer) ? FLASH_MLA_PAGE_TOKENS : PAGE_TOKENS;
}

/** The largest state of one layer and sequence on a rank; 0 without recurrent layers. */
export function largestState(context: RuleContext): number {
  let largest = 0;
  for (const group of layerGroups(context.spec))
    largest = Math.max(largest, ...stateSizes(rankStateOf(group, context), context));
  return largest;
}

/** The caches of one kind of layers. */
export function cacheKinds(group: LayerGroup, context: RuleContext): readonly CacheKind[] {
  const attention = attentionOf(group, context);
  if (attention.kind === 'compressed' || isCompressedModel(context)) {
    return compressedKinds(attention, group.indexes, context);
  }
  return [...attentionKinds(attention, group.indexes, context), ...stateKinds(group, context)];
}

function attentionKinds(attention: AttentionSpec, layers: readonly number[], context: RuleContext): CacheKind[] {
  const entry = entryBytes(attention, context.dtype);
  if (entry === 0) return [];
  const pageTokens = vllmPageTokens(attention, context);
  const blocks = attentionBlocks(attention, pageTokens, context);
  const main: CacheKind = {
    key: `${blocks.type} ${'kvHeads' in attention ? `${attention.kvHeads} ${attention.keyDim} ${attention.valueDim}` : entry}`,
    layers,
    pageTokens,
    page: pageTokens * entry,
    ...blocks,
  };
  const indexer = ownIndexer(attention);
  const index = indexRowBytes(indexFormat(attention), indexer);
  if (index === 0 || !indexer) return [main];
  const pool = pooledTokens(attention);
  const keys: CacheKind = { ...main, key: `index ${index}`, page: Math.floor(pageTokens / pool) * index };
  return pool === 1 ? [main, keys] : [main, keys, ring(attention, indexer, main, context)];
}

/** Raw keys of the pool that is filling, with those of drafts: of latents with their gate scores, in pages of the index's size. */
function ring(attention: AttentionSpec, indexer: IndexerSpec, main: CacheKind, { setup }: RuleContext): CacheKind {
  const pool = pooledTokens(attention);
  const drafts = countOption(setup, 'num-speculative-tokens') ?? 0;
  const rows = attention.kind === 'latent' ? 2 * pool : pool * Math.ceil((pool + drafts) / pool);
  const page = rows * indexer.headDim * BF16;
  return { key: `ring ${page}`, type: 'ring', layers: main.layers, pageTokens: pool, page, held: 1, reserved: 1 };
}

interface Blocks {
  readonly type: string;
  readonly held: number;
  readonly reserved: number;
}

/** Blocks of one sequence in pages of so many tokens. */
function attentionBlocks(attention: AttentionSpec, pageTokens: number, context: RuleContext): Blocks {
  const { tokens } = context.workload;
  const inFlight = tokensInFlight(context);
  switch (attention.kind) {
    case 'sliding':
      return {
        type: `sliding ${attention.window}`,
        held: windowBlocks(tokens, attention.window, pageTokens),
        reserved: reservedWindowBlocks(tokens, attention.window, pageTokens, inFlight),
      };
    case 'chunked':
      return {
        type: `chunked ${attention.chunk}`,
        held: pages(tokens, pageTokens) - Math.floor(chunkStart(tokens, attention.chunk) / pageTokens),
        reserved: pages(Math.min(attention.chunk + inFlight, tokens), pageTokens),
      };
    case 'cross': {
      const source = attention.source.tokens === 'target' ? tokens : attention.source.tokens;
      const reserved = Math.max(pages(source, pageTokens), pages(stepTokens(context), pageTokens));
      return { type: 'cross', held: pages(source, pageTokens), reserved };
    }
    default: {
      const all = pages(tokensOf(attention, context), pageTokens);
      return { type: 'full', held: all, reserved: all };
    }
  }
}

/** First token of the chunk that the next query is in. */
export function chunkStart(tokens: number, chunk: number): number {
  return Math.floor(tokens / chunk) * chunk;
}

function stateKinds(group: LayerGroup, context: RuleContext): CacheKind[] {
  return stateSizes(rankStateOf(group, context), context).map((state, index) => ({
    key: `state ${state}`,
    type: index === 0 ? 'state' : 'further state',
    layers: group.indexes,
    pageTokens: 0,
    page: state,
    held: 1,
    reserved: reservedStates(context),
    state,
  }));
}

/** The pool of a model with pooled index keys: states are padded to a page of the main cache. Null for others. */
export function packedPool(context: RuleContext, stage: Stage): PackedTotal | null {
  if (!isPackedModel(context)) return null;
  const kinds = mergedKinds(context);
  const page = Math.max(0, ...kinds.filter(({ state }) => state === undefined).map((kind) => kind.page));
  return packedTotal(
    kinds.map((kind) => (kind.state === undefined ? kind : { ...kind, page: Math.max(page, kind.page) })),
    stage,
  );
}

/** Layers whose spec is one, merged over the kinds of layers that the model was read as. */
function mergedKinds(context: RuleContext): CacheKind[] {
  const groups = layerGroups(context.spec);
  const merged = new Map<string, { readonly kind: CacheKind; readonly groups: number[] }>();
  for (const [index, group] of groups.entries()) {
    for (const kind of cacheKinds(group, context)) {
      const known = merged.get(kind.key);
      if (known) known.groups.push(index);
      else merged.set(kind.key, { kind, groups: [index] });
    }
  }
  return [...merged.values()].map(({ kind, groups: own }) => ({ ...kind, layers: layersOf(context.spec, own) }));
}

/** Layers of groups together, ascending. Searches ask for the same ones hundreds of times. */
function layersOf(spec: ModelSpec, groups: readonly number[]): readonly number[] {
  let known = together.get(spec);
  if (!known) together.set(spec, (known = new Map<string, readonly number[]>()));
  const key = groups.join(' ');
  let layers = known.get(key);
  if (!layers) {
    const all = layerGroups(spec);
    layers = groups.flatMap((group) => all[group]?.indexes ?? []).sort((a, b) => a - b);
    known.set(key, layers);
  }
  return layers;
}

const together = new WeakMap<ModelSpec, Map<string, readonly number[]>>();

/** Block tables of equal layers: every n-th layer is in one, so that stages of a pipeline have a share of each. */
interface BlockTables {
  readonly layers: readonly number[];
  /** How many tables. */
  readonly tables: number;
  /** Blocks of one table. */
  readonly held: number;
  readonly reserved: number;
}

export interface Pool {
  /** Bytes of one block of one layer, the same in all groups. */
  readonly page: number;
  readonly kinds: readonly BlockTables[];
}

/**
 * The pool that groups of unlike layers share; null where all layers are of one type, each with pages of its own width.
 * `mixed`: page sizes that cannot be made one; vLLM refuses them.
 */
export function sharedPool(context: RuleContext): Pool | null | 'mixed' {
  const known = pools.get(context);
  if (known !== undefined) return known;
  const pool = makePool(context);
  pools.set(context, pool);
  return pool;
}

/** Each stage of a plan asks, and the model may have a group for each of thousands of layers. */
const pools = new WeakMap<RuleContext, Pool | null | 'mixed'>();

function makePool(context: RuleContext): Pool | null | 'mixed' {
  const kinds = mergedKinds(context);
  if (
    kinds.length < 2 ||
    kinds.every(({ type, pageTokens }) => type === kinds[0]?.type && pageTokens === kinds[0].pageTokens)
  )
    return null;
  const page = Math.max(...kinds.map((kind) => kind.page));
  // A smaller page takes more tokens until it is as large; a state is padded.
  if (kinds.some((kind) => kind.state === undefined && page % kind.page !== 0)) return 'mixed';
  const unified = kinds.map((kind) =>
    kind.state !== undefined || kind.page === page ? kind : grown(kind, page / kind.page, context),
  );
  const counts = unified.map(({ layers }) => layers.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const { release } = context.setup;
  const padded = has(release, 'widelyPaddedGroups') ? 1.5 : has(release, 'paddedGroups') ? 1.25 : 0;
  const size = most < padded * least ? most : least;
  return {
    page,
    kinds: unified.map(({ layers, held, reserved }) => ({
      layers,
      tables: Math.ceil(layers.length / size),
      held,
      reserved,
    })),
  };
}

/** The kind with pages of more tokens. */
function grown(kind: CacheKind, times: number, context: RuleContext): CacheKind {
  const first = kind.layers[0] ?? -1;
  const group = layerGroups(context.spec).find(({ indexes }) => layersWithin(indexes, [first, first + 1]) > 0);
  if (!group) return kind;
  const pageTokens = kind.pageTokens * times;
  return { ...kind, pageTokens, ...attentionBlocks(attentionOf(group, context), pageTokens, context) };
}
