/** A model on a device, as a line and as a Markdown document. */

import { ENGINE_NAMES, type Scenario } from '../model/scenario';
import { formatBinary, formatBytes, formatInteger } from '../model/units';
import type { Fit } from '../serving/capacity';
import type { FitReport } from '../serving/fit';
import { sourceOf } from '../serving/hardware';
import { documentOf, heading, list, type Markdown, md, table } from './markdown';
import { formatSeconds } from './quantities';
import { limitText, workloadText } from './words';

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

export function fitMarkdown(name: string, report: FitReport, scenario: Scenario): Markdown {
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
  return documentOf([
    heading(1, md`${name} on ${where}`),
    md`**${fitLine(report)}** at ${workloadText(scenario)} · ${scenario.kvDtype} · ${ENGINE_NAMES[scenario.engine]}`,
    table(['', 'size', ''], rows, ['left', 'right', 'left']),
    list([
      md`Longest context of ${formatInteger(scenario.workload.batch)} at once: ${fitCount(report.longestContext, 'tokens')}`,
      md`Sequences of ${formatInteger(scenario.workload.tokens)} tokens at once: ${fitCount(report.concurrentSequences, 'sequences')}, ${fitCount(report.cachedTokens, 'tokens')} in all`,
      ...(decode
        ? [
            md`A decode step takes at best ${formatSeconds(decode.timeS)}, ${limitText(decode)}: it reads ${formatBinary(decode.weightBytesRead)} of weights and ${formatBinary(decode.cacheBytesRead)} of cache; ${decode.intensityFlopsPerByte.toFixed(1)} operations a byte, where the device's ridge is at ${decode.ridgeFlopsPerByte.toFixed(0)}. A bound, not a measurement`,
          ]
        : []),
      ...(source ? [md`Device: ${source.title}${source.verified ? '' : ' (not verified)'}`] : []),
      ...(device.note === undefined ? [] : [device.note]),
    ]),
  ]);
}
