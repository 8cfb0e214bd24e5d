/** What of the overview depends on a model's weights: the memory of its device, what fits, how fast a step is. */

import { type CachePlan, planCache } from '../../../src/cache/plan';
import { formatBinary, formatBytes, formatInteger } from '../../../src/model/units';
import { formatFlops, formatSeconds } from '../../../src/present/quantities';
import { limitText } from '../../../src/present/words';
import { cacheBudgetBytes, type Fit } from '../../../src/serving/capacity';
import { type FitReport, fitModel, usualMemory } from '../../../src/serving/fit';
import { parameterSources } from '../../../src/serving/parameters/count';
import { weightBytesPerRank } from '../../../src/serving/weights';
import { originOf } from '../../parts/derivation';
import {
  cacheOrigins,
  type Memory,
  type MemoryPart,
  type MemorySegment,
  type OverviewModel,
  percentOf,
  type Serving,
  type Step,
  text,
} from './viewModel';

export const serving: Serving = {
  report: (reading, device, scenario) =>
    fitModel({ reading, device, scenario, weights: null, ...usualMemory(scenario) }),
  memory: memoryOf,
  problem: problemText,
  steps(name, report, model) {
    switch (name) {
      case 'memory':
        return memorySteps(report, model);
      case 'sequences':
        return sequenceSteps(report, model.plan);
      case 'decode':
        return decodeSteps(report, model.plan);
      default:
        return [];
    }
  },
};

function memoryOf(report: FitReport, plan: CachePlan): Memory {
  const { device, devices, weightBytesPerRank, overheadBytes, cacheBytes, cacheBudgetBytes, decode } = report;
  const total = device.memoryBytes;
  const free = Math.max(0, cacheBudgetBytes - cacheBytes);
  const kept = Math.max(0, total - weightBytesPerRank - overheadBytes - cacheBytes - free);
  const parts: readonly (readonly [MemoryPart, string, number])[] = [
    ['weights', 'weights', weightBytesPerRank],
    ['overhead', 'activations, buffers', overheadBytes],
    ['cache', 'cache', cacheBytes],
    ['free', 'free', free],
    ['kept', 'left out', kept],
  ];
  let left = 1;
  // What is not there is not listed: nothing is free where it does not fit.
  const segments = parts
    .filter(([, , bytes]) => bytes > 0)
    .map(([part, label, bytes]): MemorySegment => {
      const share = Math.min(left, bytes / total);
      left -= share;
      return { part, label, text: formatBinary(bytes), share, percent: percentOf(bytes, total) };
    });
  const { tokens } = plan.scenario.workload;
  return {
    device: devices > 1 ? `${formatInteger(devices)} × ${device.name}` : device.name,
    size: formatBinary(total),
    segments,
    fits: report.fits,
    sequences: sequencesText(report.concurrentSequences, tokens),
    longest: longestText(report.longestContext, plan.scenario.workload.batch),
    // An encoder decodes nothing.
    decode:
      decode && plan.atLeast.totalBytes > 0
        ? `a decode step ${report.fits ? 'takes' : 'would take'} at best ${formatSeconds(decode.timeS)}`
        : null,
    limit: decode ? limitText(decode) : '',
  };
}

/** Ranks that are tried. */
const MOST_RANKS = 1024;

function problemText({ report, plan }: OverviewModel): string {
  if (!report || report.fits) return '';
  const { device, weights, overheadBytes } = report;
  const { scenario, spec } = plan;
  const { sharding } = scenario;
  const fits = (tp: number): boolean => {
    const weightBytes = weightBytesPerRank(weights, { tp, pp: sharding.pp });
    const room = cacheBudgetBytes({
      memoryBytes: device.memoryBytes,
      ...usualMemory(scenario),
      weightBytes,
      overheadBytes,
    });
    return room > 0 && planCache(spec, { ...scenario, sharding: { ...sharding, tp } }).atLeast.reservedBytes <= room;
  };
  let tp = sharding.tp * 2;
  while (tp < MOST_RANKS && !fits(tp)) tp *= 2;
  const what =
    report.cacheBudgetBytes <= 0 ? 'The weights alone do not fit' : 'The cache does not fit beside the weights';
  return `${what}${fits(tp) ? `: tensor parallelism over ${formatInteger(tp)} devices makes room` : ''}.`;
}

