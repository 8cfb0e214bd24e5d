/** A model on a device: what weights and cache take, what fits, what limits decoding. One report for panel, palette and command line. */

import { planCache } from '../cache/plan';
import type { Reading } from '../reading/read';
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
import { engineMemory, type MemoryPart, withDeviceDefaults } from './memory';
import { countParameters } from './parameters/count';
import { exactly, middle, type Range } from './range';
import { decodeRoofline, type Roofline } from './roofline';
import { estimatedWeightBytes, type WeightBytes } from './weights';

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
  /** Exact weight bytes, where the files were read; else they are estimated from the config. */
  readonly weights: WeightBytes | null;
  /** Share of the memory that the engine may take; its own default, or that of its option, where absent. */
  readonly fraction?: number;
  /** Of what the share is one; the engine's own reading where absent. */
  readonly fractionRule?: FractionRule;
  /** Activations, graphs and buffers on each device, where they are known; else they are estimated. */
  readonly overheadBytes?: number;
  /** Where no release is named, the range reaches back to vLLM's V0 (before 0.8), whose profiling run had the whole prompt. */
  readonly everyRelease?: boolean;
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

/** Null where the weights are neither given nor can be estimated, and where what the model caches is not known. */
export function fitModel(request: FitRequest): FitReport | null {
  const { reading, device } = request;
  const scenario = withDeviceDefaults(request.scenario, device);
  const plan = planCache(reading.spec, scenario);
  // What layers hold that were not understood nobody knows: no verdict is better than one without them.
  if (!plan.known) return null;
  const count = countParameters(reading);
  const weights = request.weights ?? (count && estimatedWeightBytes(reading, count));
  if (!weights) return null;
  const { parts, roomBytes, fraction } = leftByEngine(request, scenario, weights, count);
  const reserved = (tokens: number, batch: number): number =>
    planCache(reading.spec, { ...scenario, workload: { tokens, batch } }).atLeast.reservedBytes;
  const { batch, tokens } = scenario.workload;
  const end = (bytes: number, least?: FitEnd, most?: FitEnd): FitEnd => {
    const bounds = (key: 'longestContext' | 'concurrentSequences'): Bounds | undefined =>
      least && { least: least[key], ...(most ? { most: most[key] } : {}) };
    const sequences = concurrentSequences(reserved, bytes, tokens, bounds('concurrentSequences'));
    return {
      cacheBudgetBytes: Math.floor(bytes),
      longestContext: longestContext(reserved, bytes, batch, bounds('longestContext')),
      concurrentSequences: sequences,
      cachedTokens: cachedTokens(reserved, bytes, tokens, sequences),
    };
  };
  const low = end(roomBytes.low);
  const same = roomBytes.low === roomBytes.high;
  const high = same ? low : end(roomBytes.high, low);
  const verdict = verdictOf(plan.refused, plan.reservedBytes, roomBytes);
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
    cacheBytes: plan.reservedBytes,
    verdict,
    fits: verdict === 'fits',
    refused: plan.refused,
    ...(same ? low : end(middle(roomBytes), low, high)),
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

/** Whether weights leave any room on their devices: what does not load decodes nothing. */
export function weightsFit(request: FitRequest & { readonly weights: WeightBytes }): boolean {
  const scenario = withDeviceDefaults(request.scenario, request.device);
  return leftByEngine(request, scenario, request.weights, countParameters(request.reading)).roomBytes.high > 0;
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
  count: ReturnType<typeof countParameters>,
): Left {
  const { reading, device, fraction, fractionRule, overheadBytes, everyRelease = false } = request;
  const stepGiven =
    request.scenario.engine === 'vllm' && request.scenario.options?.['max-num-batched-tokens'] !== undefined;
  const estimated = engineMemory({ reading, device, scenario, count, weights, fraction, everyRelease, stepGiven });
  if (overheadBytes === undefined && fractionRule === undefined) return estimated;
  const { tp, pp } = scenario.sharding;
  const weightBytes = Math.ceil(weights.bytes / (tp * pp));
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
