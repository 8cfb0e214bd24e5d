import type { AttentionSpec } from '../../model/attention';
import { layerCacheBytes, layerStateBytes } from '../layerBytes';
import { attentionOf, type AllocationRule, rankStateOf, sequences, tokensOf } from './allocationRule';

/** transformers keeps the recurrent state in float32 in these mixers, whatever the model's type (seen by execution). */
const FLOAT32_STATES: readonly string[] = ['mamba', 'mamba2', 'gated-delta-net', 'kda', 'rwkv', 'rg-lru', 'linear'];

/**
 * Hugging Face transformers with its default dynamic cache: tensors grow token by token, nothing is reserved.
 * Sliding and chunked layers keep one token less than their window: the next one completes it.
 * MLA: 5.x caches the latent and the rotary key; 4.x cached expanded heads (see `expandedLatentBytes`).
 */
export const transformers: AllocationRule = {
  id: 'transformers',
  releases: [{ id: '5.18', date: '2026-10', code: '5.18.0' }],
  options: [],
  cite: 'huggingface/transformers src/transformers/cache_utils.py, executed at 5.18.0',
  splitsHeads: true,
  autoDtype: (native) => native,
  cost(group, context) {
    const attention = attentionOf(group, context);
    const tokens = tokensOf(attention, context);
    const batch = sequences(context);
    const needed = layerCacheBytes(betweenSteps(attention), context.dtype, tokens) * batch;
    const held = layerCacheBytes(storedForm(attention), context.dtype, tokens) * batch;
    const state = rankStateOf(group, context);
    const recurrent =
      state && FLOAT32_STATES.includes(state.flavour) ? { ...state, recurrentDtype: 'float32' as const } : state;
    const stateBytes = layerStateBytes(recurrent, context.dtype) * batch;
    return { needed, steady: held, reserved: held, state: stateBytes, stateReserved: stateBytes };
  },
  reasons(groups) {
    const reasons = [];
    if (groups.some(({ attention }) => attention.kind === 'sliding' || attention.kind === 'chunked')) {
      reasons.push({ text: 'sliding and chunked layers keep window − 1 tokens between steps', inexact: false });
    }
    if (groups.some(({ attention }) => attention.kind === 'latent')) {
      reasons.push({ text: 'transformers 5 caches the latent; 4.x cached every head expanded', inexact: false });
    }
    return reasons;
  },
};

/** What a query sees of earlier tokens: a window without the query's own, as the library keeps it between steps. */
function betweenSteps(attention: AttentionSpec): AttentionSpec {
  if (attention.kind === 'sliding') return { ...attention, window: Math.max(1, attention.window - 1) };
  return attention.kind === 'chunked' ? { ...attention, chunk: Math.max(1, attention.chunk - 1) } : attention;
}

/** The layer as the library's tensors hold it. */
function storedForm(attention: AttentionSpec): AttentionSpec {
  if (attention.kind === 'sliding') {
    // K = V models keep both tensors in their pure sliding layers (DeepSeek-V4, seen by execution).
    const valueDim = attention.valueDim === 0 ? attention.keyDim : attention.valueDim;
    return { ...attention, valueDim, window: Math.max(1, attention.window - 1) };
  }
  return attention.kind === 'chunked' ? { ...attention, chunk: Math.max(1, attention.chunk - 1) } : attention;
}
