import type { AttentionSpec, CompressedAttention, HeadLayout, LatentAttention } from '../../model/attention';
import { MOST_RANKS } from '../../model/scenario';
import { GGML_BLOCK_ELEMENTS, isBlockDtype, type ResolvedKvDtype, rowBytes } from '../../model/dtype';
import type { LayerGroup } from '../groups';
import { layerCacheBytes, ownIndexer } from '../layerBytes';
import { deviceCount } from '../sharding';
import { countOption, type EngineOption, type EngineSetup, flagOption, wordOption } from './options';
import {
  type RuleContext,
  engineStateBytes,
  type AllocationRule,
  type Reason,
  roundUp,
  type Stage,
} from './allocationRule';

/** Cells are allocated in multiples of this (`llama_kv_cache`, with flash attention). */
const CELL_PADDING = 256;
/** `LLAMA_MAX_SEQ` of llama-cparams.h. */
const MAX_SEQUENCES = 256;
const DEFAULT_MICRO_BATCH = 512;
const DEFAULT_BATCH = 2048;

/** Formats that `-ctk`/`-ctv` take. */
const FORMATS = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;
type Format = (typeof FORMATS)[number];

function formatOf(text: string | undefined): Format | undefined {
  return FORMATS.find((format) => format === text);
}

const OPTIONS: readonly EngineOption[] = [
  {
    name: 'cache-type-k',
    kind: { takes: 'word', words: FORMATS },
    usual: () => undefined,
    meaning: 'element type of cached keys; if not set, the chosen cache type',
  },
  {
    name: 'cache-type-v',
    kind: { takes: 'word', words: FORMATS },
    usual: () => undefined,
    meaning: 'element type of cached values; if not set, the chosen cache type',
  },
  {
    name: 'parallel',
    kind: { takes: 'count', least: 1 },
    usual: () => undefined,
    meaning: 'slots of the server; if not set, one per sequence',
    unit: 'slots',
  },
  {
    name: 'kv-unified',
    kind: { takes: 'flag' },
    usual: () => false,
    meaning:
      'all slots share one buffer; the tokens of the scenario are then those of all sequences together, as with -c',
  },
  {
    name: 'swa-full',
    kind: { takes: 'flag' },
    usual: () => false,
    meaning: 'layers with a window keep every token',
  },
  {
    name: 'ubatch-size',
    kind: { takes: 'count', least: 1 },
    usual: () => DEFAULT_MICRO_BATCH,
    meaning: 'tokens per micro-batch, which a sliding layer holds in addition to its window',
    unit: 'tokens',
  },
  {
    name: 'batch-size',
    kind: { takes: 'count', least: 1 },
    usual: () => DEFAULT_BATCH,
    meaning: 'upper limit for the tokens of a micro-batch',
  },
  {
    name: 'draft-max',
    kind: { takes: 'count', least: 0 },
    usual: () => 0,
    meaning:
      'draft tokens per step; an extra copy of the states is kept for each, so that a rejected one can be undone',
    unit: 'tokens',
  },
  {
    name: 'flash-attn',
    kind: { takes: 'word', words: ['on', 'off', 'auto'] },
    usual: () => 'auto',
    meaning:
      'if off, values are stored transposed, and those of every layer are padded to the width of the widest; with on or auto neither happens',
  },
  {
    name: 'split-mode',
    kind: { takes: 'word', words: ['none', 'layer', 'row'] },
    usual: () => 'layer',
    meaning:
      'how a model is split over several devices. layer: whole layers with their cache; row: weights by rows, the cache by layers; none: one device has everything',
  },
];

/** What several devices share (`--split-mode`). `tensor` is experimental and not modelled. */
export function splitMode(setup: EngineSetup): 'none' | 'layer' | 'row' {
  const word = wordOption(setup, 'split-mode');
  return word === 'none' || word === 'row' ? word : 'layer';
}

