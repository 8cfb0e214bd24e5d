/**
 * Tokens in flight: what a step reads, writes and computes, taken apart. A step is the prefill of a prompt or the decoding of one more
 * token for each sequence. The parts sum to the roofline's numbers.
 *
 * What passes from box to box (activations) is not counted: it may stay on the chip. Each number is what there is at least.
 */

import { layerGroups } from '../../cache/groups';
import { bytesOfNext, windowOf } from '../../cache/growth';
import { layerCacheBytes, layerStateBytes } from '../../cache/layerBytes';
import { planCache } from '../../cache/plan';
import type { ExpertGroup, Part } from '../../families/counted/tally';
import type { Scenario } from '../../model/scenario';
import type { Reading } from '../../reading/read';
import {
  decodeAttentionFlops,
  decodeLayerFlops,
  layerReadBytes,
  layerWrittenBytes,
  prefillAttentionFlops,
  prefillLayerFlops,
  stateStepFlops,
} from '../attentionWork';
import type { ComputeFormat, Device } from '../device';
import { withDeviceDefaults } from '../memory';
import type { ParameterCount } from '../parameters/count';
import {
  expertBytesRead,
  type Limit,
  type Rates,
  ratesOf,
  stepTimes,
  tokenFlops,
  weightBytesRead,
  weightRates,
  type WeightRates,
} from '../roofline';
import { scenarioWeights } from '../weightFormats';
import type { WeightBytes } from '../weights';
import type { Anatomy, LayerKind } from './anatomy';
import { countOf, multipliedEnds, type PartCounts } from './ends';

export const STEPS = ['decode', 'prefill'] as const;
export type Step = (typeof STEPS)[number];

export interface FlightRequest {
  readonly step: Step;
  /** Sequences at the same time. */
  readonly batch: number;
  /** Of each sequence: the prompt, or the context that a decode step sees. */
  readonly tokens: number;
  /** Null where they are not known. */
  readonly weights: WeightBytes | null;
  readonly device: Device | null;
  /** Devices that share weights and cache evenly. */
  readonly devices: number;
  /** Copies of the cache over the devices. */
  readonly cacheCopies: number;
}

/** What is read, written and computed; null where it is not known. */
export interface Work {
  readonly weightBytesRead: number | null;
  readonly cacheBytesRead: number | null;
  readonly cacheBytesWritten: number | null;
  readonly stateBytesRead: number | null;
  readonly stateBytesWritten: number | null;
  readonly flops: number | null;
}

/** The least time of it, and which of the two bounds holds; null where that is not known. */
export interface Timed {
  readonly timeS: number;
  readonly limitedBy: Limit;
}

/** What of a model's work is done in one place: the weights that are there, and what of a layer's cache passes through it. */
export interface Piece {
  /** Parameters that every token is multiplied with; null where they are not known apart. */
  readonly dense: PartCounts | null;
  readonly experts: readonly ExpertGroup[];
  /** Of `dense`: those that run for the prompt alone. */
  readonly encoder?: number;
  /** The layer whose attention is computed here: it reads its cache. */
  readonly attends?: LayerKind;
  /** The layer whose recurrence is computed here. */
  readonly scans?: LayerKind;
  /** The layer whose new entries are written here. */
  readonly keeps?: LayerKind;
  /** The layer whose state is read and written here. */
  readonly state?: LayerKind;
  /** Prefill needs it for the last token of a sequence alone. */
  readonly lastToken?: true;
}

/** How the cache of one kind of attention grows. */
export interface CacheGrowth {
  /** Layers of it, by their places in the anatomy's kinds. */
  readonly kinds: readonly number[];
  readonly layers: number;
  /** Of all its layers and sequences, at the context; null where the layers are not understood. */
  readonly cacheBytes: number | null;
  readonly stateBytes: number;
  /** What the next token adds, all its layers and sequences. */
  readonly nextBytes: number | null;
  /** Tokens after which a window or chunk keeps no more; null where nothing bounds it. */
  readonly windowTokens: number | null;
  readonly windowIsFull: boolean;
}

export interface Flight extends Omit<FlightRequest, 'weights' | 'device'> {
  readonly anatomy: Anatomy;
  readonly device: Device | null;
  /** Of all weights; null where they are not known. */
  readonly weightBytes: number | null;
  /** Whether the weights alone are more than the devices hold: such a step cannot run, and nothing of it has a time. */
  readonly tooLarge: boolean;
  /** The whole step. */
  readonly whole: Work;
  readonly time: Timed | null;
  /** Format of the multiplications; null where the device or its peak is not known. */
  readonly format: ComputeFormat | null;
  readonly growth: readonly CacheGrowth[];
  /** Layers that were not understood: their numbers are not in the sums. */
  readonly unknownLayers: readonly number[];
  /** What is not counted, and why a number is not known. */
  readonly notes: readonly string[];
  readonly workOf: (piece: Piece) => Work;
  readonly timeOf: (work: Work) => Timed | null;
}

