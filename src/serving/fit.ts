/** A model on a device: what weights and cache take, what fits, what limits decoding. One report for panel, palette and command line. */

import { type KnownPlan, planCache, reservedByStage } from '../cache/plan';
import type { Reading } from '../reading/read';
import { elementAt } from '../model/elementAt';
import type { Scenario } from '../model/scenario';
import {
  type Bounds,
  cacheBudgetBytes,
  cachedTokens,
  concurrentSequences,
  type Fit,
  type FractionRule,
  longestContext,
} from './capacity';
import { type Device } from './device';
import { type DeviceShare, engineMemory, type MemoryPart, withDeviceDefaults } from './memory';
import { countParameters, type ParameterCount } from './parameters/count';
import { placementOf } from './placement';
import { exactly, middle, type Range } from './range';
import { decodeRoofline, type Roofline } from './roofline';
import { scenarioWeights } from './weightFormats';
import type { WeightBytes } from './weights';

/**
 * - `fits`: the cache is within what is left at least.
 * - `tight`: within what may be left: it depends on what is not known.
 * - `doesNotFit`: beyond what may be left.
 * - `refused`: the engine does not start so, whatever fits.
 */
export type Verdict = 'fits' | 'tight' | 'doesNotFit' | 'refused';

export interface FitRequest {
  readonly reading: Reading;
  readonly device: Device;
  readonly scenario: Scenario;
  /** Exact weight bytes, where the files were read; else they are estimated from the config. What the scenario chooses counts before both. */
  readonly weights: WeightBytes | null;
  /** Share of the memory that the engine may take; its own default, or that of its option, where absent. */
  readonly fraction?: number;
  /** Of what the share is one; the engine's own reading where absent. */
  readonly fractionRule?: FractionRule;
  /** Activations, graphs and buffers on each device, where they are known; else they are estimated. */
  readonly overheadBytes?: number;
}

/** What there is room for at one end of the range. */
export interface FitEnd {
  readonly cacheBudgetBytes: number;
  readonly longestContext: Fit;
  readonly concurrentSequences: Fit;
  readonly cachedTokens: Fit;
}

/** What fits; the numbers of its own are those at the middle of the range. */
export interface FitReport extends FitEnd {
  readonly device: Device;
  readonly devices: number;
  readonly weights: WeightBytes;
  /** On one device, with what every rank holds whole. */
  readonly weightBytesPerRank: number;
  /** Activations, graphs and the rest on one device. */
  readonly overheadBytes: number;
  /** What of a device is not cache, part by part. */
  readonly parts: readonly MemoryPart[];
  /** The share of the memory that the engine takes. */
  readonly fraction: number;
  /** Where devices have different layers: those of the fullest, which the numbers are of. Null where all have the same. */
  readonly layers: { readonly own: number; readonly all: number; readonly head: boolean } | null;
  /** Cache and state of the scenario on one device, as the engine reserves it. */
  readonly cacheBytes: number;
  readonly verdict: Verdict;
  /** True where the verdict is `fits`. */
  readonly fits: boolean;
  /** Why the engine does not start so, whatever fits; null where it does. */
  readonly refused: string | null;
  readonly low: FitEnd;
  readonly high: FitEnd;
  /** Null where the parameters or the device's peak are not known. */
  readonly decode: Roofline | null;
}

/** What is left of a set-up before the searches for the longest context and the most sequences. */
interface Placed {
  readonly scenario: Scenario;
  readonly plan: KnownPlan;
  readonly count: ParameterCount | null;
  readonly weights: WeightBytes;
  readonly devices: readonly OneDevice[];
  /** The device that is left with least, or lacks most, decides. */
  readonly fullest: OneDevice;
}

