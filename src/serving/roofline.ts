/** How fast a model can run at best on a device: the roofline of a decode step. Estimates, never measurements. */

import type { ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec } from '../model/spec';
import { cacheReadBytes, decodeAttentionFlops } from './attentionWork';
import { type ComputeFormat, denseFlops, type Device } from './device';
import type { ParameterCount } from './parameters/count';
import type { WeightBytes } from './weights';

/** A model on devices. */
export interface Deployment {
  readonly spec: ModelSpec;
  readonly count: ParameterCount;
  /** Of the whole model. */
  readonly weights: WeightBytes;
  readonly kvDtype: ResolvedKvDtype;
  readonly device: Device;
  /** Devices that share weights and cache evenly; links between them cost nothing here. */
  readonly devices: number;
  /** Copies of the cache over the devices (latent attention under tensor parallelism: one each). */
  readonly cacheCopies: number;
  /** Format of the multiplications. */
  readonly format: ComputeFormat;
}

export type Limit = 'memory' | 'compute';

/** One step on the roofline (Williams, Waterman, Patterson, CACM 2009): time = max(bytes ÷ bandwidth, operations ÷ peak). */
export interface Roofline {
  readonly weightBytesRead: number;
  /** Cache and state, all sequences. */
  readonly cacheBytesRead: number;
  readonly flops: number;
  readonly memoryTimeS: number;
  readonly computeTimeS: number;
  readonly timeS: number;
  readonly limitedBy: Limit;
  /** Operations per byte read. */
  readonly intensityFlopsPerByte: number;
  /** Intensity above which the device computes longer than it reads. */
  readonly ridgeFlopsPerByte: number;
  /** Tokens that the step yields, by the second. */
  readonly tokensPerS: number;
  /** Format whose peak was used. */
  readonly format: ComputeFormat;
}

/**
 * Expected number of distinct experts that `tokens` tokens hit: E · (1 − (1 − k/E)^B), for routing that is uniform and
 * independent. Real routing is neither, and hits fewer.
 */
function distinctExperts(experts: number, perToken: number, tokens: number): number {
  return experts * (1 - (1 - Math.min(1, Math.max(0, perToken / experts))) ** tokens);
}

/**
 * Bytes of weights that a step of `tokens` tokens reads: all but lookup tables, experts that no token goes to, and
 * `unused` parameters.
 */
function weightBytesRead(weights: WeightBytes, count: ParameterCount, tokens: number, unused: number): number {
  const others = weights.bytes - weights.expertBytes;
  const lookups = (count.lookup + unused) * (others / Math.max(1, count.total - count.experts));
  const bytesEach = weights.expertBytes / Math.max(1, count.experts);
  const experts = count.expertGroups.reduce(
    (sum, group) =>
      sum + group.layers * distinctExperts(group.experts, group.perToken, tokens) * group.parametersEach * bytesEach,
    0,
  );
  return others - lookups + experts;
}

/** What a machine does in a second at best. */
export interface Rates {
  readonly flopsPerS: number;
  readonly bytesPerS: number;
}

/** The two bounds of a step, and the one that holds. */
export function stepTimes(
  bytes: number,
  flops: number,
  { flopsPerS, bytesPerS }: Rates,
): Pick<Roofline, 'memoryTimeS' | 'computeTimeS' | 'timeS' | 'limitedBy'> {
  const memoryTimeS = bytes / bytesPerS;
  const computeTimeS = flops / flopsPerS;
  const limitedBy = memoryTimeS >= computeTimeS ? 'memory' : 'compute';
  return { memoryTimeS, computeTimeS, timeS: Math.max(memoryTimeS, computeTimeS), limitedBy };
}

/** One token for each of `batch` sequences that hold `tokens` tokens. Null where the device's peak is not known. */
export function decodeRoofline(deployment: Deployment, batch: number, tokens: number): Roofline | null {
  const { spec, count, weights, kvDtype, device, format } = deployment;
  const peak = denseFlops(device, format);
  if (!peak) return null;
  const devices = Math.max(1, deployment.devices);
  const rates = { flopsPerS: peak.flopsPerS * devices, bytesPerS: device.bandwidthBytesPerS * devices };
  // 2 operations per parameter that is multiplied and token.
  const flops =
    batch * (2 * (count.activePerToken - count.lookup - count.encoder) + decodeAttentionFlops(spec, tokens));
  const weightBytes = weightBytesRead(weights, count, batch, count.encoder);
  const cacheBytesRead = batch * cacheReadBytes(spec, kvDtype, tokens) * Math.max(1, deployment.cacheCopies);
  const times = stepTimes(weightBytes + cacheBytesRead, flops, rates);
  return {
    weightBytesRead: weightBytes,
    cacheBytesRead,
    flops,
    ...times,
    intensityFlopsPerByte: flops / (weightBytes + cacheBytesRead),
    ridgeFlopsPerByte: rates.flopsPerS / rates.bytesPerS,
    tokensPerS: batch / times.timeS,
    format: peak.format,
  };
}

/** A decode step that can be: none where the weights alone do not fit. */
export function possibleDecode({
  high,
  decode,
}: {
  readonly high: { readonly cacheBudgetBytes: number };
  readonly decode: Roofline | null;
}): Roofline | null {
  return high.cacheBudgetBytes > 0 ? decode : null;
}
