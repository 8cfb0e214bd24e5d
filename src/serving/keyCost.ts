/**
 * What one key of a config costs: the config is read again with other values of it, and what becomes of weights, work and cache is the
 * answer. So each family's own rules say it, and no list of what keys do.
 */

import { planCache, type CachePlan } from '../cache/plan';
import { withValue } from '../cache/whatIf';
import type { JsonValue } from '../config/document';
import { KEYS } from '../config/keys';
import { WEIGHT_KEYS } from '../config/otherKeys';
import { isJsonObject, ReadingLog } from '../config/reader';
import { CONTEXT_KEYS } from '../config/spellings';
import { misspelling, readKeys } from '../lint/unknownKeys';
import type { Scenario } from '../model/scenario';
import type { Reading } from '../reading/read';
import { decodeAttentionFlops } from './attentionWork';
import { countParameters, type ParameterCount } from './parameters/count';
import { tokenFlops } from './roofline';
import { scenarioWeights } from './weightFormats';
import type { WeightBytes } from './weights';

/** A model's size, as far as keys change it. */
export interface ModelFigures {
  readonly plan: CachePlan;
  /** Null where the parameters cannot be counted. */
  readonly count: ParameterCount | null;
  readonly weights: WeightBytes | null;
  /** Operations of one token at the scenario's context; null where the parameters cannot be counted. */
  readonly flops: number | null;
}

/** What of it grows in proportion with a number. */
export interface Share {
  readonly parameters: number;
  readonly weightBytes: number | null;
  readonly flops: number;
  /** Of all devices. */
  readonly cacheBytes: number;
}

export type KeyCost =
  /** `meant`: the key that it is a misspelling of. */
  | { readonly kind: 'misspelt'; readonly meant: string }
  /** It decides something in other families, and is not read in this one: what it makes doubtful, where the model may be another. */
  | { readonly kind: 'notRead'; readonly doubt: 'cache' | 'weights' | null }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'share'; readonly share: Share }
  /** What would be with another value; undefined: without the key. */
  | { readonly kind: 'change'; readonly value: JsonValue | undefined; readonly then: ModelFigures }
  /** Other values cannot be read, or their parameters not counted. */
  | { readonly kind: 'unknown' };

export interface KeyAnswer {
  readonly cost: KeyCost;
  /** As the config is. */
  readonly now: ModelFigures;
}

/** The figures of a reading at a scenario, and which keys were asked for on the way. */
function figuresOf(reading: Reading, scenario: Scenario, log = new ReadingLog()): ModelFigures {
  const plan = planCache(reading.spec, scenario);
  const count = countParameters(reading, log);
  const { tokens } = scenario.workload;
  return {
    plan,
    count,
    weights: scenarioWeights(reading, scenario, null, count),
    flops: count && tokenFlops(count) + decodeAttentionFlops(reading.spec, tokens),
  };
}

/** Null where no such key stands in what was read. */
export function keyCost(reading: Reading, path: readonly string[], scenario: Scenario): KeyAnswer | null {
  const key = path.join('.');
  const name = path.at(-1) ?? '';
  const value = valueAt(reading, path);
  if (value === undefined) return null;
  const log = new ReadingLog();
  const now = figuresOf(reading, scenario, log);
  const isAsked = log.consulted.has(key) || reading.consulted.has(key) || CONTEXT_KEYS.includes(name);
  const known = new Map<JsonValue | undefined, ModelFigures | null>();
  const tried = (other: JsonValue | undefined): ModelFigures | null => {
    const found = known.get(other);
    if (found !== undefined) return found;
    const figures = figuresWith(other);
    known.set(other, figures);
    return figures;
  };
  const figuresWith = (other: JsonValue | undefined): ModelFigures | null => {
    const changed = withValue(reading, path, other);
    return changed && changed.spec.unknownLayers <= reading.spec.unknownLayers && changed.spec.layers.length > 0
      ? figuresOf(changed, scenario)
      : null;
  };
  if (!isAsked) {
    const meant = misspelling(reading, path);
    if (meant !== null) return { cost: { kind: 'misspelt', meant }, now };
    const decides = Object.hasOwn(KEYS, name) || WEIGHT_KEYS.includes(name);
    const isRead = readKeys(reading).get(path.slice(0, -1).join('.'))?.has(name) ?? false;
    if (decides && !isRead && reading.spec.family !== null) {
      const ofCache = reading.spec.notes.some((note) => note.inexact && note.key === key);
      const ofWeights = now.count === null && tried(undefined)?.count != null;
      return { cost: { kind: 'notRead', doubt: ofCache ? 'cache' : ofWeights ? 'weights' : null }, now };
    }
  }
  return { cost: costOf(name, value, now, tried), now };
}