/** A step of a model at a scenario: the same devices and copies as `fitModel` reckons with. */
export function flightRequest(
  reading: Reading,
  scenario: Scenario,
  step: Step,
  device: Device | null,
  stored: WeightBytes | null,
  count: ParameterCount | null,
): FlightRequest {
  const on = device ? withDeviceDefaults(scenario, device) : scenario;
  const { sharding } = planCache(reading.spec, on);
  return {
    step,
    ...scenario.workload,
    weights: scenarioWeights(reading, on, stored, count),
    device,
    devices: sharding.devices,
    cacheCopies: Math.max(1, sharding.duplication),
  };
}

/** The same anatomy at another context. */
function atContext(anatomy: Anatomy, tokens: number): Anatomy {
  const { spec, kvDtype } = anatomy;
  return {
    ...anatomy,
    tokens,
    kinds: anatomy.kinds.map((kind) => ({
      ...kind,
      attentionFlops: decodeLayerFlops(spec, kind, tokens),
      cacheBytes: layerCacheBytes(kind.attention, kvDtype, tokens),
    })),
  };
}

export function flightOf(model: Anatomy, request: FlightRequest): Flight {
  const { step, batch, tokens, weights, device, devices, cacheCopies } = request;
  const anatomy = model.tokens === tokens ? model : atContext(model, tokens);
  const { kinds, count } = anatomy;
  const rates = device && ratesOf({ device, devices, format: 'bf16' });
  const weighed = weights && count && weightRates(weights, count);
  const conditions: Conditions = { ...request, anatomy, weighed };
  const unknownLayers = kinds
    .filter(({ attention }) => attention.kind === 'unknown')
    .flatMap(({ indexes }) => indexes)
    .sort((a, b) => a - b);
  const encoder = count?.encoder ?? 0;
  const whole = wholeOf(conditions, request, unknownLayers.length > 0);
  const tooLarge = weights !== null && device !== null && weights.bytes > device.memoryBytes * Math.max(1, devices);
  const timeOf = (work: Work): Timed | null => (tooLarge ? null : timed(work, rates));
  return {
    step,
    batch,
    tokens,
    devices,
    cacheCopies,
    anatomy,
    device,
    weightBytes: weights?.bytes ?? null,
    tooLarge,
    whole,
    time: timeOf(whole),
    format: rates?.format ?? null,
    growth: growthOf(anatomy, batch * Math.max(1, cacheCopies)),
    unknownLayers,
    notes: [
      ...(count ? [] : ['The parameters cannot be counted: what weights take and compute is not known.']),
      ...(count && !weights ? ['How the weights are stored is not known.'] : []),
      ...(device && !rates ? [`The peak of ${device.name} is not known: no times.`] : []),
      ...(encoder > 0 && step === 'prefill'
        ? ["Headlight does not know what the encoder's own attention computes."]
        : []),
    ],
    workOf: (piece) => workOf(piece, conditions),
    timeOf,
  };
}

interface Conditions extends FlightRequest {
  readonly anatomy: Anatomy;
  readonly weighed: WeightRates | null;
}

/** Sequences, times the copies of what is kept for each. */
function copiesOf({ batch, cacheCopies }: FlightRequest): number {
  return batch * Math.max(1, cacheCopies);
}

/** Tokens that pass through the layers. */
function tokensOf({ step, batch, tokens }: FlightRequest): number {
  return step === 'decode' ? batch : batch * tokens;
}

function wholeOf(conditions: Conditions, request: FlightRequest, unknown: boolean): Work {
  const { step, batch, tokens, weights, anatomy } = conditions;
  const { spec, kinds, count } = anatomy;
  const kept = (piece: (kind: LayerKind) => Piece, of: (work: Work) => number | null): number | null =>
    unknown
      ? null
      : kinds.reduce((sum, kind) => sum + kind.indexes.length * (of(workOf(piece(kind), conditions)) ?? 0), 0);
  const empty = { dense: {}, experts: [] };
  const decode = step === 'decode';
  const head = multipliedEnds(anatomy).head;
  return {
    weightBytesRead: count && weights && weightBytesRead(weights, count, tokensOf(request), decode ? count.encoder : 0),
    cacheBytesRead: kept(
      (attends) => ({ ...empty, attends }),
      (work) => work.cacheBytesRead,
    ),
    cacheBytesWritten: kept(
      (keeps) => ({ ...empty, keeps }),
      (work) => work.cacheBytesWritten,
    ),
    stateBytesRead: kept(
      (state) => ({ ...empty, state }),
      (work) => work.stateBytesRead,
    ),
    stateBytesWritten: kept(
      (state) => ({ ...empty, state }),
      (work) => work.stateBytesWritten,
    ),
    flops:
      !count || unknown
        ? null
        : decode
          ? batch * (tokenFlops(count) + decodeAttentionFlops(spec, tokens))
          : count.encoder > 0 || !head
            ? null
            : batch *
              (tokens * tokenFlops(count) - (tokens - 1) * 2 * countOf(head) + prefillAttentionFlops(spec, tokens)),
  };
}