/**
 * Layers of each device, of devices with as much free memory: layer `i` of `n` layers (those that draft counted, as the file has
 * them) and the output, which is the last, goes to the first device whose share ends beyond `i / (n + 1)`. The cache of a layer lies
 * where the layer does, with `row` too (the help still speaks of the main device). llama.cpp v0.5.0: llama-model.cpp `load_tensors`
 * (`get_layer_buft_list`), llama-kv-cache.cpp (`model.dev_layer(il)`). Of more devices than any machine has, each has one layer or none,
 * as of the most that are listed.
 */
function deviceLayers({ spec, sharding, setup }: RuleContext): readonly Stage[] {
  const all = spec.layers.length;
  const devices = splitMode(setup) === 'none' ? 1 : Math.min(deviceCount(sharding), MOST_RANKS);
  // Cross attention stands behind the decoder's own layers in the list, and has no cache here.
  const own = spec.layers.filter(({ attention }) => attention.kind !== 'cross').length;
  const units = own + spec.draftLayers + 1;
  const firstOf = (device: number): number => Math.min(own, Math.ceil((device * units) / devices));
  return Array.from(
    { length: devices },
    (_, device): Stage => [firstOf(device), device === devices - 1 ? all : firstOf(device + 1)],
  );
}

/** Element types of K and V. */
function types({ dtype, setup }: RuleContext): { readonly k: ResolvedKvDtype; readonly v: ResolvedKvDtype } {
  return {
    k: formatOf(wordOption(setup, 'cache-type-k')) ?? dtype,
    v: formatOf(wordOption(setup, 'cache-type-v')) ?? dtype,
  };
}

/** `n_ubatch`: not more than `n_batch` (llama-context.cpp). */
function microBatch({ setup }: RuleContext): number {
  const batch = countOption(setup, 'batch-size') ?? DEFAULT_BATCH;
  return Math.min(batch, countOption(setup, 'ubatch-size') ?? DEFAULT_MICRO_BATCH);
}

function flashAttention({ setup, spec }: RuleContext): boolean {
  return wordOption(setup, 'flash-attn') !== 'off' && spec.llamacpp.flashAttention !== false;
}

/** Sequences that the context is made for (`n_seq_max`). */
function slots({ workload, setup }: RuleContext): number {
  return Math.max(workload.batch, countOption(setup, 'parallel') ?? 1);
}

/** States are kept once, and once more for each drafted token where the model can go back to them (`llm_arch_supports_rs_rollback`). */
function stateCopies({ setup, spec }: RuleContext): number {
  return spec.llamacpp.keepsDraftStates === false ? 1 : 1 + (countOption(setup, 'draft-max') ?? 0);
}

function isUnified({ setup }: RuleContext): boolean {
  return flagOption(setup, 'kv-unified');
}

/** Tokens that one stream has room for (`n_ctx_seq`). */
function streamTokens(context: RuleContext): number {
  const { tokens, batch } = context.workload;
  return isUnified(context) ? tokens * batch : tokens;
}

/** Cells of one stream that keeps every token, and the number of streams. */
function fullCells(context: RuleContext): { readonly cells: number; readonly streams: number } {
  return { cells: roundUp(streamTokens(context), CELL_PADDING), streams: isUnified(context) ? 1 : slots(context) };
}

/**
 * Cells of the streams of a sliding cache: `⌈min(n_ctx, n_swa·n_seq + n_ubatch)⌉₂₅₆`, n_seq = 1 where each sequence has its own stream.
 * Raw windows beside compressed entries (`llama_kv_cache_dsv4`) have one for each sequence, also where the cache is unified.
 */
function windowCells(window: number, context: RuleContext): number {
  const { cells, streams } = fullCells(context);
  const apart = context.spec.layers.some(({ attention }) => attention.kind === 'compressed');
  const separate = apart ? slots(context) : streams;
  if (flagOption(context.setup, 'swa-full')) return cells * separate;
  const held = window * (apart || !isUnified(context) ? 1 : slots(context)) + microBatch(context);
  return roundUp(Math.min(cells, held), CELL_PADDING) * separate;
}

/** The window that llama.cpp keeps to; null where it keeps every token. */
function windowOf(attention: AttentionSpec, { spec }: RuleContext): number | null {
  if (spec.llamacpp.windows !== true) return null;
  return attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
}

