import type { AttentionSpec, CompressedAttention } from '../../model/attention';
import { rowBytes } from '../../model/dtype';
import { type LayerGroup, layerGroups } from '../groups';
import { entryBytes, indexKeysHeld, indexRowBytes, mainCacheBytes, ownIndexer } from '../layerBytes';
import {
  attentionOf,
  type RuleContext,
  type AllocationRule,
  engineStateBytes,
  pages,
  rankStateOf,
  type Reason,
  sequences,
  tokensOf,
} from './allocationRule';
import { countOption, countsOption } from './options';

const BLOCK_TOKENS = 32;
/** DeepSeek-V4's caches have blocks of their own size. */
const COMPRESSED_BLOCK_TOKENS = 128;

/**
 * TensorRT-LLM, PyTorch backend: blocks of 32 tokens. Every layer keeps every token unless `max_attention_window` is set (the V1
 * manager takes `[max_seq_len]`); then layers with windows have pools of their own, in which a sequence keeps the blocks that its
 * window touches. Latent caches have one tensor (`kv_factor = 1`) and are not divided by ranks; with attention data parallelism
 * every rank keeps whole heads.
 */
export const trtllm: AllocationRule = {
  id: 'trtllm',
  releases: [{ id: '1.2', date: '2026-01', code: 'tensorrt_llm/_torch (2026)' }],
  options: [
    {
      name: 'tokens-per-block',
      kind: { takes: 'count', least: 1 },
      usual: () => undefined,
      meaning: 'tokens per block',
      unit: 'tokens',
    },
    {
      name: 'max-attention-window',
      kind: { takes: 'counts' },
      usual: () => undefined,
      meaning:
        'the most tokens that a layer keeps; a list shorter than the number of layers is repeated; if not set, all tokens',
      unit: 'tokens',
    },
    {
      name: 'max-num-tokens',
      kind: { takes: 'count', least: 1 },
      usual: () => 8_192,
      meaning: 'tokens per step, which the profiling run uses',
    },
    {
      name: 'free-gpu-memory-fraction',
      kind: { takes: 'fraction' },
      usual: () => 0.9,
      meaning: 'share that the cache gets of the memory left after weights and activations',
    },
  ],
  cite: 'tensorrt_llm/_torch/pyexecutor/resource_manager.py; tokens_per_block = 32 and max_attention_window = None in KvCacheConfig',
  splitsHeads: true,
  autoDtype: (native) => native,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const batch = sequences(context);
    const state = engineStateBytes(rankStateOf(group, context), context.dtype) * batch;
    const [needed, held] = isCompressed(context)
      ? compressedBytes(attention, context)
      : layerBytes(attention, group, context);
    return { needed: needed * batch, steady: held * batch, reserved: held * batch, state, stateReserved: state };
  },
  reasons,
};

function isCompressed({ spec }: RuleContext): boolean {
  return layerGroups(spec).some(({ attention }) => attention.kind === 'compressed');
}

function blockTokens(context: RuleContext): number {
  const usual = isCompressed(context) ? COMPRESSED_BLOCK_TOKENS : BLOCK_TOKENS;
  return countOption(context.setup, 'tokens-per-block') ?? usual;
}

/** What a layer needs, and what its blocks hold, for one sequence; of layers that differ, the mean. */
function layerBytes(attention: AttentionSpec, group: LayerGroup, context: RuleContext): readonly [number, number] {
  const tokens = tokensOf(attention, context);
  if (attention.kind === 'cross') {
    const source = mainCacheBytes(attention, context.dtype, tokens);
    return [source, source];
  }
  const block = blockTokens(context);
  const row = entryBytes(attention, context.dtype) + indexRow(attention);
  const own = attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : tokens;
  const windows = windowsOf(group, context);
  const mean = (bytes: (window: number) => number): number =>
    windows.reduce((sum, window) => sum + bytes(window), 0) / windows.length;
  return [
    mean((window) => row * Math.min(tokens, own, window)),
    mean((window) => row * heldTokens(tokens, window, block)),
  ];
}

