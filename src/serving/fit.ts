/** A model on a device: what weights and cache take, what fits, what limits decoding. One report for panel, palette and command line. */

import { fractionOption, setupOf } from '../cache/engines/options';
import { allocationRule } from '../cache/engines/register';
import { planCache } from '../cache/plan';
import type { Reading } from '../reading/read';
import type { Scenario } from '../model/scenario';
import {
  cacheBudgetBytes,
  cachedTokens,
  concurrentSequences,
  type Fit,
  type FractionRule,
  longestContext,
} from './capacity';
import { type Device } from './device';
import { countParameters } from './parameters/count';
import { decodeRoofline, type Roofline } from './roofline';
import { estimatedWeightBytes, type WeightBytes, weightBytesPerRank } from './weights';

/** What is assumed where neither the user nor the engine says. */
const USUAL_FRACTION = 0.9;

/** What of a device is the engine's: the share that it is started with, by its own option, and 2 GiB for activations, graphs and buffers. */
export function usualMemory(scenario: Scenario): Pick<FitRequest, 'fraction' | 'fractionRule' | 'overheadBytes'> {
  const setup = setupOf(allocationRule(scenario.engine), scenario.release, scenario.options);
  const share = fractionOption(setup, 'gpu-memory-utilization') ?? fractionOption(setup, 'mem-fraction-static');
  return { fraction: share ?? USUAL_FRACTION, fractionRule: 'ofTotal', overheadBytes: 2 * 2 ** 30 };
}

export interface FitRequest {
  readonly reading: Reading;
  readonly device: Device;
  readonly scenario: Scenario;
  /** Exact weight bytes, where the files were read; else they are estimated from the config. */
  readonly weights: WeightBytes | null;
  /** Share of the memory that the engine may take, and of what it is a share. */
  readonly fraction: number;
  readonly fractionRule: FractionRule;
  /** Activations, graphs and buffers on each device. */
  readonly overheadBytes: number;
}

export interface FitReport {
  readonly device: Device;
  readonly devices: number;
  readonly weights: WeightBytes;
  /** On the rank that the plan is of. */
  readonly weightBytesPerRank: number;
  readonly overheadBytes: number;
  /** What is left for the cache on one device; negative when the weights alone do not fit. */
  readonly cacheBudgetBytes: number;
  /** Cache and state of the scenario on one device, as the engine reserves it. */
  readonly cacheBytes: number;
  readonly fits: boolean;
  /** Why the engine does not start so, whatever fits; null where it does. */
  readonly refused: string | null;
  /** Longest context of the scenario's batch. */
  readonly longestContext: Fit;
  /** Sequences of the scenario's length at the same time. */
  readonly concurrentSequences: Fit;
  /** Tokens in all, held by sequences of the scenario's length. */
  readonly cachedTokens: Fit;
  /** Null where the parameters or the device's peak are not known. */
  readonly decode: Roofline | null;
}

/** Null where the weights are neither given nor can be estimated, and where what the model caches is not known. */
export function fitModel(request: FitRequest): FitReport | null {
  const { reading, device, scenario, fraction, fractionRule, overheadBytes } = request;
  const plan = planCache(reading.spec, scenario);
  // What layers hold that were not understood nobody knows: no verdict is better than one without them.
  if (!plan.known) return null;
  const count = countParameters(reading);
  const weights = request.weights ?? (count && estimatedWeightBytes(reading, count));
  if (!weights) return null;
  const { tp, pp } = scenario.sharding;
  const perRank = weightBytesPerRank(weights, { tp, pp });
  const budget = cacheBudgetBytes({
    memoryBytes: device.memoryBytes,
    fraction,
    fractionRule,
    weightBytes: perRank,
    overheadBytes,
  });
  const reserved = (tokens: number, batch: number): number =>
    planCache(reading.spec, { ...scenario, workload: { tokens, batch } }).atLeast.reservedBytes;
  const { batch, tokens } = scenario.workload;
  const copies = Math.max(1, plan.sharding.duplication);
  return {
    device,
    devices: plan.sharding.devices,
    weights,
    weightBytesPerRank: perRank,
    overheadBytes,
    cacheBudgetBytes: budget,
    cacheBytes: plan.reservedBytes,
    fits: plan.refused === null && plan.reservedBytes <= budget,
    refused: plan.refused,
    longestContext: longestContext(reserved, budget, batch),
    concurrentSequences: concurrentSequences(reserved, budget, tokens),
    cachedTokens: cachedTokens(reserved, budget, tokens),
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
