/** A model on a device, as a line and as a Markdown document. */

import type { Scenario } from '../model/scenario';
import { formatBinary, formatBytes, formatInteger } from '../model/units';
import type { Fit } from '../serving/capacity';
import type { FitReport } from '../serving/fit';
import { sourceOf } from '../serving/hardware';
import { escapeText, table } from './markdown';
import { formatSeconds } from './quantities';
import { engineText, limitText, workloadText } from './words';

/** "12 sequences", "1 sequence", "no sequences", "any number of sequences". */
function fitCount(fit: Fit, unit: string): string {
  if (fit.kind === 'none') return `no ${unit}`;
  if (fit.kind === 'unbounded') return `any number of ${unit}`;
  return `${formatInteger(fit.value)} ${fit.value === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** "fits: 12 sequences at once, longest context 412,312 tokens"; "does not fit: …". */
export function fitLine(report: FitReport): string {
  if (report.cacheBudgetBytes <= 0) return 'the weights alone do not fit';
  const longest = `longest context ${fitCount(report.longestContext, 'tokens')}`;
  return report.fits
    ? `fits: ${fitCount(report.concurrentSequences, 'sequences')} at once, ${longest}`
    : `does not fit: ${longest}`;
}

export function fitMarkdown(name: string, report: FitReport, scenario: Scenario): string {
  const { device, devices, weights, decode } = report;
  const source = sourceOf(device);
  const where = `${devices > 1 ? `${devices} × ` : ''}${device.name}`;
  const rows = [
    ['Memory of one device', formatBytes(device.memoryBytes), device.memoryBasis],
    ['Weights on it', formatBytes(report.weightBytesPerRank), `${weights.exact ? '' : 'estimated: '}${weights.rule}`],
    ['Activations, graphs, buffers', formatBytes(report.overheadBytes), 'assumed'],
    ['Left for the cache', formatBytes(report.cacheBudgetBytes), 'within the share of the memory that engines take'],
    ['Cache of the scenario', formatBytes(report.cacheBytes), report.fits ? 'fits' : 'does not fit'],
  ];
  return [
    `# ${escapeText(name)} on ${escapeText(where)}`,
    `**${escapeText(fitLine(report))}** at ${escapeText(`${workloadText(scenario)} · ${scenario.kvDtype} · ${engineText(scenario)}`)}`,
    table(
      ['', 'size', ''],
      rows.map((row) => row.map(escapeText)),
      ['left', 'right', 'left'],
    ),
    [
      `- Longest context of ${formatInteger(scenario.workload.batch)} at once: ${fitCount(report.longestContext, 'tokens')}`,
      `- Sequences of ${formatInteger(scenario.workload.tokens)} tokens at once: ${fitCount(report.concurrentSequences, 'sequences')}, ${fitCount(report.cachedTokens, 'tokens')} in all`,
      ...(decode
        ? [
            `- A decode step takes at best ${formatSeconds(decode.timeS)}, ${limitText(decode)}: it reads ${formatBinary(decode.weightBytesRead)} of weights and ${formatBinary(decode.cacheBytesRead)} of cache; ${decode.intensityFlopsPerByte.toFixed(1)} operations a byte, where the device's ridge is at ${decode.ridgeFlopsPerByte.toFixed(0)}. A bound, not a measurement`,
          ]
        : []),
      ...(source ? [`- Device: ${escapeText(source.title)}${source.verified ? '' : ' (not verified)'}`] : []),
      ...(device.note === undefined ? [] : [`- ${escapeText(device.note)}`]),
    ].join('\n'),
    '',
  ].join('\n\n');
}
