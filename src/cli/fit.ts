/** `fit`: how much of a device weights and cache take, how many tokens and sequences fit, what limits decoding. */

import { type CachePlan, planCache } from '../cache/plan';
import { formatSize, formatInteger } from '../model/units';
import { ENGINE_NAMES } from '../model/scenario';
import {
  cellText,
  countRange,
  fitMarkdown,
  matrixMarkdown,
  partTexts,
  releaseText,
  rowText,
  verdictText,
} from '../present/fitText';
import { documentOf, heading, type Markdown, md, sentenceText } from '../present/markdown';
import { layersText, roomText } from '../present/verdictText';
import { howText, weightsHow } from '../present/memoryText';
import { formatSeconds } from '../present/quantities';
import { knownPart, NOT_KNOWN, notKnownText, scopedText } from '../present/sizeText';
import { contextText, engineText, limitText, workloadText } from '../present/words';
import { type FitReport, type FitRequest, fitModel } from '../serving/fit';
import { possibleDecode } from '../serving/roofline';
import type { Device } from '../serving/device';
import { DEVICE_COUNTS, fitMatrix, type MatrixRow } from '../serving/fitMatrix';
import { deviceOf, DEVICES, sourceOf } from '../serving/hardware';
import { countParameters } from '../serving/parameters/count';
import { type Suggestion, suggestionsFor } from '../serving/suggestions';
import { scenarioWeights } from '../serving/weightFormats';
import type { WeightBytes } from '../serving/weights';
import type { Reading } from '../reading/read';
import { localWeights } from '../weights/localWeights';
import { below, json, line, lines, type Screen, table, type TerminalText, toned } from '../present/terminal';
import { decimalOf, parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { InputError, UsageError } from './errors';
import { modelName, PAGE_OPTION, pageFile, writePage } from './htmlOut';
import { STANDARD_INPUT } from './modelFiles';
import type { CliOutput } from './output';

const GIB = 2 ** 30;

/** Exit code where it was understood, and does not fit. Tight or not known is 0: nothing says that it does not. */
const DOES_NOT_FIT = 3;

export async function fit(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...SCENARIO_OPTIONS,
    ...PAGE_OPTION,
    gpu: { type: 'string' },
    fraction: { type: 'string' },
    'of-free': { type: 'boolean' },
    'overhead-gib': { type: 'string' },
  });
  const [path, ...more] = paths;
  if (path === undefined || more.length > 0) throw new UsageError('fit takes one PATH');
  const asked = values['gpu'];
  const device = typeof asked === 'string' ? deviceOf(asked) : null;
  if (asked !== undefined && !device)
    throw new UsageError(`--gpu must be one of ${DEVICES.map(({ id }) => id).join(', ')}`);
  const page = pageFile(values);
  const scenario = scenarioOf(values);
  if (values['tokens'] === undefined && values['json'] !== true)
    output.err(line('for a context of 1 token: --tokens 32k asks for one of 32,768, --batch for several at once'));
  const { reading, file } = await readConfig(path, values, output.err);
  const stored =
    scenario.weights === undefined && file !== STANDARD_INPUT
      ? await localWeights(file, (text) => output.err(line(text)))
      : null;
  const plan = planCache(reading.spec, scenario);
  if (!device) {
    const common = { reading, scenario, weights: stored };
    const rows = fitMatrix(common, DEVICES);
    const weights = scenarioWeights(reading, scenario, stored, countParameters(reading));
    if (plan.known && !weights) throw noWeights(file, reading);
    if (page !== null) {
      const name = modelName(file);
      const markdown =
        plan.known && weights ? matrixMarkdown(name, rows, scenario, weights) : notKnownMarkdown(name, plan);
      await writePage(page, { title: `What ${name} fits on`, markdown }, output);
      return 0;
    }
    output.out(
      values['json'] === true
        ? json({
            weights,
            rows: rows.map(({ device: { id, name }, cells, fitsFrom }) => ({ id, name, cells, fitsFrom })),
          })
        : matrixText(rows, plan, weights, output.screen),
    );
    return 0;
  }
  if (!plan.known) {
    if (page !== null) {
      const name = modelName(file);
      await writePage(page, { title: `${name} on ${device.name}`, markdown: notKnownMarkdown(name, plan) }, output);
      return 0;
    }
    // No verdict: what is known, and what to do. JSON has null where an answer would stand.
    const unknown = { device, fits: null, cacheBytes: null, atLeast: knownPart(plan), problem: notKnownText(plan) };
    output.out(values['json'] === true ? json(unknown) : unknownText(plan, device));
    return 0;
  }
  const request: FitRequest = {
    reading,
    device,
    scenario,
    weights: stored,
    ...optional('fraction', decimalOf(values, 'fraction', 1)),
    ...(values['of-free'] === true ? { fractionRule: 'ofFree' as const } : {}),
    ...optional('overheadBytes', decimalOf(values, 'overhead-gib', 1_000), GIB),
  };
  const report = fitModel(request);
  if (!report) throw noWeights(file, reading);
  const suggestions = suggestionsFor(request, report);
  const code = report.verdict === 'doesNotFit' || report.verdict === 'refused' ? DOES_NOT_FIT : 0;
  if (page !== null) {
    const name = modelName(file);
    const markdown = fitMarkdown(name, report, scenario, suggestions);
    await writePage(page, { title: `${name} on ${device.name}`, markdown }, output);
    return code;
  }
  output.out(
    values['json'] === true
      ? json({
          ...report,
          parts: report.parts.map((part) => ({ ...part, how: howText(part, report.weights) })),
          source: sourceOf(device),
          engine: engineJson(plan),
          suggestions: suggestions.map(({ text, flag, report: then }) => ({
            text,
            flag,
            verdict: then.verdict,
            low: then.low,
          })),
        })
      : toned(fitText(report, plan, suggestions), VERDICT_TONES, output.screen),
  );
  return code;
}