/** K and V of every head, made from the latent. */
function expanded(attention: LatentAttention): HeadLayout {
  const { queryHeads, nopeDim, ropeDim, valueDim } = attention;
  return { queryHeads, kvHeads: queryHeads, keyDim: nopeDim + ropeDim, valueDim };
}

/** The heads whose K and V are cached; null for latents and for layers without K and V. */
function headsOf(attention: AttentionSpec, { spec }: RuleContext): HeadLayout | null {
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked':
    case 'shared':
      return attention;
    case 'latent':
      return spec.llamacpp.expandsLatents === true ? expanded(attention) : null;
    default:
      return null;
  }
}

/** Bytes of a cell's values: without flash attention the rows of all layers are as wide as the widest. */
function valueBytes(heads: HeadLayout, context: RuleContext): number {
  if (heads.valueDim === 0) return 0;
  return flashAttention(context)
    ? rowBytes(types(context).v, heads.kvHeads, heads.valueDim)
    : widestValueBytes(context);
}

/** `n_embd_v_gqa_max` of llama-hparams.cpp. */
function widestValueBytes(context: RuleContext): number {
  let widest = 0;
  for (const { attention } of context.spec.layers) {
    const other = headsOf(attention, context);
    if (other) widest = Math.max(widest, other.kvHeads * other.valueDim);
  }
  return rowBytes(types(context).v, 1, widest);
}

/** Bytes of one cell of a layer, index keys included. */
function cellBytes(attention: AttentionSpec, context: RuleContext): number {
  const { k, v } = types(context);
  const indexer = ownIndexer(attention);
  if (attention.kind === 'shared') return 0;
  if (attention.kind === 'none')
    return context.spec.llamacpp.padsEmptyLayers === true && !flashAttention(context) ? widestValueBytes(context) : 0;
  const heads = headsOf(attention, context);
  if (heads) {
    const values = context.spec.llamacpp.indexValues === true ? rowBytes(v, 1, heads.valueDim) : 0;
    const index = indexer ? rowBytes(k, 1, indexer.headDim) + values : 0;
    return rowBytes(k, heads.kvHeads, heads.keyDim) + valueBytes(heads, context) + index;
  }
  if (attention.kind !== 'latent') return 0;
  return rowBytes(k, 1, attention.latentDim + attention.ropeDim) + (indexer ? rowBytes(k, 1, indexer.headDim) : 0);
}

/** What the tokens need in these element types, in the layers as llama.cpp computes them. */
function neededBytes(attention: AttentionSpec, context: RuleContext): number {
  const { tokens, batch } = context.workload;
  if (attention.kind === 'compressed') return layerCacheBytes(attention, types(context).k, tokens) * batch;
  if (attention.kind === 'cross') return sourceBytes(attention, context);
  const window = windowOf(attention, context);
  return cellBytes(attention, context) * (window === null ? tokens : Math.min(tokens, window)) * batch;
}

/** K and V of the source, which T5 has none of: they are computed in each step. */
function sourceBytes(attention: AttentionSpec, { spec, dtype, workload }: RuleContext): number {
  if (spec.llamacpp.cachesSource === false) return 0;
  return layerCacheBytes(attention, dtype, workload.tokens) * workload.batch;
}

function allocatedBytes(attention: AttentionSpec, context: RuleContext): number {
  const { cells, streams } = fullCells(context);
  if (attention.kind === 'compressed') return compressedBytes(attention, context);
  if (attention.kind === 'cross') return sourceBytes(attention, context);
  const window = windowOf(attention, context);
  return cellBytes(attention, context) * (window === null ? cells * streams : windowCells(window, context));
}

/** DeepSeek-V4: raw window cells, and compressed entries and index keys, padded by themselves, for each sequence. */
function compressedBytes(attention: CompressedAttention, context: RuleContext): number {
  const { k } = types(context);
  const entry = rowBytes(k, 1, attention.headDim);
  const indexer = ownIndexer(attention);
  const compressed = roundUp(Math.ceil(streamTokens(context) / attention.ratio), CELL_PADDING);
  const perEntry = entry + (indexer ? rowBytes(k, 1, indexer.headDim) : 0);
  return windowCells(attention.window, context) * entry + compressed * perEntry * slots(context);
}

