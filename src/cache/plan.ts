/** ModelSpec + Scenario -> CachePlan. */

import { type AttentionKind, type AttentionSpec, isHeaded } from '../model/attention';
import type { ResolvedKvDtype } from '../model/dtype';
import { ENGINE_NAMES, type Scenario } from '../model/scenario';
import type { ModelSpec, Note, Source } from '../model/spec';
import { derive, type DerivationTerm } from './derivation';
import {
  type RuleContext,
  type AllocationRule,
  type LayerCost,
  type Stage,
  NO_COST,
  type Overhead,
  type Reason,
} from './engines/allocationRule';
import { type EngineSetup, setupOf } from './engines/options';
import { allocationRule } from './engines/register';
import { type LayerGroup, layerGroups, layersWithin } from './groups';
import { newStructures } from './newStructures';
import { resolveKvDtype } from './kvDtype';
import { layerCacheBytes } from './layerBytes';
import { deviceCount, stages } from './sharding';

export interface LayerCache {
  readonly index: number;
  readonly kind: AttentionKind;
  /** On one rank, at the scenario's batch × tokens, all its sequences; null where the layer was not understood. */
  readonly cacheBytes: number | null;
  readonly stateBytes: number | null;
}

/** Sums over layers, on one rank of the fullest stage. */
export interface CacheSizes {
  /** Marginal bytes of one more token at short context, one sequence, all layers, intrinsic. */
  readonly bytesPerToken: number;
  /** What batch × tokens occupy under the engine's rule. */
  readonly cacheBytes: number;
  /** What of it is no layer's own: phantom layers of groups, states padded to pages. */
  readonly paddingBytes: number;
  /** Recurrent and convolution state of the rank's sequences. */
  readonly stateBytes: number;
  readonly totalBytes: number;
  /** The three numbers that cause most disputes, cache and state together. What the attention must keep. */
  readonly neededBytes: number;
  /** What the engine wants free before it accepts the workload. */
  readonly reservedBytes: number;
  /** What the workload occupies, pages and padding included. */
  readonly steadyBytes: number;
}

/** Every size of a plan that has one. */
interface KnownSizes extends CacheSizes {
  readonly known: true;
}

/** A sum that leaves layers out is no answer: where one layer is not understood, no size is a number. */
type UnknownSizes = { readonly known: false } & { readonly [Name in keyof CacheSizes]: null };

