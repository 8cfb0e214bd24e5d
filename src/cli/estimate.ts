/** `estimate`: what a config caches. */

import type { DerivationTerm, Factor } from '../cache/derivation';
import { type Adjustment, planCache, type CachePlan } from '../cache/plan';
import { type AttentionSpec, isHeaded } from '../model/attention';
import { explainMarkdown } from '../present/explainText';
import { joined, sentenceText } from '../present/markdown';
import { planText } from '../present/planText';
import { weightsHow } from '../present/memoryText';
import { below, json, line } from '../present/terminal';
import { knownPart, remedyText } from '../present/sizeText';
import { sentence } from '../present/words';
import { formatBytes } from '../model/units';
import { scenarioWeights } from '../serving/weightFormats';
import type { WeightBytes } from '../serving/weights';
import { countParameters, type ParameterCount } from '../serving/parameters/count';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { UsageError } from './errors';
import { modelName, PAGE_OPTION, pageFile, writePage } from './htmlOut';
import type { CliOutput } from './output';

export async function estimate(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, { ...SCENARIO_OPTIONS, ...PAGE_OPTION });
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('estimate takes one PATH');
  const scenario = scenarioOf(values);
  const page = pageFile(values);
  const { reading, file } = await readConfig(path, values, output.err);
  const plan = planCache(reading.spec, scenario);
  const count = countParameters(reading);
  // Weights are told of where a type was chosen for them: nothing else here depends on it.
  const weights = scenario.weights === undefined ? null : { of: scenarioWeights(reading, scenario, null, count) };
  if (page !== null) {
    const name = modelName(file);
    const { figureOfModel } = await import('./drawnModel');
    const text = explainMarkdown(name, plan);
    const markdown = weights
      ? joined([text, sentenceText(`${sentence(weightsLine(weights.of).trim())}.`)], '\n\n')
      : text;
    await writePage(
      page,
      { title: `KV cache of ${name}`, markdown, figure: figureOfModel(reading, file, plan) },
      output,
    );
    return 0;
  }
  output.out(
    values['json'] === true
      ? json({ ...estimateJson(plan, count), ...(weights ? { weights: weights.of } : {}) })
      : weights
        ? below(planText(plan), line(weightsLine(weights.of)))
        : planText(plan),
  );
  return 0;
}

/** As `fit` says it. */
function weightsLine(weights: WeightBytes | null): string {
  return weights
    ? `  weights ${formatBytes(weights.bytes)} in all (${weightsHow(weights)}), not counted in the cache`
    : '  weights not known: the parameters of this model cannot be counted';
}

interface LayerJson {
  readonly index: number;
  readonly kind: string;
  /** Null, like the bytes, where the layer was not understood. */
  readonly kvHeads: number | null;
  readonly keyDim: number | null;
  readonly valueDim: number | null;
  readonly window: number | null;
  readonly sharedWith: number | null;
  readonly stateBytes: number | null;
  readonly cacheBytes: number | null;
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
    paddingBytes: plan.paddingBytes,
    stateBytes: plan.stateBytes,
    totalBytes: plan.totalBytes,
    // Sums over the layers that were understood: what is known where the sizes above are null.
    ...(plan.known ? {} : { atLeast: knownPart(plan), remedy: remedyText(spec) }),
    parameters: parameters?.total ?? null,
    unknownLayers: spec.unknownLayers,
    exact: plan.exact,
    notes: plan.notes.map((note) => note.text),
    engine: {
      rule: plan.engine.id,
      release: plan.setup.release.id,
      date: plan.setup.release.date,
      version: plan.setup.release.code,
      options: plan.setup.options,
      source: plan.engine.cite,
    },
    ...(plan.refused === null ? {} : { refused: plan.refused }),
    batch: plan.scenario.workload.batch,
    tokens: plan.scenario.workload.tokens,
    neededBytes: plan.neededBytes,
    reservedBytes: plan.reservedBytes,
    steadyBytes: plan.steadyBytes,
    reasons: plan.reasons.map((reason) => reason.text),
    sharding: { ...plan.scenario.sharding, ...plan.sharding },
    // The lines' bytes are of one sequence: times the batch, together they are `totalBytes`.
    derivation: [
      ...plan.derivation.map(termJson),
      ...plan.adjustments.map((each) => adjustmentJson(each, plan.scenario.workload.batch)),
    ],
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

/** What the engine and the sharding make of the terms before it, as a line beside them. */
function adjustmentJson({ what, text, bytes }: Adjustment, batch: number): Record<string, unknown> {
  return { what, kind: null, layers: [], factors: [], text, bytes: bytes / batch };
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
  if (attention.kind === 'unknown') return { ...nothing, kvHeads: null, keyDim: null, valueDim: null };
  if (attention.kind === 'latent') return { ...nothing, kvHeads: 1, keyDim: attention.latentDim + attention.ropeDim };
  if (attention.kind === 'compressed')
    return { ...nothing, kvHeads: 1, keyDim: attention.headDim, window: attention.window };
  return nothing;
}
