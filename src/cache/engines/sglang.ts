import type { AttentionSpec, CompressedAttention } from '../../model/attention';
import { isHeaded } from '../../model/attention';
import type { ResolvedKvDtype } from '../../model/dtype';
import type { ModelSpec } from '../../model/spec';
import { type LayerGroup, layerGroups } from '../groups';
import { entryBytes, indexRowBytes, mainCacheBytes } from '../layerBytes';
import { rankAttention } from '../sharding';
import {
  attentionOf,
  type RuleContext,
  type AllocationRule,
  engineStateBytes,
  type LayerCost,
  rankStateOf,
  type Reason,
  roundUp,
  sequences,
  tokensOf,
} from './allocationRule';
import { countOption, flagOption, fractionOption, isSince } from './options';

const PAGE_TOKENS = 1;
/** State slots of a running request with the radix cache: `max_running ≤ slots ÷ 3`. */
const STATE_SLOTS = 3;
/** More where states are tracked while decoding (the extra buffer): two with the overlap scheduler, one with speculation. */
const EXTRA_SLOTS = 2;
const EXTRA_SLOTS_SPECULATIVE = 1;
const WINDOW_RATIO = 0.8;
/** DeepSeek-V4's own default. */
const COMPRESSED_WINDOW_RATIO = 0.1;

/**
 * SGLang: one token pool with a buffer for every layer, also for those that share or skip; for models of a list a second pool for
 * windows, whose size is a share of the first; slots for recurrent state. Pages are single tokens unless the attention backend asks
 * for more. Latent caches are the same on every rank; decode context parallelism stripes them.
 */
export const sglang: AllocationRule = {
  id: 'sglang',
  releases: [
    { id: '2025-10', date: '2025-10', code: 'main branch of October 2025' },
    { id: '2025-12', date: '2025-12', code: 'main branch of December 2025' },
    { id: '2026-01', date: '2026-01', code: 'main branch of January 2026' },
    { id: '2026-02', date: '2026-02', code: 'main branch of February 2026' },
    { id: '2026-05', date: '2026-05', code: 'main branch of May 2026' },
    { id: '0.5.16', date: '2026-07', code: '0.5.16 (2026-07-24)' },
  ],
  options: [
    {
      name: 'page-size',
      kind: { takes: 'count', least: 1 },
      usual: () => PAGE_TOKENS,
      meaning: 'tokens per page',
      unit: 'tokens',
    },
    {
      name: 'swa-full-tokens-ratio',
      kind: { takes: 'fraction' },
      usual: () => undefined,
      meaning: 'tokens in the pool for windowed layers, as a share of the full pool',
      unit: 'of the full pool',
    },
    {
      name: 'mem-fraction-static',
      kind: { takes: 'fraction' },
      usual: () => undefined,
      meaning: 'share of the memory that weights and pools may take',
      unit: 'of the memory',
    },
    {
      name: 'chunked-prefill-size',
      kind: { takes: 'count', least: 1 },
      usual: () => undefined,
      meaning: 'tokens of a prompt per step; memory for them is kept out of the pools',
    },
    {
      name: 'disable-radix-cache',
      kind: { takes: 'flag' },
      usual: () => false,
      meaning: 'no prefix cache: one state slot per request',
    },
    {
      name: 'speculative-num-draft-tokens',
      kind: { takes: 'count', least: 0 },
      usual: () => 0,
      meaning: 'draft tokens per step, each with a state of its own',
      unit: 'tokens',
    },
  ],
  cite: 'sglang/srt/configs/model_config.py (is_hybrid_swa), sglang/srt/model_executor/model_runner_kv_cache_mixin.py, layer_setup.py, sglang/srt/mem_cache/memory_pool.py',
  splitsHeads: true,
  autoDtype: (native) => (native === 'f32' ? 'f16' : native),
  effectiveDtype,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const kept = attention.kind === 'compressed' ? compressedCost(attention, context) : cacheCost(attention, context);
    const state = stateBytes(group, context) * sequences(context);
    return { ...kept, state, stateReserved: state * slotsOf(context) };
  },
  reasons,
};