function placed(request: FitRequest): Placed | null {
  const { reading, device } = request;
  const scenario = withDeviceDefaults(request.scenario, device);
  const plan = planCache(reading.spec, scenario);
  // What layers hold that were not understood nobody knows: no verdict is better than one without them.
  if (!plan.known) return null;
  const count = countParameters(reading);
  const weights = scenarioWeights(reading, scenario, request.weights, count);
  if (!weights) return null;
  const devices = devicesOf(request, scenario, plan, weights, count);
  const first = devices[0];
  if (!first) return null;
  const fullest = devices.reduce((most, next) => (slackOf(next) < slackOf(most) ? next : most), first);
  return { scenario, plan, count, weights, devices, fullest };
}

/** The verdict alone: as `fitModel` has it, without looking for what else would fit. */
export function verdictFor(request: FitRequest): Verdict | null {
  const found = placed(request);
  return found && verdictOf(found.plan.refused, found.fullest.reservedBytes, found.fullest.left.roomBytes);
}

/** Null where the weights are neither given nor can be estimated, and where what the model caches is not known. */
export function fitModel(request: FitRequest): FitReport | null {
  const { reading, device } = request;
  const found = placed(request);
  if (!found) return null;
  const { scenario, plan, count, weights, devices, fullest } = found;
  const { parts, roomBytes, fraction } = fullest.left;
  const { batch, tokens } = scenario.workload;
  /** At one end of the range. What others lack more than this device counts as its own. */
  const end = (endOf: (room: Range) => number, least?: FitEnd, most?: FitEnd): FitEnd => {
    const bytes = endOf(roomBytes);
    const reserved = (tokensAt: number, batchAt: number): number => {
      const at = reservedByStage(reading.spec, { ...scenario, workload: { tokens: tokensAt, batch: batchAt } });
      if (devices.length === 1) return Math.max(...at);
      return Math.max(
        ...devices.map(({ index, left }) => elementAt(at, index) + Math.max(0, bytes) - endOf(left.roomBytes)),
      );
    };
    const bounds = (key: 'longestContext' | 'concurrentSequences'): Bounds | undefined =>
      least && { least: least[key], ...(most ? { most: most[key] } : {}) };
    const budget = devices.length === 1 ? bytes : Math.max(0, bytes);
    const sequences = concurrentSequences(reserved, budget, tokens, bounds('concurrentSequences'));
    return {
      cacheBudgetBytes: Math.floor(bytes),
      longestContext: longestContext(reserved, budget, batch, bounds('longestContext')),
      concurrentSequences: sequences,
      cachedTokens: cachedTokens(reserved, budget, tokens, sequences),
    };
  };
  const low = end((room) => room.low);
  const same = roomBytes.low === roomBytes.high;
  const high = same ? low : end((room) => room.high, low);
  const verdict = verdictOf(plan.refused, fullest.reservedBytes, roomBytes);
  const bytesOf = (wanted: boolean): number =>
    parts.reduce((sum, { part, bytes }) => sum + ((part === 'weights') === wanted ? middle(bytes) : 0), 0);
  const copies = Math.max(1, plan.sharding.duplication);
  return {
    device,
    devices: plan.sharding.devices,
    weights,
    weightBytesPerRank: Math.ceil(bytesOf(true)),
    overheadBytes: Math.round(bytesOf(false)),
    parts,
    fraction,
    cacheBytes: fullest.reservedBytes,
    layers: devices.length === 1 ? null : { own: fullest.layers, all: reading.spec.layers.length, head: fullest.last },
    verdict,
    fits: verdict === 'fits',
    refused: plan.refused,
    ...(same ? low : end(middle, low, high)),
    low,
    high,
    decode:
      count &&
      decodeRoofline(
        {
          spec: reading.spec,
          count,
          weights,
          kvDtype: plan.kvDtype,
          device,
          devices: plan.sharding.devices,
          cacheCopies: copies,
          format: 'bf16',
        },
        batch,
        tokens,
      ),
  };
}

