import type { ResolvedKvDtype } from '../../model/dtype';
import { layerCacheBytes } from '../layerBytes';
import { countOption, flagOption } from './options';
import { type RuleContext, engineStateBytes, type AllocationRule, type Reason, roundUp } from './allocationRule';

/** Cells are allocated in multiples of this (`llama_kv_cache`, with flash attention). */
const CELL_PADDING = 256;
const DEFAULT_MICRO_BATCH = 512;

/** Formats that `-ctk`/`-ctv` take. */
const FORMATS: readonly ResolvedKvDtype[] = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'];

function microBatch({ setup }: RuleContext): number {
  return countOption(setup, 'ubatch-size') ?? DEFAULT_MICRO_BATCH;
}

/** Cells of one stream that keeps every token. */
function fullCells({ workload, setup }: RuleContext): { readonly cells: number; readonly streams: number } {
  return flagOption(setup, 'kv-unified')
    ? { cells: roundUp(workload.tokens * workload.batch, CELL_PADDING), streams: 1 }
    : { cells: roundUp(workload.tokens, CELL_PADDING), streams: workload.batch };
}

/** Cells of one stream of a sliding cache: the window and one micro-batch, `⌈min(n_ctx, n_swa·n_seq + n_ubatch)⌉₂₅₆`. */
function windowCells(window: number, context: RuleContext): number {
  const { cells } = fullCells(context);
  const held = window * (flagOption(context.setup, 'kv-unified') ? context.workload.batch : 1) + microBatch(context);
  return roundUp(Math.min(cells, held), CELL_PADDING);
}

/**
 * llama.cpp: everything is allocated when the context is made. One stream per sequence unless the cache is unified; layers,
 * not heads, are split over devices, so tensor-parallel ranks change nothing per layer.
 * MLA is one K row of latent + rotary key, without V; recurrent state is always float32.
 */
export const llamacpp: AllocationRule = {
  id: 'llamacpp',
  releases: [{ id: '452005a', date: '2026-08', code: 'llama.cpp as vendored in whisper.cpp 452005a (2026-08-18)' }],
  options: [
    {
      name: 'ubatch-size',
      kind: { takes: 'count', least: 1 },
      usual: () => DEFAULT_MICRO_BATCH,
      meaning: 'tokens of a micro-batch, which a sliding layer holds beside its window',
    },
    {
      name: 'kv-unified',
      kind: { takes: 'flag' },
      usual: () => false,
      meaning: 'all sequences share one buffer',
    },
  ],
  cite: 'llama-kv-cache.cpp, llama-kv-cache-iswa.cpp, llama-memory-recurrent.cpp, llama-kv-cache-dsv4.cpp',
  splitsHeads: false,
  autoDtype: () => 'f16',
  effectiveDtype: (dtype) => (FORMATS.includes(dtype) ? dtype : 'q8_0'),
  cost(group, context) {
    const { attention } = group;
    const { dtype, workload } = context;
    const { cells, streams } = fullCells(context);
    const window =
      attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
    const allocated =
      window !== null && attention.kind !== 'shared'
        ? layerCacheBytes(
            { ...attention, kind: 'full' } as typeof attention & { kind: 'full' },
            dtype,
            windowCells(window, context),
          ) * streams
        : attention.kind === 'compressed'
          ? compressedBytes(group.attention, context)
          : layerCacheBytes(attention, dtype, attention.kind === 'cross' ? workload.tokens : cells) *
            (attention.kind === 'cross' ? workload.batch : streams);
    const needed = layerCacheBytes(attention, dtype, workload.tokens) * workload.batch;
    const state = engineStateBytes(group.state, dtype, true) * workload.batch;
    return { needed, steady: allocated, reserved: allocated, state, stateReserved: state };
  },
  reasons(groups, context) {
    const reasons: Reason[] = [
      { text: `cells are padded to ${CELL_PADDING}; all are allocated at the start`, inexact: false },
    ];
    if (groups.some(({ attention }) => attention.kind === 'sliding' || attention.kind === 'chunked')) {
      reasons.push({
        text: `a sliding layer holds its window and a micro-batch of ${microBatch(context)}`,
        inexact: false,
      });
    }
    if (groups.some(({ state }) => state)) reasons.push({ text: 'recurrent state is float32', inexact: false });
    if (context.sharding.tp > 1)
      reasons.push({
        text: 'llama.cpp splits layers, not heads: the bytes are those of all devices together',
        inexact: false,
      });
    if (groups.some(({ attention }) => attention.kind === 'cross')) {
      reasons.push({
        text: 'cross attention: the allocation of llama.cpp was not read; the intrinsic bytes are used',
        inexact: true,
      });
    }
    return reasons;
  },
};

/** DeepSeek-V4: raw window cells, and compressed and index cells padded by themselves. */
function compressedBytes(attention: RuleContext['spec']['layers'][number]['attention'], context: RuleContext): number {
  if (attention.kind !== 'compressed') return 0;
  const { batch, tokens } = context.workload;
  const raw = windowCells(attention.window, {
    ...context,
    setup: { ...context.setup, options: { ...context.setup.options, 'kv-unified': false } },
  });
  const compressed = roundUp(Math.ceil(tokens / attention.ratio), CELL_PADDING);
  const entry = layerCacheBytes({ ...attention, window: 1, ratio: Number.MAX_SAFE_INTEGER }, context.dtype, 1);
  const index = attention.indexer?.owned
    ? layerCacheBytes(
        {
          kind: 'latent',
          queryHeads: 1,
          latentDim: attention.indexer.headDim,
          ropeDim: 0,
          nopeDim: 0,
          valueDim: 0,
          queryLatentDim: null,
        },
        context.dtype,
        compressed,
      )
    : 0;
  return ((raw + compressed) * entry + index) * batch;
}
