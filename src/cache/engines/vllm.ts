import type { AttentionSpec } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { ModelSpec } from '../../model/spec';
import { type LayerGroup, layerGroups } from '../groups';
import { entryBytes, indexKeysHeld, indexRowBytes, mainCacheBytes, ownIndexer } from '../layerBytes';
import { divides } from '../sharding';
import { countOption } from './options';
import {
  attentionOf,
  type RuleContext,
  type AllocationRule,
  engineStateBytes,
  pages,
  rankStateOf,
  type Reason,
  roundUp,
  sequences,
  tokensOf,
} from './allocationRule';

const PAGE_TOKENS = 16;
/** FlashMLA and its sparse form take pages of 64 tokens. */
const LATENT_PAGE_TOKENS = 64;
/** `max_num_batched_tokens` that the published logs were made with. */
const BATCHED_TOKENS = 8_192;
/** Index keys are kept in fp8 with a scale whatever the main cache is. */
const INDEX_FORMAT = 'fp8_ds_mla';

/**
 * vLLM V1: pages of tokens, one page size for all layers. A sliding layer reserves its window, the tokens in flight and one
 * page, because the window may start inside a page. Layers of different kinds are put into groups of equal size (phantom
 * layers fill the last one), and recurrent state takes a whole page. KV heads are copied where ranks outnumber them, latent
 * caches on every rank. Index keys are fp8 with a scale (132 bytes for 128) whatever the main cache is.
 */
export const vllm: AllocationRule = {
  id: 'vllm',
  releases: [
    { id: '0.11', date: '2025-10', code: 'V1 as in 0.11, one batch in flight' },
    { id: '2026-08', date: '2026-08', code: '073c510c916 (2026-08-09)' },
  ],
  options: [
    {
      name: 'block-size',
      kind: { takes: 'count', least: 1 },
      usual: () => undefined,
      meaning: 'tokens of a page',
    },
    {
      name: 'max-num-batched-tokens',
      kind: { takes: 'count', least: 1 },
      usual: () => BATCHED_TOKENS,
      meaning: 'tokens of one step, which windows and encoders reserve',
    },
    {
      name: 'async-scheduling',
      kind: { takes: 'flag' },
      usual: ({ date }) => date >= '2026-08',
      meaning: 'two steps are in flight: windows reserve the tokens of both',
    },
    {
      name: 'enable-prefix-caching',
      kind: { takes: 'flag' },
      usual: () => true,
      meaning: 'states are kept at block ends, so that a prefix can be found again',
    },
    {
      name: 'num-speculative-tokens',
      kind: { takes: 'count', least: 0 },
      usual: () => 0,
      meaning: 'draft tokens a step, each with a state of its own',
    },
  ],
  cite: 'vllm/v1/kv_cache_interface.py, vllm/v1/core/kv_cache_utils.py, vllm/model_executor/layers/mamba/mamba_utils.py',
  splitsHeads: true,
  autoDtype: (native) => (native === 'f32' ? 'bf16' : native),
  effectiveDtype,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const page = pageBytes(attention, context);
    const each = sequences(context);
    const state = engineStateBytes(rankStateOf(group, context), context.dtype) * each;
    const slots = 1 + (countOption(context.setup, 'num-speculative-tokens') ?? 0);
    return {
      needed: neededForm(attention, context),
      steady: (steadyPages(attention, context) * page + compressedIndexBytes(attention, context)) * each,
      reserved: (reservedPages(attention, context) * page + compressedIndexBytes(attention, context)) * each,
      state,
      stateReserved: state * slots,
    };
  },
  overhead: groupingBytes,
  reasons,
};

