/** `fit`: how much of a device weights and cache take, how many tokens and sequences fit, what limits decoding. */

import { type CachePlan, planCache } from '../cache/plan';
import { ENGINE_NAMES } from '../model/scenario';
import { formatBinary, formatInteger } from '../model/units';
import { formatSeconds } from '../present/quantities';
import { knownPart, NOT_KNOWN, notKnownText, sizeText } from '../present/sizeText';
import { contextText, engineText, limitText, workloadText } from '../present/words';
import type { Fit } from '../serving/capacity';
import { type FitReport, fitModel, usualMemory } from '../serving/fit';
import type { Device } from '../serving/device';
import { deviceOf, DEVICES, sourceOf } from '../serving/hardware';
import { localWeights } from '../weights/localWeights';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { InputError, UsageError } from './errors';
import type { CliOutput } from './output';

const GIB = 2 ** 30;

export async function fit(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...SCENARIO_OPTIONS,
    gpu: { type: 'string' },
    fraction: { type: 'string' },
    'of-free': { type: 'boolean' },
    'overhead-gib': { type: 'string' },
  });
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('fit takes one PATH');
  const device = typeof values['gpu'] === 'string' ? deviceOf(values['gpu']) : null;
  if (!device) throw new UsageError(`--gpu must be one of ${DEVICES.map(({ id }) => id).join(', ')}`);
  const scenario = scenarioOf(values);
  const { reading, file } = await readConfig(path, values, output.err);
  const plan = planCache(reading.spec, scenario);
  if (!plan.known) {
    // No verdict: what is known, and what to do. JSON has null where an answer would stand.
    const unknown = { device, fits: null, cacheBytes: null, atLeast: knownPart(plan), problem: notKnownText(plan) };
    output.out(values['json'] === true ? JSON.stringify(unknown) : unknownText(plan, device));
    return 0;
  }
  const usual = usualMemory(scenario);
  const report = fitModel({
    reading,
    device,
    scenario,
    weights: await localWeights(file, output.err),
    fraction: decimal(values['fraction'], usual.fraction, 'fraction', 1),
    fractionRule: values['of-free'] === true ? 'ofFree' : 'ofTotal',
    overheadBytes: decimal(values['overhead-gib'], usual.overheadBytes / GIB, 'overhead-gib', 1_000) * GIB,
  });
  if (!report) throw new InputError(`${file}: there are no weights beside it, and its parameters cannot be counted`);
  output.out(
    values['json'] === true
      ? JSON.stringify({ ...report, source: sourceOf(device), engine: engineJson(plan) })
      : fitText(report, plan),
  );
  return 0;
}

function unknownText(plan: CachePlan, device: Device): string {
  const size = sizeText(plan, 'reservedBytes');
  return [
    `${device.name}, ${formatBinary(device.memoryBytes)} each`,
    ...(size === NOT_KNOWN ? [] : [`cache ${size} at ${contextText(plan)}`]),
    `whether it fits is not known. ${notKnownText(plan)}`,
  ].join('\n');
}

function decimal(text: string | boolean | undefined, fallback: number, name: string, most: number): number {
  if (text === undefined) return fallback;
  const value = typeof text === 'string' ? Number(text) : Number.NaN;
  if (!Number.isFinite(value) || value < 0 || value > most)
    throw new UsageError(`--${name} must be a number from 0 to ${most}`);
  return value;
}

/** As `estimate` names it. */
function engineJson({ engine, setup }: CachePlan): Record<string, unknown> {
  return { rule: engine.id, release: setup.release.id, date: setup.release.date, options: setup.options };
}

function fitText(report: FitReport, { scenario }: CachePlan): string {
  const { device, devices, weights, decode } = report;
  const lines = [
    ...(report.refused === null ? [] : [`${ENGINE_NAMES[scenario.engine]} refuses ${report.refused}`]),
    `${devices > 1 ? `${devices} × ` : ''}${device.name}, ${formatBinary(device.memoryBytes)} each`,
    `weights ${formatBinary(report.weightBytesPerRank)} a device (${weights.exact ? '' : 'estimated: '}${weights.rule}), overhead ${formatBinary(report.overheadBytes)}`,
    report.cacheBudgetBytes < 0
      ? 'the weights alone do not fit'
      : `cache ${formatBinary(report.cacheBytes)} of ${formatBinary(report.cacheBudgetBytes)} at ${workloadText(scenario)}, ${engineText(scenario)}: ${report.fits ? 'fits' : 'does not fit'}`,
    `fits ${fitCount(report.concurrentSequences, 'sequences')} of this length, ${fitCount(report.cachedTokens, 'tokens')} in all; longest context ${fitCount(report.longestContext, 'tokens')}`,
  ];
  if (decode) {
    lines.push(
      `a decode step takes at best ${formatSeconds(decode.timeS)} (${limitText(decode)}): reads ${formatBinary(decode.weightBytesRead)} of weights and ${formatBinary(decode.cacheBytesRead)} of cache; ` +
        `${decode.intensityFlopsPerByte.toFixed(1)} operations a byte, ridge at ${decode.ridgeFlopsPerByte.toFixed(0)}`,
    );
  }
  return lines.join('\n');
}

function fitCount(fit: Fit, unit: string): string {
  if (fit.kind === 'none') return `no ${unit}`;
  return fit.kind === 'unbounded' ? `any number of ${unit}` : `${formatInteger(fit.value)} ${unit}`;
}