function indexRow(attention: AttentionSpec): number {
  return indexKeysHeld(attention, 1) * indexRowBytes('fp8_ds_mla', ownIndexer(attention));
}

/** A window that starts inside a block touches one block more. */
function heldTokens(tokens: number, window: number, block: number): number {
  const all = pages(tokens, block) * block;
  return window >= tokens ? all : Math.min(all, (pages(window, block) + 1) * block);
}

/** `max_attention_window` of the group's layers, each once; without it every layer keeps all tokens. */
function windowsOf(group: LayerGroup, { setup, workload }: RuleContext): readonly number[] {
  const list = countsOption(setup, 'max-attention-window');
  if (!list || list.length === 0) return [workload.tokens];
  const windows = group.indexes.map((index) => list[index % list.length] ?? workload.tokens);
  return windows.every((window) => window === windows[0]) ? windows.slice(0, 1) : windows;
}

const FLOAT32 = 4;
const OVERLAPPING_RATIO = 4;

/**
 * DeepSeek-V4: entries without scales, in blocks of 128 tokens; windows, and the compressors' float32 states and scores, keep the
 * blocks that they touch.
 */
function compressedBytes(attention: AttentionSpec, context: RuleContext): readonly [number, number] {
  const { tokens } = context.workload;
  const block = blockTokens(context);
  if (attention.kind === 'sliding') {
    const row = rowBytes(context.dtype, 1, attention.keyDim);
    return [row * Math.min(tokens, attention.window), row * heldTokens(tokens, attention.window, block)];
  }
  if (attention.kind !== 'compressed') return [0, 0];
  const { headDim, ratio, window } = attention;
  const row = rowBytes(context.dtype, 1, headDim);
  const index = indexRowBytes('fp8_ds_mla', ownIndexer(attention));
  const entries = (pages(tokens, block) * block) / ratio;
  return [
    row * Math.min(tokens, window) + Math.floor(tokens / ratio) * (row + index),
    row * heldTokens(tokens, window, block) +
      Math.ceil(entries) * (row + index) +
      compressorBytes(attention, tokens, block),
  ];
}

function compressorBytes(attention: CompressedAttention, tokens: number, block: number): number {
  const overlap = attention.ratio <= OVERLAPPING_RATIO ? 2 : 1;
  const width = attention.headDim + (ownIndexer(attention)?.headDim ?? 0);
  return heldTokens(tokens, attention.ratio * overlap, block) * 2 * overlap * width * FLOAT32;
}

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const found: Reason[] = [{ text: `blocks of ${blockTokens(context)} tokens`, inexact: false }];
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  const windows = countsOption(context.setup, 'max-attention-window');
  if (windows)
    found.push({ text: 'a window keeps one block more, because it can start inside a block', inexact: false });
  else if (!isCompressed(context) && (kinds.has('sliding') || kinds.has('chunked')))
    found.push({ text: 'every layer keeps every token: max_attention_window is not set', inexact: false });
  if (windows && context.sharding.pp > 1 && groups.some((group) => windowsOf(group, context).length > 1))
    found.push({
      text: 'layers of one kind have different windows, which are assumed to be spread evenly over the pipeline stages',
      inexact: true,
    });
  if (groups.some(({ attention }) => ownIndexer(attention)))
    found.push({ text: 'index keys are fp8 with a scale', inexact: false });
  if (context.sharding.tp > 1 && kinds.has('latent') && !context.sharding.dpAttention) {
    found.push({ text: `each of the ${context.sharding.tp} devices holds the whole latent cache`, inexact: false });
  }
  if (kinds.has('cross')) {
    found.push({
      text: 'cross attention: Headlight does not know how TensorRT-LLM allocates it, and uses the theoretical minimum',
      inexact: true,
    });
  }
  return found;
}
