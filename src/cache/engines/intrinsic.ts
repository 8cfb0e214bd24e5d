import { layerCacheBytes, layerStateBytes } from '../layerBytes';
import type { AllocationRule } from './allocationRule';

/** What the attention itself needs: no pages, no reserve, no loss by splitting. The yardstick of the others. */
export const intrinsic: AllocationRule = {
  id: 'intrinsic',
  releases: [{ id: '1', date: '2026-01', code: 'definition' }],
  options: [],
  cite: 'tokens × bytes per token; windows and chunks hold no more than their size',
  splitsHeads: true,
  autoDtype: (native) => native,
  cost(group, { dtype, workload, sharding }) {
    const ranks = sharding.tp * sharding.dcp;
    const cache = Math.ceil((layerCacheBytes(group.attention, dtype, workload.tokens) * workload.batch) / ranks);
    const state = Math.ceil((layerStateBytes(group.state, dtype) * workload.batch) / sharding.tp);
    return { needed: cache, steady: cache, reserved: cache, state, stateReserved: state };
  },
  reasons: () => [],
};