function sequencesText(fit: Fit, tokens: number): string {
  const length = `of ${formatInteger(tokens)} tokens`;
  if (fit.kind === 'none') return `no sequence ${length} fits`;
  if (fit.kind === 'unbounded') return `any number of sequences fits`;
  return `fits ${formatInteger(fit.value)} ${fit.value === 1 ? 'sequence' : 'sequences'} ${length}`;
}

function longestText(fit: Fit, batch: number): string {
  const of = batch === 1 ? '' : ` for ${formatInteger(batch)} sequences`;
  if (fit.kind === 'none') return '';
  return fit.kind === 'unbounded' ? `any context fits${of}` : `longest context${of} ${formatInteger(fit.value)} tokens`;
}

function memorySteps(report: FitReport, { plan, reading, deviceSource: source }: OverviewModel): readonly Step[] {
  const { device, devices, weights, weightBytesPerRank, overheadBytes, cacheBytes, cacheBudgetBytes } = report;
  return [
    text(
      `Weights: ${weights.exact ? '' : 'estimated from the config, '}${weights.rule} = ${formatBytes(weights.bytes)}${devices > 1 ? `, ${formatBytes(weightBytesPerRank)} on one of ${formatInteger(devices)} devices` : ''}. From`,
      [...parameterSources(reading), reading.spec.nativeDtypeSource].map(originOf).filter(({ range }) => range),
    ),
    text(
      `Cache: ${formatBytes(cacheBytes)}, as the engine reserves it${devices > 1 ? ', on one device' : ''}. From`,
      cacheOrigins(plan),
    ),
    text(
      `Room for the cache: ${formatBinary(device.memoryBytes)} × ${usualMemory(plan.scenario).fraction} − weights − ${formatBinary(overheadBytes)} for activations, graphs and buffers = ${formatBytes(cacheBudgetBytes)}. The rest is left out, as engines do by default.`,
    ),
    ...(source ? [text(`${device.name}: ${source.title}${source.verified ? '' : ' (not verified)'}.`)] : []),
  ];
}

function sequenceSteps(report: FitReport, plan: CachePlan): readonly Step[] {
  const { tokens, batch } = plan.scenario.workload;
  const { cachedTokens } = report;
  return [
    text(
      `The most sequences of ${formatInteger(tokens)} tokens whose reserve stays within ${formatBytes(report.cacheBudgetBytes)}, the room that the weights leave${cachedTokens.kind === 'count' ? `: ${formatInteger(cachedTokens.value)} tokens in all` : ''}.`,
    ),
    text(
      `The longest context: the most tokens of ${batch === 1 ? 'one sequence' : `${formatInteger(batch)} sequences`} in the same room.`,
    ),
    text('A sequence takes its bytes from', cacheOrigins(plan)),
  ];
}

function decodeSteps({ decode, device, devices }: FitReport, plan: CachePlan): readonly Step[] {
  if (!decode) return [];
  const { batch, tokens } = plan.scenario.workload;
  const each = devices > 1 ? ` of each of ${formatInteger(devices)} devices` : '';
  return [
    text(
      `One token for ${batch === 1 ? 'a sequence' : `each of ${formatInteger(batch)} sequences`} after ${formatInteger(tokens)}: reads ${formatBytes(decode.weightBytesRead)} of weights and ${formatBytes(decode.cacheBytesRead)} of cache, at ${formatInteger(device.bandwidthBytesPerS / 1e9)} GB/s${each}: ${formatSeconds(decode.memoryTimeS)}.`,
    ),
    text(`It computes ${formatFlops(decode.flops)} in ${decode.format}: ${formatSeconds(decode.computeTimeS)}.`),
    text(
      `${decode.intensityFlopsPerByte.toFixed(1)} operations a byte; the device needs ${decode.ridgeFlopsPerByte.toFixed(0)} to be busy. The longer of the two counts: an estimate of the best case, not a measurement.`,
    ),
    text('The cache follows from', cacheOrigins(plan)),
  ];
}
