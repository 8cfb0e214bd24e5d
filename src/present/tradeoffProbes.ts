/** What a changed cache can no longer do: in words for every surface, as rows for the command line. */

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

/** What the numbers of probes are. */
export const PROBES_LEGEND =
  'Long-range probes: tokens that stay right, and mean loss in nats. They break before the mean over the text does.';

/** What was asked, and how far back the answer lies; that the unchanged model does not do it, where that is so. */
export function probeAbout({ name, tokens, asked, distance, rightBefore }: ProbeResult): string {
  const unable = rightBefore < ABLE ? '; the unchanged model does not do it: read the loss alone' : '';
  return `${TASKS[name]}; ${asked} tokens asked for in ${tokens}, the first ${distance} back${unable}`;
}

/** Of the unchanged model, and with the method. */
export function probeCells({
  lossBefore,
  rightBefore,
  lossAfter,
  rightAfter,
}: ProbeResult): readonly [before: string, after: string] {
  return [cell(rightBefore, lossBefore), cell(rightAfter, lossAfter)];
}

/** A title and a row for each method, the unchanged model first; null where nothing was probed. */
export function probeTable({ unchanged, methods }: Pick<Sweep, 'unchanged' | 'methods'>): readonly string[][] | null {
  const { probes } = unchanged;
  if (probes.length === 0) return null;
  const found = methods.filter((one): one is MethodResult => !isRefused(one) && one.probes.length === probes.length);
  return [
    ['', ...probes.map(({ name }) => name)],
    ['unchanged', ...probes.map((probe) => probeCells(probe)[0])],
    ...found.map((one) => [one.method, ...one.probes.map((probe) => probeCells(probe)[1])]),
  ];
}

/** The table as rows; empty where nothing was probed. */
export function probeRows(sweep: Sweep): readonly string[] {
  const rows = probeTable(sweep);
  if (rows === null) return [];
  const widths = elementAt(rows, 0).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    '',
    PROBES_LEGEND,
    ...sweep.unchanged.probes.map((probe) => `${probe.name}: ${probeAbout(probe)}`),
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
