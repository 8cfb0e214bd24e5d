/** Which format a cache is kept in: what the scenario asks, else what the config prescribes, else the engine's own default. */

import { type KvDtype, kvDtypeOf, type ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec, Source } from '../model/spec';
import type { AllocationRule } from './engines/allocationRule';

export interface KvFormat {
  readonly dtype: ResolvedKvDtype;
  readonly source: Source;
}

export function resolveKvDtype(spec: ModelSpec, asked: KvDtype, engine: AllocationRule): KvFormat {
  const chosen = askedFormat(spec, asked, engine);
  const effective = engine.effectiveDtype?.(chosen.dtype, spec) ?? chosen.dtype;
  if (effective === chosen.dtype) return chosen;
  return {
    dtype: effective,
    source: { ...chosen.source, rule: `${chosen.dtype} is kept as ${effective} by this engine` },
  };
}

function askedFormat(spec: ModelSpec, asked: KvDtype, engine: AllocationRule): KvFormat {
  if (asked !== 'auto') return { dtype: asked, source: { key: null, range: null, rule: 'scenario' } };
  if (spec.declaredKvDtype) {
    return {
      dtype: spec.declaredKvDtype,
      source: { key: 'quantization_config', range: null, rule: 'KV format of quantization_config' },
    };
  }
  const native = kvDtypeOf(spec.nativeDtype);
  const dtype = engine.autoDtype(native, spec);
  return {
    dtype,
    source:
      dtype === native
        ? spec.nativeDtypeSource
        : { ...spec.nativeDtypeSource, rule: `${native}, kept as ${dtype} by this engine's default` },
  };
}