function costOf(
  name: string,
  value: JsonValue,
  now: ModelFigures,
  tried: (value: JsonValue | undefined) => ModelFigures | null,
): KeyCost {
  if (!now.plan.known) return { kind: 'unknown' };
  if (typeof value === 'number' && value > 0) {
    const [double, triple] = [tried(2 * value), tried(3 * value)];
    const share = double && triple && shareOf(now, double, triple);
    if (share) return isNothing(share) ? { kind: 'nothing' } : { kind: 'share', share };
  }
  let answered = false;
  for (const other of others(name, value)) {
    const then = tried(other);
    if (!then || (now.count && !then.count)) continue;
    answered = true;
    if (isOther(now, then)) return { kind: 'change', value: other, then };
  }
  return { kind: answered ? 'nothing' : 'unknown' };
}

/** Activations that every family knows; which one it is may decide whether there are weights in it. */
const ACTIVATIONS = ['relu', 'gelu', 'silu'];

const TYPES = ['float32', 'bfloat16'];

/** Values to compare with. */
function others(name: string, value: JsonValue): readonly (JsonValue | undefined)[] {
  if (typeof value === 'number') return value > 0 ? [2 * value, value / 2] : [1];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'string') {
    const known = /^(?:torch_)?dtype$/.test(name) ? TYPES : /act/.test(name) ? ACTIVATIONS : [];
    return known.filter((other) => other !== value);
  }
  // Without it: what its class takes in its place.
  return [undefined];
}

/** What grows in proportion: the same from once to twice as from twice to three times. Null where something grows otherwise. */
function shareOf(now: ModelFigures, double: ModelFigures, triple: ModelFigures): Share | null {
  const parts = [now, double, triple].map(({ plan, count, weights, flops }) => ({
    parameters: count?.total ?? 0,
    weightBytes: weights?.bytes ?? 0,
    flops: flops ?? 0,
    cacheBytes: plan.known ? plan.everywhere.totalBytes : Number.NaN,
  }));
  const [one, two, three] = parts;
  if (!one || !two || !three || [now, double, triple].some(({ count }) => (count === null) !== (now.count === null)))
    return null;
  const grows = (figure: keyof typeof one, error = 0): boolean =>
    Math.abs(three[figure] - two[figure] - (two[figure] - one[figure])) <= error;
  // Bytes are rounded.
  if (!grows('parameters') || !grows('weightBytes', 4) || !grows('flops') || !grows('cacheBytes')) return null;
  // What a fixed part takes away from (layers without experts of all layers) is no share of the whole.
  const isPart = (figure: keyof typeof one): boolean => {
    const part = two[figure] - one[figure];
    return part >= 0 && part <= one[figure];
  };
  if (!isPart('parameters') || !isPart('weightBytes') || !isPart('flops') || !isPart('cacheBytes')) return null;
  return {
    parameters: two.parameters - one.parameters,
    weightBytes: now.weights ? two.weightBytes - one.weightBytes : null,
    flops: two.flops - one.flops,
    cacheBytes: two.cacheBytes - one.cacheBytes,
  };
}

function isNothing({ parameters, weightBytes, flops, cacheBytes }: Share): boolean {
  return parameters === 0 && flops === 0 && cacheBytes === 0 && (weightBytes ?? 0) === 0;
}

function isOther(now: ModelFigures, then: ModelFigures): boolean {
  return (
    now.plan.everywhere.totalBytes !== then.plan.everywhere.totalBytes ||
    now.plan.bytesPerToken !== then.plan.bytesPerToken ||
    now.count?.total !== then.count?.total ||
    now.flops !== then.flops ||
    now.weights?.bytes !== then.weights?.bytes
  );
}

function valueAt({ document, readerAt }: Reading, path: readonly string[]): JsonValue | undefined {
  const parent = document.objectAt(path.slice(0, -1));
  const entry = parent && document.propertiesOf(parent).get(path.at(-1) ?? '');
  if (!entry?.valueNode) return undefined;
  const value = readerAt(path.slice(0, -1)).own(path.at(-1) ?? '');
  // An object that holds parts of the model is no setting of it.
  return isJsonObject(value) && Object.hasOwn(value, 'model_type') ? undefined : value;
}