/** What one device (or pipeline stage) has. */
export interface StagePlan {
  /** First and one-past-last layer. */
  readonly layers: Stage;
  /** Cache and state of its layers that were understood, as the engine reserves them. */
  readonly reservedBytes: number;
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

/** What all devices hold together, copies counted; of the layers that were understood. */
export interface EverywhereSizes
  extends Pick<
    CacheSizes,
    'cacheBytes' | 'stateBytes' | 'totalBytes' | 'neededBytes' | 'reservedBytes' | 'steadyBytes'
  > {
  /** Devices that hold a part. */
  readonly devices: number;
  /** Each holds as much as another. Where not, the plan's sizes are those of the fullest. */
  readonly alike: boolean;
}

/** What an engine or a sharding makes of the bytes that the derivation gives. */
export interface Adjustment {
  readonly what: 'pages' | 'state' | 'devices';
  /** "cache as vLLM holds it": pages, padding, windows, rows. */
  readonly text: string;
  /** Of all sequences; negative where less is held. */
  readonly bytes: number;
}

interface PlanBase {
  readonly spec: ModelSpec;
  readonly scenario: Scenario;
  readonly engine: AllocationRule;
  /** Release and options that the rule was applied with. */
  readonly setup: EngineSetup;
  /** Why the engine does not start so; null where it does. The bytes are then what it would need. */
  readonly refused: string | null;
  /** The cache format that `auto` became. */
  readonly kvDtype: ResolvedKvDtype;
  readonly kvDtypeSource: Source;
  readonly layers: readonly LayerCache[];
  /** Sums over the layers that were understood: the sizes themselves where all were. */
  readonly atLeast: CacheSizes;
  /** The plan's sizes are of one device; these of all. */
  readonly everywhere: EverywhereSizes;
  /** What one sequence needs by the attention itself, on one device: by kind of layer. */
  readonly derivation: readonly DerivationTerm[];
  /** From the derivation, for all sequences, to `atLeast.totalBytes`: together they are that number. */
  readonly adjustments: readonly Adjustment[];
  /** Why needed, reserved and steady differ. */
  readonly reasons: readonly Reason[];
  readonly sharding: ShardingPlan;
  /** Of each device where whole layers are split, else of each pipeline stage: in order. */
  readonly stages: readonly StagePlan[];
  /** False when the spec or the engine's rule is not exact, or a size is too large to be stated to the byte. */
  readonly exact: boolean;
  readonly notes: readonly Note[];
}

export type KnownPlan = PlanBase & KnownSizes;

/** Sizes are numbers only where every layer was understood (`known`). */
export type CachePlan = KnownPlan | (PlanBase & UnknownSizes);

const NO_SIZES: UnknownSizes = {
  known: false,
  bytesPerToken: null,
  cacheBytes: null,
  paddingBytes: null,
  stateBytes: null,
  totalBytes: null,
  neededBytes: null,
  reservedBytes: null,
  steadyBytes: null,
};

/** Whether what a model caches is known: there are layers, and each was understood (or assumed, which is marked). */
export function isUnderstood({ layers }: Pick<ModelSpec, 'layers'>): boolean {
  return layers.length > 0 && layers.every(({ attention }) => attention.kind !== 'unknown');
}

/** What each stage holds, from which every size follows. */
interface Held {
  readonly engine: AllocationRule;
  readonly context: RuleContext;
  readonly kvDtypeSource: Source;
  readonly groups: readonly LayerGroup[];
  readonly costs: ReadonlyMap<AttentionSpec, LayerCost>;
  readonly known: boolean;
  readonly stages: readonly StageTotals[];
}

function heldOf(spec: ModelSpec, scenario: Scenario): Held {
  const engine = allocationRule(scenario.engine);
  const { dtype, source } = resolveKvDtype(spec, scenario.kvDtype, engine);
  const setup = setupOf(engine, scenario.release, scenario.options);
  const { workload, sharding, kvDtype: asked } = scenario;
  const context: RuleContext = { spec, dtype, asked, workload, sharding, setup };
  const groups = layerGroups(spec);
  const costs = new Map<AttentionSpec, LayerCost>(
    groups.map((group) => [group.attention, engine.cost(group, context)]),
  );
  const known = isUnderstood(spec);
  const split = engine.stages?.(context) ?? stages(spec.layers.length, sharding.pp);
  const all = split.map((stage): StageTotals => {
    // Layers that were not understood may fill what is now padding: a bound must leave it out.
    const overhead = (known ? engine.overhead?.(groups, context, stage) : undefined) ?? NO_OVERHEAD;
    return { stage, totals: sumLayers(groups, costs, stage), overhead };
  });
  return { engine, context, kvDtypeSource: source, groups, costs, known, stages: all };
}

/**
 * Bytes that each stage reserves of the layers that were understood, as the plan's `stages` say them.
 * Searches for what fits ask this hundreds of times, and nothing else of a plan.
 */
export function reservedByStage(spec: ModelSpec, scenario: Scenario): readonly number[] {
  return heldOf(spec, scenario).stages.map(reservedOf);
}

function reservedOf({ totals, overhead }: StageTotals): number {
  return totals.reserved + totals.stateReserved + overhead.reserved;
}

/** Plans the cache. A size of 2^53 bytes or more is rounded, and the plan says so. */
export function planCache(spec: ModelSpec, scenario: Scenario): CachePlan {
  const { engine, context, kvDtypeSource: source, groups, costs, known, stages: all } = heldOf(spec, scenario);
  const { dtype, setup, sharding } = context;
  const { stage, totals, overhead } = fullest(all);
  // Another stage may need or reserve most than the one that holds most: each number is that of its own fullest.
  const most = (bytes: (one: StageTotals) => number): number => Math.max(...all.map(bytes));
  const cacheBytes = totals.steady + overhead.steady;
  const totalBytes = cacheBytes + totals.state;
  const reasons = engine.reasons(groups, context);
  const refused = engine.refuses?.(groups, context) ?? null;
  const refusal: Note[] =
    refused === null ? [] : [{ text: `${ENGINE_NAMES[engine.id]} refuses ${refused}`, inexact: true }];
  const derivation = derive(groups, dtype, source, scenario.workload.tokens, engine.stateForm?.(context));
  const whole = onOneDevice(groups, engine, context);
  const atLeast: CacheSizes = {
    bytesPerToken: bytesPerToken(spec, dtype),
    cacheBytes,
    paddingBytes: overhead.steady,
    stateBytes: totals.state,
    totalBytes,
    neededBytes: most((one) => one.totals.needed + one.totals.state),
    reservedBytes: most(reservedOf),
    steadyBytes: totalBytes,
  };
  // Another number of it may be the large one: what is reserved is more than what is held.
  const tooLarge = Object.values(atLeast).every(Number.isSafeInteger) ? [] : [TOO_LARGE];
  let layers: readonly LayerCache[] | undefined;
  const untaken = (scenario.untaken ?? []).map((text): Note => ({ text, inexact: true }));
  const notes = [
    ...untaken,
    ...spec.notes,
    ...refusal,
    ...engineNotes(reasons),
    ...stripes(engine, sharding.dcp),
    ...evenSplit(groups, scenario),
    ...newStructures(groups, engine.id, spec),
    ...tooLarge,
  ];
  return {
    ...(known ? ({ known: true, ...atLeast } as const) : NO_SIZES),
    spec,
    scenario,
    engine,
    setup,
    refused,
    kvDtype: dtype,
    kvDtypeSource: source,
    // Most who ask for a plan ask for no layer of it.
    get layers(): readonly LayerCache[] {
      return (layers ??= layerCaches(spec, costs));
    },
    atLeast,
    everywhere: everywhereOf(all, engine.splitsHeads ? ranksOf(scenario) : 1),
    derivation,
    adjustments: adjustmentsOf(derivation, scenario, whole, totalBytes),
    reasons,
    sharding: shardingPlan(
      spec,
      scenario,
      engine,
      context,
      stage,
      totals.steady + totals.state,
      whole.cache + whole.state,
      all.length,
    ),
    stages: all.map((one): StagePlan => ({ layers: one.stage, reservedBytes: reservedOf(one) })),
    exact: spec.exact && !notes.some((note) => note.inexact),
    notes,
  };
}

const TOO_LARGE: Note = { text: 'the size is larger than 2^53 bytes and is rounded', inexact: true };

/** `decode_context_parallel_size` is vLLM's (config/parallel.py); its rule says where it does not start so. */
function stripes({ id }: AllocationRule, dcp: number): Note[] {
  if (dcp === 1 || id === 'vllm') return [];
  const text = `decode context parallelism is modelled for vLLM only: what a device holds with ${dcp} under ${ENGINE_NAMES[id]} is not known`;
  return [{ text, inexact: true }];
}

/** The theoretical minimum splits KV heads without loss; engines keep whole ones. */
function evenSplit(groups: readonly LayerGroup[], scenario: Scenario): Note[] {
  const ranks = ranksOf(scenario);
  const uneven = groups.flatMap(({ attention }) =>
    isHeaded(attention) && attention.kind !== 'shared' && attention.kvHeads % ranks !== 0 ? [attention.kvHeads] : [],
  );
  if (scenario.engine !== 'intrinsic' || ranks === 1) return [];
  return [...new Set(uneven)].map((heads) => ({
    text: `${heads} KV ${heads === 1 ? 'head' : 'heads'} over ${ranks} devices: the theoretical minimum counts ${Number((heads / ranks).toFixed(2))} of a head per device; engines keep whole heads, replicate them, or refuse`,
    inexact: false,
  }));
}

function engineNotes(reasons: readonly Reason[]): Note[] {
  return reasons.filter((reason) => reason.inexact).map(({ text }) => ({ text, inexact: true }));
}

/** Marginal bytes of one more token at short context: the difference between two tokens and one. */
function bytesPerToken(spec: ModelSpec, dtype: ResolvedKvDtype): number {
  return intrinsicCacheBytes(spec, dtype, 2) - intrinsicCacheBytes(spec, dtype, 1);
}

/** Cache of one sequence of `tokens` tokens, all layers, no paging. */
function intrinsicCacheBytes(spec: ModelSpec, dtype: ResolvedKvDtype, tokens: number): number {
  let bytes = 0;
  for (const group of layerGroups(spec))
    bytes += layerCacheBytes(group.attention, dtype, tokens) * group.indexes.length;
  return bytes;
}

interface StageTotals {
  readonly stage: Stage;
  readonly totals: LayerCost;
  readonly overhead: Overhead;
}

const NO_OVERHEAD: Overhead = { steady: 0, reserved: 0 };

function layerCaches(spec: ModelSpec, costs: ReadonlyMap<AttentionSpec, LayerCost>): readonly LayerCache[] {
  return spec.layers.map(({ index, attention }): LayerCache => {
    if (attention.kind === 'unknown') return { index, kind: 'unknown', cacheBytes: null, stateBytes: null };
    const cost = costs.get(attention) ?? NO_COST;
    return { index, kind: attention.kind, cacheBytes: cost.steady, stateBytes: cost.state };
  });
}

/** The stage that holds most; the first of equals. */
function fullest(all: readonly StageTotals[]): StageTotals {
  const held = ({ totals, overhead }: StageTotals): number => totals.steady + totals.state + overhead.steady;
  return all.reduce((most, next) => (held(next) > held(most) ? next : most));
}

/** By group and not by layer: a plan of thousands of layers costs what one of thirty does. */
function sumLayers(
  groups: readonly LayerGroup[],
  costs: ReadonlyMap<AttentionSpec, LayerCost>,
  stage: Stage,
): LayerCost {
  let [needed, steady, reserved, state, stateReserved] = [0, 0, 0, 0, 0];
  for (const { attention, indexes } of groups) {
    const cost = costs.get(attention);
    if (!cost) continue;
    const layers = layersWithin(indexes, stage);
    needed += cost.needed * layers;
    steady += cost.steady * layers;
    reserved += cost.reserved * layers;
    state += cost.state * layers;
    stateReserved += cost.stateReserved * layers;
  }
  return { needed, steady, reserved, state, stateReserved };
}

/** Ranks of one stage. The intrinsic rule splits without loss, also the tokens; engines stripe tokens over ranks that they have. */
function ranksOf({ engine, sharding }: Scenario): number {
  return engine === 'intrinsic' ? sharding.tp * sharding.dcp : sharding.tp;
}

/** `ranks`: those of each stage hold the same. */
function everywhereOf(all: readonly StageTotals[], ranks: number): EverywhereSizes {
  const sum = (bytes: (one: StageTotals) => number): number =>
    all.reduce((total, one) => total + bytes(one) * ranks, 0);
  const held = ({ totals, overhead }: StageTotals): number => totals.steady + totals.state + overhead.steady;
  const totalBytes = sum(held);
  return {
    devices: all.length * ranks,
    alike: new Set(all.map(held)).size === 1,
    cacheBytes: sum(({ totals, overhead }) => totals.steady + overhead.steady),
    stateBytes: sum(({ totals }) => totals.state),
    totalBytes,
    neededBytes: sum(({ totals }) => totals.needed + totals.state),
    reservedBytes: sum(reservedOf),
    steadyBytes: totalBytes,
  };
}

interface Whole {
  readonly cache: number;
  readonly state: number;
}

/** The whole model on one device, under the engine's rule. */
function onOneDevice(groups: readonly LayerGroup[], engine: AllocationRule, context: RuleContext): Whole {
  const single = { ...context, sharding: { ...context.sharding, tp: 1, pp: 1, dcp: 1 } };
  let [cache, state] = [0, 0];
  for (const group of groups) {
    const cost = engine.cost(group, single);
    cache += cost.steady * group.indexes.length;
    state += cost.state * group.indexes.length;
  }
  return { cache, state };
}

function adjustmentsOf(
  derivation: readonly DerivationTerm[],
  { workload, engine, sharding }: Scenario,
  whole: Whole,
  totalBytes: number,
): Adjustment[] {
  const devices = deviceCount(sharding);
  const alone = devices * sharding.dcp === 1;
  const cache = alone ? totalBytes - whole.state : whole.cache;
  const bytesOf = (state: boolean): number =>
    derivation.reduce((sum, term) => ((term.what === 'state') === state ? sum + term.bytes * workload.batch : sum), 0);
  const name = ENGINE_NAMES[engine];
  const found: Adjustment[] = [
    { what: 'pages', text: `cache as ${name} holds it`, bytes: cache - bytesOf(false) },
    { what: 'state', text: `recurrent state as ${name} keeps it`, bytes: whole.state - bytesOf(true) },
    {
      what: 'devices',
      text: devices > 1 ? `on one of ${devices} devices` : 'on one device',
      bytes: totalBytes - cache - whole.state,
    },
  ];
  return found.filter(({ bytes }) => bytes !== 0);
}

function shardingPlan(
  spec: ModelSpec,
  scenario: Scenario,
  engine: AllocationRule,
  context: RuleContext,
  stage: Stage,
  rankBytes: number,
  whole: number,
  stageCount: number,
): ShardingPlan {
  const { sharding } = scenario;
  // Devices that have nothing are none of the model's.
  const devices = engine.stages ? stageCount : deviceCount(sharding);
  const ranks = engine.splitsHeads ? sharding.tp : 1;
  let all = rankBytes * ranks;
  if (stageCount > 1) {
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
