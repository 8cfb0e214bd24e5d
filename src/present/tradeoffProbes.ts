/** What a changed cache can no longer do, as rows for the command line. */

import { isRefused, type MethodResult, type Sweep } from '../insight/tradeoff/result';
import type { ProbeResult } from '../insight/tradeoff/probes';
import { elementAt } from '../model/elementAt';

const TASKS: Readonly<Record<ProbeResult['name'], string>> = {
  induction: 'the second of two copies of what has no order',
  recall: 'what was said of three people',
  passkey: 'a number that was said at the beginning',
};

/** Below this share the unchanged model does not do the task either. */
const ABLE = 0.1;

/** One row for each method, the unchanged model first; empty where nothing was probed. */
export function probeRows({ unchanged, methods }: Sweep): readonly string[] {
  const { probes } = unchanged;
  if (probes.length === 0) return [];
  const found = methods.filter((one): one is MethodResult => !isRefused(one) && one.probes.length === probes.length);
  const rows = [
    ['', ...probes.map(({ name }) => name)],
    ['unchanged', ...probes.map(({ lossBefore, rightBefore }) => cell(rightBefore, lossBefore))],
    ...found.map((one) => [one.method, ...one.probes.map(({ lossAfter, rightAfter }) => cell(rightAfter, lossAfter))]),
  ];
  const widths = elementAt(rows, 0).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    '',
    'Long-range probes: tokens that stay right, and mean loss in nats. They break before the mean over the text does.',
    ...probes.map(
      ({ name, tokens, asked, distance, rightBefore }) =>
        `${name}: ${TASKS[name]}; ${asked} tokens asked for in ${tokens}, the first ${distance} back${
          rightBefore < ABLE ? '; the unchanged model does not do it: read the loss alone' : ''
        }`,
    ),
    ...rows.map((row) =>
      row
        .map((text, i) => (i === 0 ? text.padEnd(elementAt(widths, i)) : text.padStart(elementAt(widths, i) + 2)))
        .join('')
        .trimEnd(),
    ),
  ];
}

function cell(right: number, loss: number): string {
  return `${(100 * right).toFixed(1)} %, ${loss.toFixed(2)}`;
}