/** Ratio from which on compressors do not overlap. */
const OVERLAPPING_RATIO = 4;

/**
 * The compressors' own state in float32, for one sequence: the last rows of K/V and of scores. Overlapping compressors (ratio 4) keep
 * two blocks of rows that are twice as wide, and the same of the index keys; the others one block.
 */
function compressorState(attention: AttentionSpec): number {
  if (attention.kind !== 'compressed') return 0;
  const overlap = attention.ratio <= OVERLAPPING_RATIO ? 2 : 1;
  const width = attention.headDim + (ownIndexer(attention)?.headDim ?? 0);
  return 2 * (attention.ratio * overlap) * (width * overlap) * 4;
}

/**
 * Widths that blocks of elements must divide: with flash attention a head's (`n_embd_head_k`, `n_embd_head_v`), without it those of a row,
 * since ggml has no row of broken blocks; of latents, the row and the latent.
 */
function rowDims(
  attention: AttentionSpec,
  context: RuleContext,
): { readonly key: number; readonly value: number } | null {
  const heads = headsOf(attention, context);
  const joined = flashAttention(context) ? 1 : (heads?.kvHeads ?? 1);
  if (heads) return { key: heads.keyDim * joined, value: heads.valueDim * joined };
  if (attention.kind === 'latent') return { key: attention.latentDim + attention.ropeDim, value: attention.latentDim };
  return attention.kind === 'compressed' ? { key: attention.headDim, value: attention.headDim } : null;
}

function refusalOf(groups: readonly LayerGroup[], context: RuleContext): string | null {
  const { k, v } = types(context);
  const { asked, spec } = context;
  if (spec.llamacpp.runs === false) return `${spec.modelType}: it does not implement this model`;
  if (slots(context) > MAX_SEQUENCES) return `${slots(context)} slots: it has at most ${MAX_SEQUENCES}`;
  if (asked !== 'auto' && formatOf(asked) === undefined) return `the cache type ${asked}: it has ${FORMATS.join(', ')}`;
  const one = groups.some(({ attention }) => attention.kind === 'latent' || attention.kind === 'compressed');
  if (one && context.spec.llamacpp.expandsLatents !== true && k !== v)
    return `keys in ${k} with values in ${v}, because both are one latent`;
  if (isBlockDtype(v) && !flashAttention(context)) return `values in ${v} without flash attention`;
  for (const { attention } of groups) {
    const dims = rowDims(attention, context);
    if (!dims) continue;
    const parts = [
      ['K', k, dims.key],
      ['V', v, dims.value],
    ] as const;
    for (const [part, type, dim] of parts) {
      if (isBlockDtype(type) && dim % GGML_BLOCK_ELEMENTS !== 0)
        return `${part} in ${type}: its blocks of ${GGML_BLOCK_ELEMENTS} do not divide ${flashAttention(context) ? 'heads' : 'rows'} of ${dim}`;
    }
  }
  return null;
}

/**
 * llama.cpp: everything is allocated when the context is made. One stream per sequence unless the cache is unified; layers,
 * not heads, are split over devices: each has the cache of its own.
 * MLA is one K row of latent + rotary key, without V; recurrent state is always float32.
 */
