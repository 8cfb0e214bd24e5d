import type { ResolvedKvDtype } from '../../model/dtype';
import type { ModelSpec } from '../../model/spec';
import type { LayerGroup } from '../groups';
import { countOption } from './options';
import { indexKeysHeld, indexRowBytes, mainCacheBytes, ownIndexer } from '../layerBytes';
import {
  attentionOf,
  type RuleContext,
  type AllocationRule,
  engineStateBytes,
  rankStateOf,
  type Reason,
  roundUp,
  sequences,
  tokensOf,
} from './allocationRule';

const PAGE_TOKENS = 1;
/** Mamba slots per running request: `max_running ≤ slots ÷ 3`, one more with an extra buffer. */
const STATE_SLOTS = 3;

/**
 * SGLang: one token pool for full attention, one for windows, slots for recurrent state. Pages are single tokens unless the
 * attention backend asks for more. Latent caches are the same on every rank; decode context parallelism stripes them.
 */
export const sglang: AllocationRule = {
  id: 'sglang',
  releases: [{ id: '0.5.16', date: '2026-07', code: '0.5.16 (2026-07-24)' }],
  options: [
    {
      name: 'page-size',
      kind: { takes: 'count', least: 1 },
      usual: () => PAGE_TOKENS,
      meaning: 'tokens of a page',
    },
  ],
  cite: 'sglang/srt/model_executor/model_runner_kv_cache_mixin.py, sglang/srt/mem_cache/memory_pool.py',
  splitsHeads: true,
  autoDtype: (native) => (native === 'f32' ? 'f16' : native),
  effectiveDtype,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const page = countOption(context.setup, 'page-size') ?? PAGE_TOKENS;
    const batch = sequences(context);
    const bytes = (tokens: number): number => {
      const index = indexKeysHeld(attention, tokens) * indexRowBytes('fp8_ds_mla', ownIndexer(attention));
      return (mainCacheBytes(attention, context.dtype, tokens) + index) * batch;
    };
    const tokens = tokensOf(attention, context);
    const paged = bytes(roundUp(tokens, page));
    const state = engineStateBytes(rankStateOf(group, context), context.dtype) * batch;
    return { needed: bytes(tokens), steady: paged, reserved: paged, state, stateReserved: state * STATE_SLOTS };
  },
  reasons,
};

/** Sparse latent caches in fp8 have FlashMLA's packed layout (656 bytes for 512 + 64). */
function effectiveDtype(dtype: ResolvedKvDtype, spec: ModelSpec): ResolvedKvDtype {
  const sparse = spec.layers.some(({ attention }) => attention.kind === 'latent' && attention.indexer);
  return dtype === 'fp8' && sparse ? 'fp8_ds_mla' : dtype;
}

function reasons(groups: readonly LayerGroup[], context: RuleContext): Reason[] {
  const found: Reason[] = [
    { text: `pages of ${countOption(context.setup, 'page-size') ?? PAGE_TOKENS} token(s)`, inexact: false },
  ];
  const kinds = new Set(groups.map(({ attention }) => attention.kind));
  if (kinds.has('sliding'))
    found.push({ text: 'windows have a pool of their own; its size is a start-up ratio', inexact: false });
  if (groups.some(({ state }) => state))
    found.push({ text: `${STATE_SLOTS} state slots are kept per running request`, inexact: false });
  if (groups.some(({ attention }) => ownIndexer(attention)))
    found.push({ text: 'index keys are fp8 with a scale', inexact: false });
  if (context.sharding.tp > 1 && kinds.has('latent'))
    found.push({ text: `the latent cache is the same on all ${context.sharding.tp} ranks`, inexact: false });
  for (const kind of ['chunked', 'compressed', 'cross'] as const) {
    if (kinds.has(kind))
      found.push({
        text: `${kind} layers: SGLang's allocation was not read; the intrinsic bytes are used`,
        inexact: true,
      });
  }
  return found;
}