/** Sparse latent caches in fp8 have FlashMLA's packed layout (656 bytes for 512 + 64); compressed entries have no other than theirs. */
function effectiveDtype(dtype: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype {
  if (isCompressed(spec)) return 'fp8_ds_mla';
  const sparse = spec.layers.some(({ attention }) => attention.kind === 'latent' && attention.indexer);
  return dtype === 'fp8' && sparse ? 'fp8_ds_mla' : dtype;
}

function isCompressed(spec: ModelSpec): boolean {
  return layerGroups(spec).some(({ attention }) => attention.kind === 'compressed');
}

type Kept = Omit<LayerCost, 'state' | 'stateReserved'>;

function cacheCost(attention: AttentionSpec, context: RuleContext): Kept {
  const batch = sequences(context);
  const page = countOption(context.setup, 'page-size') ?? PAGE_TOKENS;
  const tokens = tokensOf(attention, context);
  const row = bufferRow(attention, context);
  if (attention.kind === 'cross') {
    const needed = mainCacheBytes(attention, context.dtype, tokens) * batch;
    const buffer = Math.max(needed, row * roundUp(tokens, page) * batch);
    return { needed, steady: buffer, reserved: buffer };
  }
  const window =
    attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
  const stores = attention.kind !== 'shared' && attention.kind !== 'none';
  const needed = stores ? row * Math.min(tokens, window ?? tokens) * batch : 0;
  if (window === null || !hasWindowPool(context)) {
    const all = row * roundUp(tokens, page) * batch;
    return { needed, steady: all, reserved: all };
  }
  const steady = row * roundUp(Math.min(tokens, window), page) * batch;
  return { needed, steady, reserved: Math.max(steady, row * windowPoolTokens(context)) };
}

function hasWindowPool({ spec, setup }: RuleContext): boolean {
  const { windows } = spec.sglang;
  return typeof windows === 'string' ? isSince(setup.release, windows) : windows === true;
}

/** d396650bd (#18039): what the window pool is given. */
const WINDOW_POOL_MENDED = '2026-02-01';
/** The day of the release whose state slots were read. */
const STATE_SLOTS_READ = '2026-07-24';

/** Tokens of the pool for windows: a share of the full one, or all where no layer is full. */
function windowPoolTokens(context: RuleContext): number {
  const page = countOption(context.setup, 'page-size') ?? PAGE_TOKENS;
  const tokens = context.workload.tokens * sequences(context);
  const all = layerGroups(context.spec).every(({ attention }) => attention.kind === 'sliding');
  return roundUp(all ? tokens : Math.floor(tokens * windowRatio(context)), page);
}

function windowRatio({ spec, setup }: RuleContext): number {
  return (
    fractionOption(setup, 'swa-full-tokens-ratio') ?? (isCompressed(spec) ? COMPRESSED_WINDOW_RATIO : WINDOW_RATIO)
  );
}

/** Bytes of a token in a layer's buffer. Layers that share or skip have one too, except in models with recurrent layers. */
function bufferRow(attention: AttentionSpec, context: RuleContext): number {
  switch (attention.kind) {
    case 'shared':
      return entryBytes({ ...attention, kind: 'full' }, context.dtype);
    case 'none': {
      const groups = layerGroups(context.spec);
      if (groups.some(({ state }) => state)) return 0;
      const like = groups.find((group) => isHeaded(group.attention))?.attention;
      return like ? entryBytes(rankAttention(like, attentionRanks(context)), context.dtype) : 0;
    }
    case 'recurrent':
    case 'conv':
    case 'unknown':
      return 0;
    case 'sliding':
      return isCompressed(context.spec) ? compressedEntry(context) : entryBytes(attention, context.dtype);
    default:
      return entryBytes(attention, context.dtype) + indexRow(attention);
  }
}

/** Index keys lie in a buffer on every layer, also where the selection of another layer is reused. */
function indexRow(attention: AttentionSpec): number {
  const indexer = attention.kind === 'latent' || attention.kind === 'full' ? attention.indexer : undefined;
  if (!indexer) return 0;
  return indexRowBytes(attention.kind === 'full' ? 'bf16' : 'fp8_ds_mla', { ...indexer, owned: true });
}

function attentionRanks({ sharding }: RuleContext): number {
  return sharding.dpAttention ? 1 : sharding.tp;
}

function compressedEntry({ spec, dtype }: RuleContext): number {
  const found = layerGroups(spec).find(({ attention }) => attention.kind === 'compressed');
  return found ? entryBytes(found.attention, dtype) : 0;
}

const FLOAT32 = 4;
/** Compressors of up to this ratio overlap two blocks; their states are a ring of 8 for every page of 128 window tokens. */
const OVERLAPPING_RATIO = 4;
const RING_SHARE = 8 / 128;

/**
 * DeepSeek-V4: windows at a share of the tokens, a compressed entry for `ratio` tokens, index keys with it, and the compressors'
 * float32 states: of small ratios a ring beside the windows, of large ones a block for every running request.
 */
function compressedCost(attention: CompressedAttention, context: RuleContext): Kept {
  const { ratio, window, headDim } = attention;
  const each = sequences(context);
  const { tokens } = context.workload;
  const entry = entryBytes(attention, context.dtype);
  const index = indexRowBytes('fp8_ds_mla', attention.indexer);
  const entries = Math.ceil(tokens / ratio) * each;
  const overlaps = ratio <= OVERLAPPING_RATIO;
  const width = headDim + (attention.indexer?.owned ? attention.indexer.headDim : 0);
  const stateRow = 2 * (overlaps ? 2 : 1) * width * FLOAT32;
  const inWindow = Math.min(tokens, window) * each;
  const pool = Math.max(inWindow, windowPoolTokens(context));
  const ring = (held: number): number => Math.ceil(held * RING_SHARE) * stateRow;
  const block = overlaps ? 0 : ratio * stateRow * each;
  return {
    needed: inWindow * entry + Math.floor(tokens / ratio) * each * (entry + index),
    steady: inWindow * entry + entries * (entry + index) + (overlaps ? ring(inWindow) : block),
    reserved: pool * entry + entries * (entry + index) + (overlaps ? ring(pool) : block),
  };
}

/** One slot: the recurrent part in float32 unless `mamba_ssm_dtype` says otherwise, convolutions in two bytes. */
function stateBytes(group: LayerGroup, context: RuleContext): number {
  const state = rankStateOf(group, context);
  if (!state) return 0;
  const recurrentDtype = context.spec.sglang.cacheDtypeStates === true ? state.recurrentDtype : 'float32';
  return engineStateBytes({ ...state, recurrentDtype }, context.dtype);
}

/** State slots of a running request. */
function slotsOf({ spec, setup }: RuleContext): number {
  const drafts = countOption(setup, 'speculative-num-draft-tokens') ?? 0;
  if (flagOption(setup, 'disable-radix-cache')) return 1 + drafts;
  const extra = spec.sglang.tracksStates === true ? (drafts > 0 ? EXTRA_SLOTS_SPECULATIVE : EXTRA_SLOTS) : 0;
  return STATE_SLOTS + extra + drafts;
}

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const page = countOption(context.setup, 'page-size') ?? PAGE_TOKENS;
  const found: Reason[] = [{ text: `pages of ${page} ${page === 1 ? 'token' : 'tokens'}`, inexact: false }];
  const say = (text: string): number => found.push({ text, inexact: false });
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  if (kinds.has('sliding') || kinds.has('chunked') || kinds.has('compressed')) {
    if (hasWindowPool(context))
      say(`windowed layers have a pool of their own, with ${windowRatio(context)} × the tokens of the full one`);
    else say('SGLang has no window pool for this model: every layer keeps every token');
  }
  if (kinds.has('shared') || (kinds.has('none') && !groups.some(({ state }) => state)))
    say('layers without a cache of their own have a buffer all the same');
  if (groups.some(({ state }) => state)) {
    const slots = slotsOf(context);
    say(`${slots} state ${slots === 1 ? 'slot is' : 'slots are'} kept per running request`);
  }
  if (groups.some(({ attention }) => indexRow(attention) > 0))
    say(kinds.has('latent') ? 'index keys are fp8 with a scale, in every layer' : 'index keys are bf16');
  const { release } = context.setup;
  if (hasWindowPool(context) && kinds.has('sliding') && !isSince(release, WINDOW_POOL_MENDED))
    found.push({
      text: 'Headlight does not know how large the pool for windowed layers was before February 2026',
      inexact: true,
    });
  if (groups.some(({ state }) => state) && !isSince(release, STATE_SLOTS_READ))
    found.push({ text: 'Headlight does not know how many state slots there were before July 2026', inexact: true });
  if (context.sharding.tp > 1 && kinds.has('latent'))
    say(`each of the ${context.sharding.tp} devices holds the whole latent cache`);
  if (kinds.has('cross'))
    found.push({
      text: 'cross attention: Headlight does not know how SGLang allocates it; it takes at least the theoretical minimum',
      inexact: true,
    });
  return found;
}
