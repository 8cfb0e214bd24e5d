import type { AttentionSpec } from '../../model/attention';
import { layerCacheBytes, layerStateBytes } from '../layerBytes';
import { attentionOf, type AllocationRule, rankStateOf, sequences, tokensOf } from './allocationRule';

/** transformers keeps the recurrent state in float32 in these mixers, whatever the model's type (seen by execution). */
const FLOAT32_STATES: readonly string[] = ['mamba', 'mamba2', 'gated-delta-net', 'kda', 'rwkv', 'rg-lru', 'linear'];

/**
 * Hugging Face transformers with its default dynamic cache: tensors grow token by token, nothing is reserved.
 * Sliding and chunked layers keep one token less than their window between two steps, which is all that they need: the next
 * token completes it. During a step the whole window is there, so that much must be free (`DynamicSlidingWindowLayer.update`).
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
    const bytes = (form: AttentionSpec): number => layerCacheBytes(form, context.dtype, tokens) * batch;
    const stored = storedForm(attention);
    const state = rankStateOf(group, context);
    const recurrent =
      state && FLOAT32_STATES.includes(state.flavour) ? { ...state, recurrentDtype: 'float32' as const } : state;
    const stateBytes = layerStateBytes(recurrent, context.dtype) * batch;
    return {
      needed: bytes(betweenSteps(attention)),
      steady: bytes(betweenSteps(stored)),
      reserved: bytes(stored),
      state: stateBytes,
      stateReserved: stateBytes,
    };
  },
  reasons(groups) {
    const reasons = [];
    if (groups.some(({ attention }) => attention.kind === 'sliding' || attention.kind === 'chunked')) {
      reasons.push({
        text: 'sliding and chunked layers keep window − 1 tokens between steps, and the whole window during a step',
        inexact: false,
      });
    }
    if (groups.some(({ attention }) => attention.kind === 'latent')) {
      reasons.push({ text: 'transformers 5 caches the latent; 4.x cached K and V of every head', inexact: false });
    }
    return reasons;
  },
};

/** The layer as the library's tensors hold it during a step. */
function storedForm(attention: AttentionSpec): AttentionSpec {
  // K = V models keep both tensors in their pure sliding layers (DeepSeek-V4, seen by execution).
  return attention.kind === 'sliding' && attention.valueDim === 0
    ? { ...attention, valueDim: attention.keyDim }
    : attention;
}

/** What is left of a window when a step is over. */
function betweenSteps(attention: AttentionSpec): AttentionSpec {
  if (attention.kind === 'sliding') return { ...attention, window: Math.max(1, attention.window - 1) };
  return attention.kind === 'chunked' ? { ...attention, chunk: Math.max(1, attention.chunk - 1) } : attention;
}
