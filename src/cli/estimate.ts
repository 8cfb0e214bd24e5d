/** `estimate`: what a config caches. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { planCache, type CachePlan } from '../cache/plan';
import { type AttentionSpec, isHeaded } from '../model/attention';
import { planText } from '../present/planText';
import { countParameters, type ParameterCount } from '../serving/parameters/count';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { ENGINE_OPTIONS, engineOptionsOf } from './engineOptions';
import { UsageError } from './errors';
import type { CliOutput } from './output';

export async function estimate(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, { ...SCENARIO_OPTIONS, ...ENGINE_OPTIONS });
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('estimate takes one PATH');
  const scenario = scenarioOf(values);
  const options = engineOptionsOf(values, scenario.engine);
  const { reading } = await readConfig(path, values, output.err);
  const plan = planCache(reading.spec, scenario, options);
  output.out(values['json'] === true ? JSON.stringify(estimateJson(plan, countParameters(reading))) : planText(plan));
  return 0;
}

interface LayerJson {
  readonly index: number;
  readonly kind: string;
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly window: number | null;
  readonly sharedWith: number | null;
  readonly stateBytes: number;
  readonly cacheBytes: number;
}

/** The contract of design §6. */
function estimateJson(plan: CachePlan, parameters: ParameterCount | null): Record<string, unknown> {
  const { spec } = plan;
  return {
    modelType: spec.modelType,
    variant: spec.variant,
    layerCount: spec.layers.length,
    layers: plan.layers.map((layer): LayerJson => {
      const attention = spec.layers[layer.index]?.attention ?? { kind: 'none' };
      return {
        index: layer.index,
        kind: layer.kind,
        ...dimensions(attention),
        stateBytes: layer.stateBytes,
        cacheBytes: layer.cacheBytes,
      };
    }),
    dtype: plan.kvDtype,
    bytesPerToken: plan.bytesPerToken,
    cacheBytes: plan.cacheBytes,
    stateBytes: plan.stateBytes,
    totalBytes: plan.totalBytes,
    parameters: parameters?.total ?? null,
    unknownLayers: spec.unknownLayers,
    exact: plan.exact,
    notes: plan.notes.map((note) => note.text),
    engine: { rule: plan.engine.id, version: plan.engine.version, source: plan.engine.cite },
    batch: plan.scenario.workload.batch,
    tokens: plan.scenario.workload.tokens,
    neededBytes: plan.neededBytes,
    reservedBytes: plan.reservedBytes,
    steadyBytes: plan.steadyBytes,
    reasons: plan.reasons.map((reason) => reason.text),
    sharding: { ...plan.scenario.sharding, ...plan.sharding },
    derivation: plan.derivation.map(termJson),
    parameterCount: parameters,
  };
}

/** A term of the derivation without what the layers say already. */
function termJson(term: DerivationTerm): Record<string, unknown> {
  const { what, layers, factors, bytesPerEntry, entries, entriesRule, bytes } = term;
  return {
    what,
    kind: term.attention.kind,
    layers,
    factors: factors.map(factorJson),
    bytesPerEntry,
    entries,
    entriesRule,
    bytes,
  };
}

function factorJson({ name, value, source, parts }: Factor): Record<string, unknown> {
  const place = source && { key: source.key, line: source.range?.line ?? null, rule: source.rule };
  return { name, value, source: place, ...(parts ? { parts: parts.map(factorJson) } : {}) };
}

function dimensions(attention: AttentionSpec): Omit<LayerJson, 'index' | 'kind' | 'stateBytes' | 'cacheBytes'> {
  const nothing = { kvHeads: 0, keyDim: 0, valueDim: 0, window: null, sharedWith: null };
  if (isHeaded(attention)) {
    return {
      kvHeads: attention.kvHeads,
      keyDim: attention.keyDim,
      valueDim: attention.valueDim,
      window: attention.kind === 'sliding' ? attention.window : attention.kind === 'chunked' ? attention.chunk : null,
      sharedWith: attention.kind === 'shared' ? attention.sharedWith : null,
    };
  }
  if (attention.kind === 'latent') return { ...nothing, kvHeads: 1, keyDim: attention.latentDim + attention.ropeDim };
  if (attention.kind === 'compressed')
    return { ...nothing, kvHeads: 1, keyDim: attention.headDim, window: attention.window };
  return nothing;
}
