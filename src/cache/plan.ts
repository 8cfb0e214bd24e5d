/** ModelSpec + Scenario -> CachePlan. */

import type { AttentionKind, AttentionSpec } from '../model/attention';
import type { ResolvedKvDtype } from '../model/dtype';
import type { Scenario } from '../model/scenario';
import type { ModelSpec, Note, Source } from '../model/spec';
import { derive, type DerivationTerm } from './derivation';
import {
  type RuleContext,
  type AllocationRule,
  type RuleOptions,
  type LayerCost,
  NO_COST,
  type Reason,
} from './engines/allocationRule';
import { allocationRule } from './engines/register';
import { type LayerGroup, layerGroups } from './groups';
import { newStructures } from './newStructures';
import { resolveKvDtype } from './kvDtype';
import { layerCacheBytes, layerStateBytes } from './layerBytes';
import { deviceCount, stages } from './sharding';

export interface LayerCache {
  readonly index: number;
  readonly kind: AttentionKind;
  /** On one rank, at the scenario's batch × tokens, all its sequences. */
  readonly cacheBytes: number;
  readonly stateBytes: number;
}

/** The three numbers that cause most disputes, cache and state together, on one rank. */
export interface ThreeNumbers {
  /** What the attention must keep. */
  readonly neededBytes: number;
  /** What the engine wants free before it accepts the workload. */
  readonly reservedBytes: number;
  /** What the workload occupies, pages and padding included. */
  readonly steadyBytes: number;
}

export interface ShardingPlan {
  /** Devices over which the model is split. */
  readonly devices: number;
  /** First and one-past-last layer of the stage that is the fullest; the plan's bytes are of one of its ranks. */
  readonly fullestStage: readonly [number, number];
  /** Bytes of all devices together ÷ bytes that one device would hold: 1 where nothing is stored twice. */
  readonly duplication: number;
  /** Most tensor-parallel ranks that store nothing twice. */
  readonly largestTpWithoutCopies: number;
}

export interface CachePlan extends ThreeNumbers {
  readonly spec: ModelSpec;
  readonly scenario: Scenario;
  readonly engine: AllocationRule;
  /** The cache format that `auto` became. */
  readonly kvDtype: ResolvedKvDtype;
  readonly kvDtypeSource: Source;
  readonly layers: readonly LayerCache[];
  /** Marginal bytes of one more token at short context, one sequence, all layers, intrinsic. */
  readonly bytesPerToken: number;
  /** What batch × tokens occupy under the engine's rule, on one rank of the fullest stage. */
  readonly cacheBytes: number;
  /** Recurrent and convolution state of the rank's sequences. */
  readonly stateBytes: number;
  readonly totalBytes: number;
  readonly derivation: readonly DerivationTerm[];
  /** Why needed, reserved and steady differ. */
  readonly reasons: readonly Reason[];
  readonly sharding: ShardingPlan;
  /** False when the spec or the engine's rule is not exact, or a size is too large to be stated to the byte. */
  readonly exact: boolean;
  readonly notes: readonly Note[];
}

/** Plans the cache. A size of 2^53 bytes or more is rounded, and the plan says so. */
export function planCache(spec: ModelSpec, scenario: Scenario, options: RuleOptions = {}): CachePlan {
  const engine = allocationRule(scenario.engine);
  const { dtype, source } = resolveKvDtype(spec, scenario.kvDtype, engine);
  const context: RuleContext = { spec, dtype, workload: scenario.workload, sharding: scenario.sharding, options };
  const groups = layerGroups(spec);
  const costs = new Map<AttentionSpec, LayerCost>(
    groups.map((group) => [group.attention, engine.cost(group, context)]),
  );
  const stage = fullestStage(spec, costs, scenario.sharding.pp);
  const totals = sumLayers(spec, costs, stage);
  const reservedBytes =
    totals.reserved + totals.stateReserved + (engine.overhead?.(stageGroups(groups, stage), context) ?? 0);
  const totalBytes = totals.steady + totals.state;
  const reasons = engine.reasons(groups, context);
  const notes = [
    ...spec.notes,
    ...engineNotes(reasons),
    ...newStructures(groups, engine.id),
    ...(Number.isSafeInteger(totalBytes) ? [] : [TOO_LARGE]),
  ];
  return {
    spec,
    scenario,
    engine,
    kvDtype: dtype,
    kvDtypeSource: source,
    layers: spec.layers.map(({ index, attention }): LayerCache => {
      const cost = costs.get(attention) ?? NO_COST;
      return { index, kind: attention.kind, cacheBytes: cost.steady, stateBytes: cost.state };
    }),
    bytesPerToken: bytesPerToken(spec, dtype),
    cacheBytes: totals.steady,
    stateBytes: totals.state,
    totalBytes,
    neededBytes: totals.needed + totals.state,
    reservedBytes,
    steadyBytes: totalBytes,
    derivation: derive(groups, dtype, source, scenario.workload.tokens),
    reasons,
    sharding: shardingPlan(spec, scenario, engine, context, stage, totalBytes),
    exact: spec.exact && !notes.some((note) => note.inexact),
    notes,
  };
}

