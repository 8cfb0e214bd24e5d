import { type KnownPlan, planCache } from '../../../src/cache/plan';
import type { ResolvedKvDtype } from '../../../src/model/dtype';
import { UNSHARDED } from '../../../src/model/scenario';
import type { ModelSpec } from '../../../src/model/spec';

/** The plan of a model whose layers are all understood: its sizes are numbers. */
export function knownPlan(...[spec, ...rest]: Parameters<typeof planCache>): KnownPlan {
  const plan = planCache(spec, ...rest);
  if (!plan.known)
    throw new Error(`${spec.modelType}: ${spec.unknownLayers} of ${spec.layers.length} layers not known`);
  return plan;
}

function intrinsic(spec: ModelSpec, kvDtype: ResolvedKvDtype, tokens: number): KnownPlan {
  return knownPlan(spec, { workload: { batch: 1, tokens }, engine: 'intrinsic', kvDtype, sharding: UNSHARDED });
}

/** Cache of one sequence of `tokens` tokens, all layers, no paging. */
export function intrinsicCacheBytes(spec: ModelSpec, dtype: ResolvedKvDtype, tokens: number): number {
  return intrinsic(spec, dtype, tokens).cacheBytes;
}

/** State of one sequence, all layers. */
export function intrinsicStateBytes(spec: ModelSpec, dtype: ResolvedKvDtype): number {
  return intrinsic(spec, dtype, 1).stateBytes;
}