export const llamacpp: AllocationRule = {
  id: 'llamacpp',
  releases: [{ id: 'v0.5.0', date: '2026-09', code: 'llama.cpp v0.5.0 (2026-09-28), checked by running it' }],
  options: OPTIONS,
  cite: 'llama-context.cpp, llama-kv-cache.cpp, llama-kv-cache-iswa.cpp, llama-memory-recurrent.cpp, llama-kv-cache-dsv4.cpp',
  splitsHeads: false,
  autoDtype: () => 'f16',
  // A type that is asked for and not there is refused; one that the config prescribes is not looked at.
  effectiveDtype: (dtype) => formatOf(dtype) ?? 'f16',
  cost(group, context) {
    const { attention } = group;
    const allocated = allocatedBytes(attention, context);
    const one = engineStateBytes(group.state, context.dtype, true) + compressorState(attention);
    const state = one * slots(context) * stateCopies(context);
    return {
      needed: neededBytes(attention, context),
      steady: allocated,
      reserved: allocated,
      state,
      stateReserved: state,
    };
  },
  stages: deviceLayers,
  refuses: refusalOf,
  stateForm: (context) => ({ engineWidth: true, float32: true, copies: stateCopies(context) }),
  reasons(groups, context) {
    const reasons: Reason[] = [];
    const say = (text: string, inexact = false): void => void reasons.push({ text, inexact });
    say(`the number of cells is rounded up to a multiple of ${CELL_PADDING}; all are allocated at the start`);
    const windowed = groups.filter(({ attention }) => attention.kind === 'sliding' || attention.kind === 'chunked');
    if (windowed.length > 0) windowReason(windowed, context, say);
    if (groups.some(({ attention }) => attention.kind === 'latent') && context.spec.llamacpp.expandsLatents === true)
      say('llama.cpp caches K and V of every head of this model instead of its latents');
    if (groups.some(({ state }) => state)) say('recurrent state is float32');
    if (groups.some(({ attention }) => compressorState(attention) > 0))
      say('the state of the compressors is kept in float32');
    const states = groups.some(({ attention, state }) => state !== undefined || compressorState(attention) > 0);
    if (states && (countOption(context.setup, 'draft-max') ?? 0) > 0) draftReason(context, say);
    // common.h: cache_ram_mib, n_ctx_checkpoints.
    say('host memory of llama-server is not counted: --cache-ram (8 GiB), --ctx-checkpoints (32 per slot)');
    if (slots(context) > context.workload.batch) say(`${slots(context)} slots are allocated`);
    if (deviceCount(context.sharding) > 1) deviceReason(context, say);
    if (groups.some(({ attention }) => attention.kind === 'cross')) {
      if (context.spec.llamacpp.cachesSource === false)
        say('llama.cpp has no cache for cross attention: K and V of the source are computed in each step');
      else
        say(
          'cross attention: Headlight does not know how llama.cpp allocates it, and uses the theoretical minimum',
          true,
        );
    }
    return reasons;
  },
};

/** Which device decides. */
function deviceReason(context: RuleContext, say: (text: string, inexact?: boolean) => void): void {
  const stages = deviceLayers(context);
  if (stages.length === 1) {
    say('split-mode none: everything is on one device');
    return;
  }
  const counts = stages.map(([start, end]) => end - start);
  const most = Math.max(...counts);
  const rows = splitMode(context.setup) === 'row' ? ', even when weights are split by rows' : '';
  say(
    `each device holds whole layers with their cache${rows}: at most ${most} of ${context.spec.layers.length}; the output counts as a layer of the last device`,
  );
}

function draftReason(context: RuleContext, say: (text: string, inexact?: boolean) => void): void {
  const copies = stateCopies(context);
  if (copies > 1) say(`each state is kept ${copies} times, so that draft tokens can be undone`);
  else say('llama.cpp keeps no states for draft tokens with this model');
  if (context.spec.llamacpp.keepsDraftStates === undefined)
    say(`Headlight does not know whether llama.cpp keeps states for draft tokens with ${context.spec.modelType}`, true);
}

/** What llama.cpp makes of windows. Where it has none, heads see more than the model was trained for. */
function windowReason(
  groups: readonly LayerGroup[],
  context: RuleContext,
  say: (text: string, inexact?: boolean) => void,
): void {
  const { windows } = context.spec.llamacpp;
  if (windows === true) {
    say(
      flagOption(context.setup, 'swa-full')
        ? 'swa-full: layers with a window keep every token'
        : `a sliding layer holds its window plus a micro-batch of ${microBatch(context)} tokens`,
    );
    return;
  }
  if (windows === undefined) {
    say(
      `Headlight does not know whether llama.cpp uses windows for ${context.spec.modelType}: every token is counted`,
      true,
    );
    return;
  }
  say('llama.cpp does not use windows for this model: every layer keeps every token');
  const shortest = Math.min(
    ...groups.map(({ attention }) =>
      attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : Infinity,
    ),
  );
  if (context.workload.tokens > shortest) say(`beyond ${shortest} tokens its attention differs from the model's own`);
}