const TOO_LARGE: Note = { text: 'the size is beyond 2^53 bytes and rounded', inexact: true };

function engineNotes(reasons: readonly Reason[]): Note[] {
  return reasons.filter((reason) => reason.inexact).map(({ text }) => ({ text, inexact: true }));
}

/** Marginal bytes of one more token at short context: the difference between two tokens and one. */
function bytesPerToken(spec: ModelSpec, dtype: ResolvedKvDtype): number {
  return intrinsicCacheBytes(spec, dtype, 2) - intrinsicCacheBytes(spec, dtype, 1);
}

/** Cache of one sequence of `tokens` tokens, all layers, no paging. */
export function intrinsicCacheBytes(spec: ModelSpec, dtype: ResolvedKvDtype, tokens: number): number {
  let bytes = 0;
  for (const group of layerGroups(spec))
    bytes += layerCacheBytes(group.attention, dtype, tokens) * group.indexes.length;
  return bytes;
}

/** State of one sequence, all layers. */
export function intrinsicStateBytes(spec: ModelSpec, dtype: ResolvedKvDtype): number {
  let bytes = 0;
  for (const group of layerGroups(spec)) bytes += layerStateBytes(group.state, dtype) * group.indexes.length;
  return bytes;
}

type Stage = readonly [number, number];

function fullestStage(spec: ModelSpec, costs: ReadonlyMap<AttentionSpec, LayerCost>, pp: number): Stage {
  const whole: Stage = [0, spec.layers.length];
  if (pp === 1) return whole;
  let fullest: Stage = [0, 0];
  let most = -1;
  for (const stage of stages(spec.layers.length, pp)) {
    const { steady, state } = sumLayers(spec, costs, stage);
    if (steady + state > most) [most, fullest] = [steady + state, stage];
  }
  return fullest;
}

function sumLayers(spec: ModelSpec, costs: ReadonlyMap<AttentionSpec, LayerCost>, [start, end]: Stage): LayerCost {
  let [needed, steady, reserved, state, stateReserved] = [0, 0, 0, 0, 0];
  for (let index = start; index < end; index++) {
    const attention = spec.layers[index]?.attention;
    const cost = attention && costs.get(attention);
    if (!cost) continue;
    needed += cost.needed;
    steady += cost.steady;
    reserved += cost.reserved;
    state += cost.state;
    stateReserved += cost.stateReserved;
  }
  return { needed, steady, reserved, state, stateReserved };
}

function stageGroups(groups: readonly LayerGroup[], [start, end]: Stage): LayerGroup[] {
  return groups
    .map((group) => ({ ...group, indexes: group.indexes.filter((index) => index >= start && index < end) }))
    .filter((group) => group.indexes.length > 0);
}

function shardingPlan(
  spec: ModelSpec,
  scenario: Scenario,
  engine: AllocationRule,
  context: RuleContext,
  stage: Stage,
  rankBytes: number,
): ShardingPlan {
  const { sharding } = scenario;
  const devices = deviceCount(sharding);
  const single = { ...context, sharding: { ...sharding, tp: 1, pp: 1, dcp: 1 } };
  let whole = 0;
  for (const group of layerGroups(spec)) {
    const cost = engine.cost(group, single);
    whole += (cost.steady + cost.state) * group.indexes.length;
  }
  const ranks = engine.splitsHeads ? sharding.tp : 1;
  let all = rankBytes * ranks;
  if (sharding.pp > 1) {
    all = 0;
    for (const group of layerGroups(spec)) {
      const cost = engine.cost(group, context);
      all += (cost.steady + cost.state) * group.indexes.length * ranks;
    }
  }
  return {
    devices,
    fullestStage: stage,
    duplication: devices === 1 || whole === 0 ? 1 : all / whole,
    largestTpWithoutCopies: largestTpWithoutCopies(spec),
  };
}

/** Ranks that divide the KV heads of every layer; 1 where a latent cache would be copied. */
function largestTpWithoutCopies(spec: ModelSpec): number {
  let common = 0;
  for (const { attention } of layerGroups(spec)) {
    if (attention.kind === 'latent' || attention.kind === 'compressed') return 1;
    if ('kvHeads' in attention && attention.kind !== 'shared') common = gcd(common, attention.kvHeads);
  }
  return Math.max(1, common);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
