import { type AttentionSpec, isHeaded } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { ModelSpec } from '../../model/spec';
import { type LayerGroup, layerGroups, layersWithin, runWithin } from '../groups';
import { entriesHeld, entryBytes, indexKeysHeld, indexRowBytes, ownIndexer } from '../layerBytes';
import { divides } from '../sharding';
import {
  attentionOf,
  type AllocationRule,
  type LayerCost,
  type Overhead,
  type Reason,
  type RuleContext,
  sequences,
  type Stage,
  tokensOf,
} from './allocationRule';
import { batchedTokens, tokensInFlight } from './vllmBlocks';
import { has, VLLM_RELEASES } from './vllmHistory';
import { compressedTotal, hasCompressedEntries, hasLatentWindows, isCompressedModel } from './vllmCompressed';
import { isPackedModel, pooledTokens } from './vllmPacked';
import { cacheKinds, chunkStart, indexFormat, largestState, packedPool, type Pool, sharedPool } from './vllmPages';

/**
 * vLLM V1: pages of tokens, one page size for all layers. A sliding layer reserves its window, the tokens in flight and one
 * page, because the window may start inside a page; after a step it holds what the next query sees. Layers of different kinds
 * are put into groups of equal size (phantom layers fill the last one) that share one pool, and recurrent state takes a whole
 * page. KV heads are copied where ranks outnumber them, latent caches on every rank.
 */
export const vllm: AllocationRule = {
  id: 'vllm',
  releases: VLLM_RELEASES,
  // The newest whose own code was executed.
  usualRelease: '2026-08',
  options: [
    {
      name: 'block-size',
      kind: { takes: 'count', least: 1 },
      usual: () => undefined,
      meaning: 'tokens per page',
      unit: 'tokens',
    },
    {
      name: 'max-num-batched-tokens',
      kind: { takes: 'count', least: 1 },
      usual: batchedTokens,
      meaning: 'tokens per step; windows and encoders reserve room for them',
      unit: 'tokens',
    },
    {
      name: 'async-scheduling',
      kind: { takes: 'flag' },
      usual: (release) => has(release, 'asyncScheduling'),
      meaning: 'two steps are in flight: windows reserve the tokens of both',
    },
    {
      name: 'enable-prefix-caching',
      kind: { takes: 'flag' },
      usual: () => true,
      meaning: 'states are kept at block ends, so that prefixes can be reused',
    },
    {
      name: 'gpu-memory-utilization',
      kind: { takes: 'fraction' },
      usual: (release) => (has(release, 'moreMemory') ? 0.92 : 0.9),
      meaning: 'share of the memory that weights, activations and cache may take',
      unit: 'of the memory',
    },
    {
      name: 'max-num-seqs',
      kind: { takes: 'count', least: 1 },
      usual: () => undefined,
      meaning:
        'sequences per step, whose logits are sampled together; if not set, 1,024 or 256, depending on the device',
    },
    {
      name: 'enforce-eager',
      kind: { takes: 'flag' },
      usual: () => false,
      meaning: 'no CUDA graphs',
    },
    {
      name: 'num-speculative-tokens',
      kind: { takes: 'count', least: 0 },
      usual: () => 0,
      meaning: 'draft tokens per step, each with a state of its own',
      unit: 'tokens',
    },
  ],
  cite: 'vllm/v1/kv_cache_interface.py, vllm/v1/core/kv_cache_utils.py, vllm/v1/core/single_type_kv_cache_manager.py, vllm/model_executor/layers/mamba/mamba_utils.py',
  splitsHeads: true,
  autoDtype: (native) => (native === 'f32' ? 'bf16' : native),
  effectiveDtype,
  cost,
  overhead,
  reasons,
  refuses,
};