function notKnownMarkdown(name: string, plan: CachePlan): Markdown {
  return documentOf([
    heading(1, md`${name}`),
    md`**Whether it fits is not known.** ${sentenceText(notKnownText(plan))}`,
  ]);
}

function noWeights(file: string, reading: Reading): InputError {
  return new InputError(
    countParameters(reading)
      ? `${file}: there are no weights beside it, and its quantisation is not known: choose a type with --weights FORMAT`
      : `${file}: there are no weights beside it, and its parameters cannot be counted`,
  );
}

/** Devices against their number, the smallest that fits first. */
function matrixText(
  rows: readonly MatrixRow[],
  plan: CachePlan,
  weights: WeightBytes | null,
  screen: Screen | undefined,
): TerminalText {
  if (!plan.known) return lines([`whether it fits is not known. ${notKnownText(plan)}`]);
  const head = ['devices', ...DEVICE_COUNTS.map(formatInteger), ''];
  const cells = rows.map((row) => [row.device.name, ...row.cells.map(cellText), rowText(row)]);
  const alignments = head.map((_, column) => (column === 0 || column === head.length - 1 ? 'left' : 'right'));
  return below(
    lines([
      ...(weights ? [`weights ${formatSize(weights.bytes)} in total (${weightsHow(weights)})`] : []),
      `cache at ${contextText(plan)}`,
    ]),
    toned(table(head, cells, alignments, screen), VERDICT_TONES, screen),
    line(
      'sorted by total memory; tight: may fit or not, since start-up memory is known only as a range. --gpu ID shows one device in detail',
    ),
  );
}

const VERDICT_TONES = [
  [/\bfits\b/g, 'good'],
  [/\btight\b/g, 'mild'],
  [/\b(?:does not fit|refuses)\b/g, 'bad'],
] as const;

function unknownText(plan: CachePlan, device: Device): TerminalText {
  const size = scopedText(plan, 'reservedBytes');
  return lines([
    `${device.name}, ${formatSize(device.memoryBytes)} each`,
    ...(size === NOT_KNOWN ? [] : [`cache ${size} at ${contextText(plan)}`]),
    `whether it fits is not known. ${notKnownText(plan)}`,
  ]);
}

/** As `estimate` names it. */
function engineJson({ engine, setup }: CachePlan): Record<string, unknown> {
  return { rule: engine.id, release: setup.release.id, date: setup.release.date, options: setup.options };
}

/** Given, in another unit; absent where it is not. */
function optional<K extends 'fraction' | 'overheadBytes'>(
  key: K,
  value: number | undefined,
  unit = 1,
): Partial<Record<K, number>> {
  const given: Partial<Record<K, number>> = {};
  if (value !== undefined) given[key] = value * unit;
  return given;
}

function fitText(report: FitReport, plan: CachePlan, suggestions: readonly Suggestion[]): TerminalText {
  const { scenario } = plan;
  const { device, devices } = report;
  const decode = possibleDecode(report);
  const context = `${workloadText(scenario)}, ${engineText(scenario)}`;
  const found = [
    ...(report.refused === null ? [] : [`${ENGINE_NAMES[scenario.engine]} refuses ${report.refused}`]),
    `${devices > 1 ? `${formatInteger(devices)} × ` : ''}${device.name}, ${formatSize(device.memoryBytes)} each; the engine uses ${(report.fraction * 100).toFixed(0)} % of it`,
    ...(report.layers ? [layersText(report.layers)] : []),
    ...partTexts(report).map(([name, size, how]) => `${name} ${size} per device (${how})`),
    `room for the cache: ${roomText(report)}`,
    `cache ${scopedText(plan, 'reservedBytes')} at ${context}: ${verdictText(report)}`,
    `room for ${countRange(report, 'concurrentSequences', 'sequences')} of this length, ${countRange(report, 'cachedTokens', 'tokens')} in total; longest context ${countRange(report, 'longestContext', 'tokens')}`,
    ...suggestions.map(({ text, flag }) => `would fit with ${text}: ${flag}`),
    ...(report.verdict === 'fits' || suggestions.length > 0 ? [] : ['none of the changes tried makes it fit']),
    releaseText(scenario, '0.6'),
  ];
  if (decode) {
    found.push(
      `a decode step takes at least ${formatSeconds(decode.timeS)} (${limitText(decode)}): reads ${formatSize(decode.weightBytesRead)} of weights and ${formatSize(decode.cacheBytesRead)} of cache; ` +
        `${decode.intensityFlopsPerByte.toFixed(1)} operations per byte, ridge point at ${decode.ridgeFlopsPerByte.toFixed(0)}`,
    );
  }
  return lines(found);
}