/** Whether weights leave any room on the fullest device: what does not load decodes nothing. True where that is not known. */
export function weightsFit(request: FitRequest): boolean {
  const found = placed(request);
  return found === null || found.fullest.left.roomBytes.high > 0;
}

/** What a device has and has left. */
interface OneDevice {
  /** Its place among the plan's stages. */
  readonly index: number;
  readonly layers: number;
  readonly last: boolean;
  readonly reservedBytes: number;
  readonly left: Left;
}

function slackOf({ left, reservedBytes }: OneDevice): number {
  return middle(left.roomBytes) - reservedBytes;
}

/** Most devices that are looked at one by one: those between the first and the last of more have the same. */
const MOST_DEVICES = 64;

/** Each device where llama.cpp splits whole layers; else one that stands for all. */
function devicesOf(
  request: FitRequest,
  scenario: Scenario,
  { stages, reservedBytes }: KnownPlan,
  weights: WeightBytes,
  count: ParameterCount | null,
): readonly OneDevice[] {
  const left = (share: DeviceShare | null): Left => leftByEngine(request, scenario, weights, count, share);
  const placement =
    scenario.engine === 'llamacpp' && stages.length > 1 ? placementOf(request.reading, weights, count) : null;
  if (!placement) return [{ index: 0, layers: 0, last: false, reservedBytes, left: left(null) }];
  const last = stages.length - 1;
  return stages.flatMap(({ layers, reservedBytes: own }, index): OneDevice[] =>
    index < MOST_DEVICES || index === last
      ? [
          {
            index,
            layers: layers[1] - layers[0],
            last: index === last,
            reservedBytes: own,
            left: left({ layers, last: index === last, devices: stages.length, placement }),
          },
        ]
      : [],
  );
}

function verdictOf(refused: string | null, cacheBytes: number, room: Range): Verdict {
  if (refused !== null) return 'refused';
  // An engine does not start without any room, not even for a model without a cache.
  if (room.low > 0 && cacheBytes <= room.low) return 'fits';
  return room.high > 0 && cacheBytes <= room.high ? 'tight' : 'doesNotFit';
}

interface Left {
  readonly parts: readonly MemoryPart[];
  readonly roomBytes: Range;
  readonly fraction: number;
}

/** By the engine's own ways; by plain arithmetic where what is not weights is given. */
function leftByEngine(
  request: FitRequest,
  scenario: Scenario,
  weights: WeightBytes,
  count: ParameterCount | null,
  share: DeviceShare | null,
): Left {
  const { reading, device, fraction, fractionRule, overheadBytes } = request;
  const stepGiven =
    request.scenario.engine === 'vllm' && request.scenario.options?.['max-num-batched-tokens'] !== undefined;
  const estimated = engineMemory({
    reading,
    device,
    scenario,
    count,
    weights,
    fraction,
    share,
    stepGiven,
  });
  if (overheadBytes === undefined && fractionRule === undefined) return estimated;
  const { tp, pp } = scenario.sharding;
  const placed = estimated.parts.find(({ part }) => part === 'weights');
  const weightBytes = Math.ceil(share && placed ? middle(placed.bytes) : weights.bytes / (tp * pp));
  const given =
    overheadBytes ??
    estimated.parts.reduce((sum, { part, bytes }) => sum + (part === 'weights' ? 0 : middle(bytes)), 0);
  const room = cacheBudgetBytes({
    memoryBytes: device.memoryBytes,
    fraction: estimated.fraction,
    fractionRule: fractionRule ?? (scenario.engine === 'trtllm' ? 'ofFree' : 'ofTotal'),
    weightBytes,
    overheadBytes: given,
  });
  return {
    fraction: estimated.fraction,
    parts: [
      { part: 'weights', bytes: exactly(weightBytes), basis: { of: 'weights' } },
      { part: 'other', bytes: exactly(given), basis: { of: overheadBytes === undefined ? 'estimate' : 'given' } },
    ],
    roomBytes: exactly(room),
  };
}