/** fp8 on a sparse latent cache means the packed layout of FlashMLA. */
function effectiveDtype(dtype: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype {
  const sparse = layerGroups(spec).some(
    ({ attention }) => (attention.kind === 'latent' && attention.indexer) || attention.kind === 'compressed',
  );
  return dtype === 'fp8' && sparse ? 'fp8_ds_mla' : dtype;
}

function cost(group: LayerGroup, context: RuleContext): LayerCost {
  const each = sequences(context);
  let [steady, reserved, state, stateReserved] = [0, 0, 0, 0];
  for (const kind of cacheKinds(group, context)) {
    if (kind.state === undefined) {
      steady += kind.held * kind.page;
      reserved += kind.reserved * kind.page;
    } else {
      state += kind.held * kind.state;
      stateReserved += kind.reserved * kind.state;
    }
  }
  return {
    needed: neededForm(attentionOf(group, context), context),
    steady: steady * each,
    reserved: reserved * each,
    state: state * each,
    stateReserved: stateReserved * each,
  };
}

/** What the next query needs besides itself, in vLLM's own formats. */
function neededForm(attention: AttentionSpec, context: RuleContext): number {
  const tokens = tokensOf(attention, context);
  const keys = isPackedModel(context) ? Math.floor(tokens / pooledTokens(attention)) : indexKeysHeld(attention, tokens);
  const index = keys * indexRowBytes(indexFormat(attention), ownIndexer(attention));
  return (entriesKept(attention, tokens) * entryBytes(attention, context.dtype) + index) * sequences(context);
}

function entriesKept(attention: AttentionSpec, tokens: number): number {
  if (attention.kind === 'sliding') return Math.min(tokens, attention.window - 1);
  if (attention.kind === 'chunked') return tokens - chunkStart(tokens, attention.chunk);
  if (attention.kind === 'compressed') return entriesHeld({ ...attention, window: attention.window - 1 }, tokens);
  return entriesHeld(attention, tokens);
}

/** What grouping adds to the layers of a stage: phantom layers that fill groups, and pages padded to the largest. */
function overhead(groups: readonly LayerGroup[], context: RuleContext, stage: Stage): Overhead {
  const packed = packedPool(context, stage);
  const pool = packed || isCompressedModel(context) ? null : sharedPool(context);
  const total = packed
    ? packed
    : isCompressedModel(context)
      ? compressedTotal(
          context,
          groups.map((group) => ({ ...group, indexes: group.indexes.slice(...runWithin(group.indexes, stage)) })),
        )
      : pool === null || pool === 'mixed'
        ? null
        : poolTotal(pool, stage);
  if (!total) return { steady: 0, reserved: 0 };
  let [steady, reserved] = [total.held * sequences(context), total.reserved * sequences(context)];
  for (const group of groups) {
    const layer = cost(group, context);
    const layers = layersWithin(group.indexes, stage);
    steady -= (layer.steady + layer.state) * layers;
    reserved -= (layer.reserved + layer.stateReserved) * layers;
  }
  return { steady, reserved };
}

/** A block of the pool has a page for the most layers that any block table has in the stage. */
function poolTotal({ page, kinds }: Pool, stage: Stage): { held: number; reserved: number } {
  const size = Math.max(...kinds.map(({ layers, tables }) => Math.ceil(layersWithin(layers, stage) / tables)));
  const blocks = (key: 'held' | 'reserved'): number => kinds.reduce((sum, kind) => sum + kind.tables * kind[key], 0);
  return { held: size * page * blocks('held'), reserved: size * page * blocks('reserved') };
}

/** Set-ups that vLLM does not start with. */
function refuses(groups: readonly LayerGroup[], context: RuleContext): string | null {
  const { sharding, dtype } = context;
  for (const { attention } of groups) {
    const reason = refusedLayers(attention, context);
    if (reason !== null) return reason;
  }
  const latent = groups.some(({ attention }) => attention.kind === 'latent');
  if (latent && (dtype === 'int8_per_token_head' || dtype === 'nvfp4')) return `${dtype} for a latent cache`;
  if (isPackedModel(context) || hasLatentWindows(context)) return refusedNew(groups, context);
  if (hasCompressedEntries(context)) {
    if (!has(context.setup.release, 'compressedEntries')) return 'compressed entries before April 2026';
    return dtype === 'fp8_ds_mla' ? null : `${dtype} for compressed entries: --kv-cache-dtype fp8 is needed`;
  }
  if (sharding.dcp > 1 && groups.some(({ attention }) => attention.kind === 'sliding' || attention.kind === 'chunked'))
    return 'decode context parallelism with windows';
  return sharedPool(context) === 'mixed' ? 'pages of sizes that do not divide each other' : null;
}

/** Structures of the summer and autumn of 2026. */
function refusedNew(groups: readonly LayerGroup[], context: RuleContext): string | null {
  const { dtype, setup, sharding } = context;
  if (setup.release.date < '2026-08') return 'this model before August 2026';
  if (sharding.dcp > 1) return 'decode context parallelism with pooled index keys or windowed latents';
  const bits16 = dtype === 'bf16' || dtype === 'f16';
  if (hasLatentWindows(context))
    return bits16 ? null : `${dtype} for a model that mixes full-context and windowed latents`;
  for (const group of groups) {
    const pool = pooledTokens(group.attention);
    if (pool === 1) continue;
    const [main] = cacheKinds(group, context);
    // Pages of index keys are read 32 or 64 at a time beside latents.
    const least = group.attention.kind === 'latent' ? 32 * pool : pool;
    if (main && main.pageTokens % least !== 0)
      return `pages of ${main.pageTokens} tokens: with ${pool} tokens per index key, pages must be multiples of ${least}`;
  }
  return null;
}

function refusedLayers(attention: AttentionSpec, { sharding }: RuleContext): string | null {
  const tp = sharding.dpAttention ? 1 : sharding.tp;
  const { dcp } = sharding;
  const queryHeads = 'queryHeads' in attention ? attention.queryHeads : 0;
  if (queryHeads % tp !== 0) return `${tp} devices for ${queryHeads} query heads, which do not divide evenly`;
  const kvHeads = isHeaded(attention) ? attention.kvHeads : 1;
  if (!divides(kvHeads, tp)) return `${tp} devices for ${kvHeads} KV heads: neither number divides the other`;
  if (dcp === 1 || queryHeads === 0) return null;
  if (tp <= kvHeads || dcp > tp / kvHeads)
    return `decode context parallelism of ${dcp}: ${tp} devices hold ${kvHeads} KV ${kvHeads === 1 ? 'head' : 'heads'} ${Math.max(1, Math.floor(tp / kvHeads))} times`;
  return null;
}

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const { sharding } = context;
  const sizes = new Set(
    groups
      .flatMap((group) => cacheKinds(group, context))
      .filter(({ state }) => state === undefined)
      .map(({ pageTokens }) => pageTokens),
  );
  const found: Reason[] =
    sizes.size > 0 ? [{ text: `pages of ${[...sizes].join(' and ')} tokens`, inexact: false }] : [];
  if (largestState(context) > 0 && sizes.size > 0)
    found.push({
      text: 'a page is large enough for the state of a recurrent layer, which takes a whole page',
      inexact: false,
    });
  const states = groups.flatMap((group) => cacheKinds(group, context)).find(({ state }) => state !== undefined);
  if (states && states.reserved > 1)
    found.push({
      text: `${states.reserved} states are reserved per sequence: the latest one, those at block ends and those of draft tokens`,
      inexact: false,
    });
  if (states && !has(context.setup.release, 'hybridPrefixes') && context.setup.given.has('enable-prefix-caching'))
    found.push({
      text: 'Headlight does not know which states at block ends were kept before August 2026',
      inexact: true,
    });
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  if (isPackedModel(context)) {
    found.push({
      text: 'pages of every kind are allocated in blocks that are sized for the largest group of layers',
      inexact: false,
    });
    found.push({ text: 'vLLM has had this model since autumn 2026: the code of that time is used', inexact: false });
    if (sharding.pp > 1)
      found.push({
        text: 'Headlight does not know how pooled index keys are laid out over pipeline stages',
        inexact: true,
      });
    if (kinds.has('latent') && context.dtype !== 'bf16' && context.dtype !== 'f16')
      found.push({ text: `Headlight does not know how these latents are laid out in ${context.dtype}`, inexact: true });
  }
  if (hasLatentWindows(context))
    found.push({ text: 'rows of full layers are as wide as those of windowed layers', inexact: false });
  if (kinds.has('compressed') && !has(context.setup.release, 'packedEntries'))
    found.push({
      text: 'Headlight does not know how compressed entries were laid out before June 2026',
      inexact: true,
    });
  if (kinds.has('sliding') || kinds.has('chunked') || kinds.has('compressed')) {
    found.push({
      text: `a window reserves ${tokensInFlight(context)} tokens in flight plus one page`,
      inexact: false,
    });
  }
  // `max_concurrent_batches`: the stages, and one more with the newer model runner, which dense models have.
  if (sharding.pp > 1 && (kinds.has('sliding') || kinds.has('chunked')) && has(context.setup.release, 'settledWindows'))
    found.push({
      text: 'with pipeline parallelism, the number of steps in flight depends on the model runner: 2 steps are assumed',
      inexact: true,
    });
  if (kinds.has('cross'))
    found.push({ text: 'cross attention reserves a whole step of encoder input', inexact: false });
  const indexed = groups.find(({ attention }) => ownIndexer(attention));
  if (indexed) {
    const format = indexFormat(indexed.attention) === 'bf16' ? 'bf16' : 'fp8 with a scale';
    found.push({ text: `index keys are ${format}`, inexact: false });
  }
  const pool = isPackedModel(context) || isCompressedModel(context) ? null : sharedPool(context);
  if (pool !== null && pool !== 'mixed')
    found.push({ text: 'all kinds of layers share pages of one size, in groups of equal size', inexact: false });
  if (context.spec.nativeDtype === 'float32' && context.dtype !== 'f32')
    found.push({ text: 'vLLM runs float32 models in 16 bits', inexact: false });
  if (sharding.tp > 1 && kinds.has('latent'))
    found.push({ text: `each of the ${sharding.tp} devices holds the whole latent cache`, inexact: false });
  for (const { attention } of groups) {
    if (isHeaded(attention) && !sharding.dpAttention && sharding.tp > attention.kvHeads)
      found.push({
        text: `${sharding.tp} devices for ${attention.kvHeads} KV heads: the heads are replicated`,
        inexact: false,
      });
  }
  return unique(found);
}

/** Each sentence once: several kinds of layers may have the same reason. */
function unique(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((reason) => [reason.text, reason])).values()];
}