function workOf(piece: Piece, conditions: Conditions): Work {
  const { step, batch, tokens, anatomy, weighed } = conditions;
  const { spec, kvDtype } = anatomy;
  const { dense, experts, attends, scans, keeps, state, lastToken } = piece;
  const decode = step === 'decode';
  const copies = copiesOf(conditions);
  const passing = decode || lastToken ? batch : batch * tokens;
  const encoder = piece.encoder ?? 0;
  const headed = attends && { attention: attends.attention, state: undefined };
  const attention = headed
    ? batch * (decode ? decodeLayerFlops(spec, headed, tokens) : prefillLayerFlops(spec, headed, tokens))
    : 0;
  const recurrence = scans ? batch * (decode ? 1 : tokens) * stateStepFlops(scans.state) : 0;
  const used = experts.reduce((sum, group) => sum + group.layers * group.perToken * group.parametersEach, 0);
  // What is not understood may keep one too.
  const isUnknown = attends?.attention.kind === 'unknown';
  const states = isUnknown ? null : state ? copies * layerStateBytes(state.state, kvDtype) : 0;
  const known = (kind: LayerKind | undefined, bytes: (kind: LayerKind) => number): number | null =>
    kind?.attention.kind === 'unknown' ? null : kind ? copies * bytes(kind) : 0;
  return {
    weightBytesRead:
      dense === null
        ? null
        : weighed
          ? denseBytes(dense, weighed) -
            (decode ? encoder * weighed.mean : 0) +
            expertBytesRead(experts, tokensOf(conditions), weighed.expert)
          : countOf(dense) + used === 0
            ? 0
            : null,
    // The keys and values of a prompt are made in the same step.
    cacheBytesRead: known(attends, (kind) => (decode ? layerReadBytes(spec, kind.attention, kvDtype, tokens) : 0)),
    cacheBytesWritten: known(keeps, (kind) =>
      decode ? layerWrittenBytes(kind.attention, kvDtype) : layerCacheBytes(kind.attention, kvDtype, tokens),
    ),
    stateBytesRead: states === null || decode ? states : 0,
    stateBytesWritten: states,
    flops:
      dense === null || isUnknown || (encoder > 0 && !decode)
        ? null
        : 2 * passing * (countOf(dense) - (decode ? encoder : 0) + used) + attention + recurrence,
  };
}

function denseBytes(dense: PartCounts, rates: WeightRates): number {
  return Object.entries(dense).reduce((sum, [part, count]) => sum + count * rates.of(part as Part), 0);
}

/** By what is read, and of state written back, as the roofline has it; entries that are written go beside. */
function timed(work: Work, rates: Rates | null): Timed | null {
  const { weightBytesRead: weights, cacheBytesRead, stateBytesRead, stateBytesWritten, flops } = work;
  if (!rates || weights === null || cacheBytesRead === null || flops === null) return null;
  if (stateBytesRead === null || stateBytesWritten === null) return null;
  const { timeS, limitedBy } = stepTimes(weights + cacheBytesRead + stateBytesRead + stateBytesWritten, flops, rates);
  return { timeS, limitedBy };
}

/** What each kind of attention keeps, in the order of the layers. */
function growthOf({ spec, kinds, tokens, kvDtype }: Anatomy, copies: number): CacheGrowth[] {
  return layerGroups(spec).flatMap(({ attention, state, indexes }): CacheGrowth[] => {
    const known = attention.kind !== 'unknown';
    const layers = indexes.length;
    const cacheBytes = known ? copies * layers * layerCacheBytes(attention, kvDtype, tokens) : null;
    const stateBytes = copies * layers * layerStateBytes(state, kvDtype);
    const nextBytes = known ? copies * layers * bytesOfNext(attention, kvDtype, tokens) : null;
    if (cacheBytes === 0 && stateBytes === 0) return [];
    const windowTokens = windowOf(attention);
    return [
      {
        kinds: kinds.flatMap((kind, place) => (kind.attention === attention ? [place] : [])),
        layers,
        cacheBytes,
        stateBytes,
        nextBytes,
        windowTokens,
        windowIsFull: windowTokens !== null && tokens >= windowTokens,
      },
    ];
  });
}
