/** How fast a model can run at best on a device: the roofline of a decode step. Estimates, never measurements. */

import type { ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec } from '../model/spec';
import { cacheReadBytes, decodeAttentionFlops } from './attentionWork';
import { type ComputeFormat, denseFlops, type Device } from './device';
import type { ExpertGroup, Part } from '../families/counted/tally';
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

/** Bytes that one parameter takes where a step reads it, by its part. */
export interface WeightRates {
  readonly of: (part: Part) => number;
  /** Of all but routed experts, on average. */
  readonly mean: number;
  readonly expert: number;
}

/** Part by part where the weights say it, else what all but routed experts take on average. */
export function weightRates(weights: WeightBytes, count: ParameterCount): WeightRates {
  const mean = (weights.bytes - weights.expertBytes) / Math.max(1, count.total - count.experts);
  return {
    of: (part) => weights.bytesEach?.[part] ?? mean,
    mean,
    expert: weights.expertBytes / Math.max(1, count.experts),
  };
}

/** Bytes of the routed experts that `tokens` tokens hit. */
export function expertBytesRead(groups: readonly ExpertGroup[], tokens: number, bytesEach: number): number {
  return groups.reduce(
    (sum, group) =>
      sum + group.layers * distinctExperts(group.experts, group.perToken, tokens) * group.parametersEach * bytesEach,
    0,
  );
}

/**
 * Bytes of weights that a step of `tokens` tokens reads: all but lookup tables, experts that no token goes to, and
 * `unused` parameters.
 */
export function weightBytesRead(weights: WeightBytes, count: ParameterCount, tokens: number, unused: number): number {
  const rates = weightRates(weights, count);
  return (
    weights.bytes -
    weights.expertBytes -
    count.lookup * rates.of('embedding') -
    unused * rates.mean +
    expertBytesRead(count.expertGroups, tokens, rates.expert)
  );
}

/** Operations of a step for one token beside attention: two for each parameter that is multiplied. */
export function tokenFlops(count: ParameterCount): number {
  return 2 * (count.activePerToken - count.lookup - count.encoder);
}

/** Both rates of a deployment, all devices together, and the format of the multiplications; null where the peak is not known. */
export function ratesOf({
  device,
  devices,
  format,
}: Pick<Deployment, 'device' | 'devices' | 'format'>): (Rates & { readonly format: ComputeFormat }) | null {
  const peak = denseFlops(device, format);
  if (!peak) return null;
  const all = Math.max(1, devices);
  return { flopsPerS: peak.flopsPerS * all, bytesPerS: device.bandwidthBytesPerS * all, format: peak.format };
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
  const { spec, count, weights, kvDtype } = deployment;
  const rates = ratesOf(deployment);
  if (!rates) return null;
  const flops = batch * (tokenFlops(count) + decodeAttentionFlops(spec, tokens));
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
    format: rates.format,
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
