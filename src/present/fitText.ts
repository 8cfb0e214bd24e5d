/** A model on a device, as a line and as a Markdown document. */

import type { Scenario } from '../model/scenario';
import { formatSize, formatBytes, formatInteger } from '../model/units';
import type { Fit } from '../serving/capacity';
import type { FitReport, Verdict } from '../serving/fit';
import { possibleDecode } from '../serving/roofline';
import { sourceOf } from '../serving/hardware';
import { DEVICE_COUNTS, type MatrixCell, type MatrixRow } from '../serving/fitMatrix';
import type { MemoryPart } from '../serving/memory';
import type { WeightBytes } from '../serving/weights';
import { documentOf, heading, list, type Markdown, md, table } from './markdown';
import { howText } from './memoryText';
import { formatSeconds } from './quantities';
import { chosenText, roomText } from './verdictText';
import { engineText, limitText, sentence, tokensText, workloadText } from './words';

/** "12 sequences", "1 sequence", "no sequences", "any number of sequences". */
function fitCount(fit: Fit, unit: string): string {
  if (fit.kind === 'none') return `no ${unit}`;
  if (fit.kind === 'unbounded') return `any number of ${unit}`;
  return `${formatInteger(fit.value)} ${fit.value === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** "12 to 15 sequences", "0 to 3 sequences", "12 sequences" where both ends are one. */
export function countRange(
  report: FitReport,
  key: 'longestContext' | 'concurrentSequences' | 'cachedTokens',
  unit: string,
): string {
  const [low, high] = [report.low[key], report.high[key]];
  const most = fitCount(high, unit);
  if (low.kind === high.kind && (low.kind !== 'count' || high.kind !== 'count' || low.value === high.value))
    return most;
  return `${low.kind === 'count' ? formatInteger(low.value) : '0'} to ${most}`;
}

/** " on each of 8"; empty for one device. */
export function onEach({ devices }: Pick<FitReport, 'devices'>): string {
  return devices > 1 ? ` on each of ${formatInteger(devices)}` : '';
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  fits: 'fits',
  tight: 'tight (it may or may not start)',
  doesNotFit: 'does not fit',
  refused: 'the engine refuses this set-up',
};

export function verdictText(report: FitReport): string {
  if (report.verdict === 'doesNotFit' && report.high.cacheBudgetBytes <= 0)
    return 'does not fit: the weights leave no room';
  return VERDICTS[report.verdict];
}

/** "fits: 12 to 15 sequences at once, longest context 412,312 to 501,222 tokens"; "does not fit: …". */
export function fitLine(report: FitReport): string {
  if (report.high.cacheBudgetBytes <= 0 || report.verdict === 'refused') return verdictText(report);
  const longest = `longest context ${countRange(report, 'longestContext', 'tokens')}`;
  return report.verdict === 'doesNotFit'
    ? `${verdictText(report)}: ${longest}`
    : `${verdictText(report)}: ${countRange(report, 'concurrentSequences', 'sequences')} at once, ${longest}`;
}

const VERDICT_MARKS: Readonly<Record<Verdict, string>> = {
  fits: 'fits',
  tight: 'tight',
  doesNotFit: '–',
  refused: 'refused',
};

/** "fits", "tight", "–", "refused"; "?" where it is not known. */
export function cellText({ verdict }: MatrixCell): string {
  return verdict === null ? '?' : VERDICT_MARKS[verdict];
}

/** "fits on 2 × 24 GiB, 48 GiB in all". */
export function rowText({ device, fitsFrom, cells }: MatrixRow): string {
  if (fitsFrom === null)
    return cells.some(({ verdict }) => verdict === 'tight')
      ? `tight on ${cells
          .filter(({ verdict }) => verdict === 'tight')
          .map(({ devices }) => formatInteger(devices))
          .join(', ')}`
      : `does not fit on up to ${formatInteger(cells.at(-1)?.devices ?? 1)} devices`;
  return fitsFrom === 1
    ? `fits on one device, ${formatSize(device.memoryBytes)}`
    : `fits from ${formatInteger(fitsFrom)} devices up, ${formatInteger(fitsFrom)} × ${formatSize(device.memoryBytes)} = ${formatSize(fitsFrom * device.memoryBytes)}`;
}

const PART_NAMES: Readonly<Record<MemoryPart['part'], string>> = {
  weights: 'weights',
  activations: 'activations',
  graphs: 'graphs',
  other: 'other',
};

/** A part of the memory that is not cache: name, size and how it was found. */
export function partTexts(report: FitReport): readonly (readonly [name: string, size: string, how: string])[] {
  return report.parts
    .filter(({ bytes }) => bytes.high > 0)
    .map((item) => {
      const { part, bytes } = item;
      const [from, to] = [formatSize(Math.max(0, Math.round(bytes.low))), formatSize(Math.round(bytes.high))];
      return [PART_NAMES[part], from === to ? to : `${from} to ${to}`, howText(item, report.weights)] as const;
    });
}

/** Which releases the range is for: from `oldest` where none is named. */
export function releaseText({ engine, release }: Scenario, oldest = '0.8'): string {
  return engine === 'vllm' && release === undefined
    ? `The range covers vLLM from ${oldest} to today; naming a release (vllm@2026-08) narrows it.`
    : 'The range comes from a model fitted to published start-up logs; it is not a measurement.';
}

/** Devices against their number, the smallest that fits first. */
export function matrixMarkdown(
  name: string,
  rows: readonly MatrixRow[],
  scenario: Scenario,
  weights: WeightBytes,
): Markdown {
  const counts = DEVICE_COUNTS.map(formatInteger);
  return documentOf([
    heading(1, md`${name}: what it fits on`),
    md`At ${workloadText(scenario)} · cache in ${scenario.kvDtype} · ${engineText(scenario)}. Weights: ${formatSize(weights.bytes)} in total${weights.chosen ? `, ${chosenText(weights.chosen)}` : ''}: ${weights.rule}.`,
    table(
      ['device', 'memory', ...counts, 'total, from'],
      rows.map((row) => [
        row.device.name,
        formatSize(row.device.memoryBytes),
        ...row.cells.map(cellText),
        row.fitsFrom === null ? '–' : formatSize(row.fitsFrom * row.device.memoryBytes),
      ]),
      ['left', 'right', ...counts.map(() => 'right' as const), 'right'],
    ),
    md`Sorted by total memory, which prices roughly follow (Headlight does not know prices). Tight: it may fit or not, since start-up memory is known only as a range.`,
  ]);
}

export function fitMarkdown(
  name: string,
  report: FitReport,
  scenario: Scenario,
  suggestions: readonly { readonly text: string }[] = [],
): Markdown {
  const { device, devices } = report;
  const decode = possibleDecode(report);
  const source = sourceOf(device);
  const where = `${devices > 1 ? `${devices} × ` : ''}${device.name}`;
  const rows = [
    ['Memory of one device', formatBytes(device.memoryBytes), device.memoryBasis],
    ...partTexts(report).map(([name, size, how]) => [name === 'weights' ? 'Weights on it' : sentence(name), size, how]),
    ['Left for the cache', roomText(report), `of the ${Math.round(report.fraction * 100)} % that the engine uses`],
    [`Cache of the scenario${onEach(report)}`, formatBytes(report.cacheBytes), verdictText(report)],
  ];
  return documentOf([
    heading(1, md`${name} on ${where}`),
    md`**${fitLine(report)}** at ${workloadText(scenario)} · ${scenario.kvDtype} · ${engineText(scenario)}`,
    table(['', 'size', ''], rows, ['left', 'right', 'left']),
    list([
      ...(suggestions.length > 0
        ? [md`What would make it fit: ${suggestions.map(({ text }) => text).join('; or ')}`]
        : []),
      md`Longest context for ${formatInteger(scenario.workload.batch)} at once: ${countRange(report, 'longestContext', 'tokens')}`,
      md`Sequences of ${tokensText(scenario.workload.tokens)} at once: ${countRange(report, 'concurrentSequences', 'sequences')}, ${countRange(report, 'cachedTokens', 'tokens')} in total`,
      releaseText(scenario),
      ...(decode
        ? [
            md`A decode step takes at least ${formatSeconds(decode.timeS)}, ${limitText(decode)}: it reads ${formatSize(decode.weightBytesRead)} of weights and ${formatSize(decode.cacheBytesRead)} of cache; ${decode.intensityFlopsPerByte.toFixed(1)} operations per byte, with the device's ridge point at ${decode.ridgeFlopsPerByte.toFixed(0)}. A bound, not a measurement`,
          ]
        : []),
      ...(source ? [md`Device: ${source.title}${source.verified ? '' : ' (not verified)'}`] : []),
      ...(device.note === undefined ? [] : [device.note]),
    ]),
  ]);
}