/** fp8 on a sparse latent cache means the packed layout of FlashMLA. */
function effectiveDtype(dtype: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype {
  const sparse = spec.layers.some(
    ({ attention }) => (attention.kind === 'latent' && attention.indexer) || attention.kind === 'compressed',
  );
  return dtype === 'fp8' && sparse ? 'fp8_ds_mla' : dtype;
}

/**
 * Tokens of a page. In a model with recurrent state, attention pages grow until one state fits into one, in multiples of what
 * the kernels take ("Setting attention block size to 784 tokens"): `k · ⌈state page ÷ (k · bytes of one token)⌉`.
 */
function vllmPageTokens(attention: AttentionSpec, context: RuleContext): number {
  const latent = attention.kind === 'latent' || attention.kind === 'compressed';
  const base = countOption(context.setup, 'block-size') ?? (latent ? LATENT_PAGE_TOKENS : PAGE_TOKENS);
  const state = statePageBytes(context);
  const token = entryBytes(attention, context.dtype);
  return state === 0 || token === 0 ? base : base * Math.max(1, Math.ceil(state / (base * token)));
}

/** The largest state of one layer and sequence on a rank; 0 without recurrent layers. */
function statePageBytes(context: RuleContext): number {
  let largest = 0;
  for (const group of layerGroups(context.spec)) {
    if (group.state) largest = Math.max(largest, engineStateBytes(rankStateOf(group, context), context.dtype));
  }
  return largest;
}

/** Bytes of one page of a layer; index keys lie in a cache of their own with the same pages. */
function pageBytes(attention: AttentionSpec, context: RuleContext): number {
  const index = indexRowBytes(INDEX_FORMAT, ownIndexer(attention));
  if (attention.kind === 'compressed') return entryBytes(attention, context.dtype);
  return vllmPageTokens(attention, context) * (entryBytes(attention, context.dtype) + index);
}

function neededForm(attention: AttentionSpec, context: RuleContext): number {
  const tokens = tokensOf(attention, context);
  const index = indexKeysHeld(attention, tokens) * indexRowBytes(INDEX_FORMAT, ownIndexer(attention));
  return (mainCacheBytes(attention, context.dtype, tokens) + index) * sequences(context);
}

function steadyPages(attention: AttentionSpec, context: RuleContext): number {
  const size = vllmPageTokens(attention, context);
  const tokens = tokensOf(attention, context);
  switch (attention.kind) {
    case 'full':
    case 'latent':
      return pages(tokens, size);
    case 'sliding':
      return Math.min(pages(tokens, size), pages(attention.window - 1, size) + 1);
    case 'chunked':
      return pages(Math.min(tokens, attention.chunk), size);
    case 'cross':
      return pages(attention.source.tokens === 'target' ? tokens : attention.source.tokens, size);
    case 'compressed':
      return compressedEntries(attention, tokens, size);
    default:
      return 0;
  }
}

function reservedPages(attention: AttentionSpec, context: RuleContext): number {
  const size = vllmPageTokens(attention, context);
  const { tokens } = context.workload;
  const inFlight = countOption(context.setup, 'max-num-batched-tokens') ?? BATCHED_TOKENS;
  switch (attention.kind) {
    case 'sliding':
      return pages(Math.min(attention.window - 1 + inFlight, tokens), size) + 1;
    case 'chunked':
      return pages(Math.min(attention.chunk + inFlight, tokens), size);
    default:
      return steadyPages(attention, context);
  }
}

/** Entries of a compressed layer in whole pages: a page of P tokens stores P ÷ ratio entries; its window has pages of its own. */
function compressedEntries(
  attention: Extract<AttentionSpec, { kind: 'compressed' }>,
  tokens: number,
  size: number,
): number {
  const perPage = Math.max(1, Math.floor(size / attention.ratio));
  const window = Math.min(roundUp(tokens, size), roundUp(attention.window - 1, size) + size);
  const compressed = roundUp(Math.floor(tokens / attention.ratio), perPage);
  return window + compressed;
}

/** Index keys of a compressed layer, one for each compressed entry, in whole pages of their own; those of other layers are in `pageBytes`. */
function compressedIndexBytes(attention: AttentionSpec, context: RuleContext): number {
  if (attention.kind !== 'compressed') return 0;
  const perPage = Math.max(1, Math.floor(vllmPageTokens(attention, context) / attention.ratio));
  return (
    roundUp(indexKeysHeld(attention, tokensOf(attention, context)), perPage) *
    indexRowBytes(INDEX_FORMAT, ownIndexer(attention))
  );
}

/** Kinds that get groups of their own. */
interface Pool {
  readonly layers: number;
  readonly page: number;
  readonly pages: number;
}

/**
 * What grouping adds: phantom layers that fill the last group of each kind, and state pages padded to the attention page.
 * group size = the least layer count of a kind, or the largest where it is less than 1.5 times the least.
 */
function groupingBytes(groups: readonly LayerGroup[], context: RuleContext): number {
  const pools = poolsOf(groups, context);
  if (pools.length < 2) return 0;
  const counts = pools.map((pool) => pool.layers);
  const least = Math.min(...counts);
  const most = Math.max(...counts);
  const size = most < 1.5 * least ? most : least;
  const page = Math.max(...pools.map((pool) => pool.page));
  let bytes = 0;
  for (const pool of pools) {
    const phantom = Math.ceil(pool.layers / size) * size - pool.layers;
    bytes += phantom * pool.pages * pool.page;
    if (pool.page < page && pool.pages === 1) bytes += pool.layers * (page - pool.page);
  }
  return bytes * sequences(context);
}

function poolsOf(groups: readonly LayerGroup[], context: RuleContext): Pool[] {
  return groups.flatMap((group): Pool[] => {
    const attention = attentionOf(group, context);
    const count = reservedPages(attention, context);
    const pools: Pool[] = [];
    if (count > 0 && attention.kind !== 'compressed')
      pools.push({ layers: group.indexes.length, page: pageBytes(attention, context), pages: count });
    const state = engineStateBytes(rankStateOf(group, context), context.dtype);
    if (state > 0) pools.push({ layers: group.indexes.length, page: state, pages: 1 });
    return pools;
  });
}

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const { sharding } = context;
  const sizes = new Set(
    groups
      .filter(({ attention }) => entryBytes(attention, context.dtype) > 0)
      .map((group) => vllmPageTokens(attentionOf(group, context), context)),
  );
  const found: Reason[] =
    sizes.size > 0 ? [{ text: `pages of ${[...sizes].join(' and ')} tokens`, inexact: false }] : [];
  if (statePageBytes(context) > 0 && sizes.size > 0)
    found.push({
      text: 'a page is large enough for the state of a recurrent layer, which takes a whole one',
      inexact: false,
    });
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  if (kinds.has('sliding') || kinds.has('chunked')) {
    found.push({
      text: `a window reserves ${countOption(context.setup, 'max-num-batched-tokens') ?? BATCHED_TOKENS} tokens in flight and one page on top`,
      inexact: false,
    });
  }
  if (groups.some(({ attention }) => ownIndexer(attention))) {
    found.push({ text: 'index keys are fp8 with a scale', inexact: false });
  }
  if (poolsOf(groups, context).length > 1)
    found.push({ text: 'kinds of layers share pages of one size in groups of equal size', inexact: false });
  if (context.spec.nativeDtype === 'float32' && context.dtype !== 'f32')
    found.push({ text: 'vLLM runs float32 models in 16 bits', inexact: false });
  if (sharding.tp > 1 && kinds.has('latent'))
    found.push({ text: `the latent cache is the same on all ${sharding.tp} ranks`, inexact: false });
  for (const { attention } of groups) {
    if (!('kvHeads' in attention) || sharding.tp === 1 || sharding.dpAttention) continue;
    if (sharding.tp > attention.kvHeads)
      found.push({ text: `${sharding.tp} ranks for ${attention.kvHeads} KV heads: heads are copied`, inexact: false });
    if (!divides(attention.kvHeads, sharding.tp)) {
      found.push({
        text: `vLLM refuses ${sharding.tp} ranks for ${attention.kvHeads} KV heads: neither divides the other`,
        inexact: true,
      });
    }
  }
  return unique(found);
}

/** Each sentence once: several kinds of layers may have the same reason. */
function unique(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((reason) => [reason.text, reason])).values()];
}
