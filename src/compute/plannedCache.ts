/** What a plan of the cache says of one layer that is run: the formula beside the measurement. */

import type { AttentionSpec } from '../model/attention';
import { UNSHARDED, type Workload } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { planCache } from '../cache/plan';
import type { CacheRule } from '../attention/onnx/program';
import type { Precision } from '../shared/devices';

/** Bytes of the layer's cache for `batch` sequences of `tokens` tokens under the rule of an engine. */
export function plannedCacheBytes(
  attention: AttentionSpec,
  workload: Workload,
  rule: CacheRule,
  precision: Precision = 'float32',
): number {
  // One layer of a known kind: the bound is the size.
  const kvDtype = precision === 'float16' ? 'f16' : 'f32';
  return planCache(oneLayer(attention), { workload, engine: rule, kvDtype, sharding: UNSHARDED }).atLeast.cacheBytes;
}

/** A model of one layer that is nothing but its attention. */
export function oneLayer(attention: AttentionSpec): ModelSpec {
  const source = { key: null, range: null, rule: 'a layer by itself' };
  return {
    dialect: 'huggingface',
    modelType: attention.kind,
    family: null,
    variant: attention.kind,
    layers: [{ index: 0, attention, sources: {} }],
    nativeDtype: 'float32',
    nativeDtypeSource: source,
    declaredKvDtype: null,
    hiddenSize: null,
    contextLength: null,
    draftLayers: 0,
    sglang: {},
    // The layer as it is: a window is a window.
    llamacpp: { windows: true },
    unknownLayers: 0,
    exact: true,
    notes: [],
  };
}
