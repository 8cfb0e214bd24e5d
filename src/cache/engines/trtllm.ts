import type { LayerGroup } from '../groups';
import { countOption } from './options';
import { indexKeysHeld, indexRowBytes, mainCacheBytes, ownIndexer } from '../layerBytes';
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

const PAGE_TOKENS = 32;

/**
 * TensorRT-LLM, PyTorch backend: blocks of 32 tokens; layers with windows have pools of their own, in which a sequence keeps
 * the blocks that its window touches. Latent caches have one tensor (`kv_factor = 1`) and are not divided by ranks; with
 * attention data parallelism every rank keeps whole heads.
 */
export const trtllm: AllocationRule = {
  id: 'trtllm',
  releases: [{ id: '1.2', date: '2026-01', code: 'tensorrt_llm/_torch (2026)' }],
  options: [
    {
      name: 'tokens-per-block',
      kind: { takes: 'count', least: 1 },
      usual: () => PAGE_TOKENS,
      meaning: 'tokens of a block',
    },
  ],
  cite: 'tensorrt_llm/_torch/pyexecutor/resource_manager.py; tokens_per_block = 32 in KvCacheConfig',
  splitsHeads: true,
  autoDtype: (native) => native,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const page = countOption(context.setup, 'tokens-per-block') ?? PAGE_TOKENS;
    const batch = sequences(context);
    const tokens = tokensOf(attention, context);
    const bytes = (count: number): number => {
      const index = indexKeysHeld(attention, count) * indexRowBytes('fp8_ds_mla', ownIndexer(attention));
      return (mainCacheBytes(attention, context.dtype, count) + index) * batch;
    };
    const paged = pages(tokens, page) * page;
    const window =
      attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null;
    // A window that starts inside a block touches one block more.
    const held =
      window === null || (attention.kind !== 'sliding' && attention.kind !== 'chunked')
        ? bytes(paged)
        : mainCacheBytes(
            { ...attention, kind: 'full' },
            context.dtype,
            Math.min(paged, (pages(window, page) + 1) * page),
          ) * batch;
    const state = engineStateBytes(rankStateOf(group, context), context.dtype) * batch;
    return { needed: bytes(tokens), steady: held, reserved: held, state, stateReserved: state };
  },
  reasons,
};

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const found: Reason[] = [
    { text: `blocks of ${countOption(context.setup, 'tokens-per-block') ?? PAGE_TOKENS} tokens`, inexact: false },
  ];
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  if (kinds.has('sliding') || kinds.has('chunked'))
    found.push({ text: 'a window keeps one block more, where it starts inside one', inexact: false });
  if (groups.some(({ attention }) => ownIndexer(attention)))
    found.push({ text: 'index keys are fp8 with a scale', inexact: false });
  if (context.sharding.tp > 1 && kinds.has('latent') && !context.sharding.dpAttention) {
    found.push({ text: `the latent cache is the same on all ${context.sharding.tp} ranks`, inexact: false });
  }
  for (const kind of ['compressed', 'cross'] as const) {
    if (kinds.has(kind))
      found.push({
        text: `${kind} layers: TensorRT-LLM's allocation was not read; the intrinsic bytes are used`,
        inexact: true,
      });
  }
  return found;
}
