/** Which layers of a config have heads that can be run, and in words why others have not. */

import type { RunnableAttention } from '../../attention/spec/layerSpec';
import type { AttentionSpec } from '../../model/attention';
import type { RefusedLayer } from '../../shared/headsContract';

export function runnableOrRefused(attention: AttentionSpec): RunnableAttention | RefusedLayer {
  const why = refusal(attention);
  return why === null ? (attention as RunnableAttention) : { kind: 'refused', why };
}

/** Null for what a program exists for. */
function refusal(attention: AttentionSpec): string | null {
  switch (attention.kind) {
    case 'latent':
      return null;
    case 'full':
    case 'sliding':
    case 'chunked': {
      const { queryHeads, kvHeads, valueDim } = attention;
      if (queryHeads % kvHeads !== 0)
        return `cannot be run: ${queryHeads} query heads are not a multiple of ${kvHeads} KV heads`;
      return valueDim === 0 ? 'keeps K and V as one tensor, which cannot be run here yet' : null;
    }
    case 'recurrent':
    case 'conv':
      return `has no heads: its mixer (${attention.state.flavour}) keeps a state in place of K and V`;
    case 'none':
      return 'caches no K and V: it is an encoder’s, or has no attention';
    case 'shared':
      return `has no K and V of its own: it reads those of layer ${attention.sharedWith}; choose that layer`;
    case 'cross':
      return 'has cross attention, which reads another sequence and cannot be run here';
    case 'compressed':
      return 'has compressed attention, which cannot be run here yet';
    case 'unknown':
      return `is not understood (${attention.label})`;
  }
}
