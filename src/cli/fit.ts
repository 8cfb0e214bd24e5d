/** `fit`: how much of a device weights and cache take, how many tokens and sequences fit, what limits decoding. */

import { type CachePlan, planCache } from '../cache/plan';
import { ENGINE_NAMES } from '../model/scenario';
import { formatBinary, formatInteger } from '../model/units';
import { formatSeconds } from '../present/quantities';
import { knownPart, NOT_KNOWN, notKnownText, sizeText } from '../present/sizeText';
import { contextText, limitText } from '../present/words';
import type { Fit } from '../serving/capacity';
import { type FitReport, fitModel, usualMemory } from '../serving/fit';
import type { Device } from '../serving/device';
import { deviceOf, DEVICES, sourceOf } from '../serving/hardware';
import { localWeights } from '../weights/localWeights';
import { json, line, lines, type TerminalText } from '../present/terminal';
import { decimalOf, parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
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
    output.out(values['json'] === true ? json(unknown) : unknownText(plan, device));
    return 0;
  }
  const usual = usualMemory(scenario);
  const overheadGib = decimalOf(values, 'overhead-gib', 1_000);
  const report = fitModel({
    reading,
    device,
    scenario,
    weights: await localWeights(file, (text) => output.err(line(text))),
    fraction: decimalOf(values, 'fraction', 1) ?? usual.fraction,
    fractionRule: values['of-free'] === true ? 'ofFree' : 'ofTotal',
    overheadBytes: overheadGib === undefined ? usual.overheadBytes : overheadGib * GIB,
  });
  if (!report) throw new InputError(`${file}: there are no weights beside it, and its parameters cannot be counted`);
  const context = `${formatInteger(scenario.workload.batch)} × ${formatInteger(scenario.workload.tokens)} tokens, ${ENGINE_NAMES[scenario.engine]}`;
  output.out(
    values['json'] === true
      ? json({ ...report, source: sourceOf(device) })
      : fitText(report, context, ENGINE_NAMES[scenario.engine]),
  );
  return 0;
}

function unknownText(plan: CachePlan, device: Device): TerminalText {
  const size = sizeText(plan, 'reservedBytes');
  return lines([
    `${device.name}, ${formatBinary(device.memoryBytes)} each`,
    ...(size === NOT_KNOWN ? [] : [`cache ${size} at ${contextText(plan)}`]),
    `whether it fits is not known. ${notKnownText(plan)}`,
  ]);
}

function fitText(report: FitReport, context: string, engine: string): TerminalText {
  const { device, devices, weights, decode } = report;
  const found = [
    ...(report.refused === null ? [] : [`${engine} refuses ${report.refused}`]),
    `${devices > 1 ? `${devices} × ` : ''}${device.name}, ${formatBinary(device.memoryBytes)} each`,
    `weights ${formatBinary(report.weightBytesPerRank)} a device (${weights.exact ? '' : 'estimated: '}${weights.rule}), overhead ${formatBinary(report.overheadBytes)}`,
    report.cacheBudgetBytes < 0
      ? 'the weights alone do not fit'
      : `cache ${formatBinary(report.cacheBytes)} of ${formatBinary(report.cacheBudgetBytes)} at ${context}: ${report.fits ? 'fits' : 'does not fit'}`,
    `fits ${fitCount(report.concurrentSequences, 'sequences')} of this length, ${fitCount(report.cachedTokens, 'tokens')} in all; longest context ${fitCount(report.longestContext, 'tokens')}`,
  ];
  if (decode) {
    found.push(
      `a decode step takes at best ${formatSeconds(decode.timeS)} (${limitText(decode)}): reads ${formatBinary(decode.weightBytesRead)} of weights and ${formatBinary(decode.cacheBytesRead)} of cache; ` +
        `${decode.intensityFlopsPerByte.toFixed(1)} operations a byte, ridge at ${decode.ridgeFlopsPerByte.toFixed(0)}`,
    );
  }
  return lines(found);
}

function fitCount(fit: Fit, unit: string): string {
  if (fit.kind === 'none') return `no ${unit}`;
  return fit.kind === 'unbounded' ? `any number of ${unit}` : `${formatInteger(fit.value)} ${unit}`;
}
