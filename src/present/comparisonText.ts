/** A comparison as cells, Markdown, CSV and plain text. Panel, palette and command line show these strings. */

import { type Comparison, type ComparisonRow, requestText } from '../serving/comparison';
import { csv } from './csv';
import { documentOf, heading, list, type Markdown, md, sentenceText, table } from './markdown';
import { formatCount, formatDelta, formatFlops, formatSeconds } from './quantities';
import { growthText, hasState, inAllBytes, notKnownText, ratioText, sizeInAllText, sizeText } from './sizeText';
import { engineText, workloadText } from './words';
import { elementAt } from '../model/elementAt';
import { formatInteger } from '../model/units';
import { below, line, type Screen, table as terminalTable, type TerminalText } from './terminal';

export interface ComparisonColumn {
  readonly id: 'design' | 'perToken' | 'cache' | 'each' | 'state' | 'ratio' | 'parameters' | 'flops' | 'decode';
  readonly title: string;
  /** What the numbers of the column are, for those who ask. */
  readonly about: string;
}

/** Rows as they are shown; the first is what the others are measured against. */
export interface ComparisonTable {
  /** "Cache at 1 × 32,768 tokens · bf16 · intrinsic · decoding on H100 SXM 80GB". */
  readonly title: string;
  readonly columns: readonly ComparisonColumn[];
  /** By row, then by column. */
  readonly cells: readonly (readonly string[])[];
}

/** What stands where a number is not known. */
const UNKNOWN = '–';

export function comparisonTable(comparison: Comparison): ComparisonTable {
  const columns = columnsOf(comparison);
  return {
    title: comparisonTitle(comparison),
    columns,
    cells: comparison.rows.map((row) => columns.map((column) => cell(column.id, row, comparison))),
  };
}

export function comparisonTitle({ scenario, device, rows }: Comparison): string {
  const formats = [...new Set(rows.map((row) => row.plan.kvDtype))];
  const parts = [
    workloadText(scenario),
    formats.length === 1 ? formats[0] : 'each in its own type',
    engineText(scenario),
  ];
  const devices = devicesOf(rows);
  if (devices > 1) parts.push(`all ${formatInteger(devices)} devices`);
  if (device)
    parts.push(
      `decoding on ${device.name}${scenario.weights ? ` with ${scenario.weights} weights (your choice)` : ''}`,
    );
  return `Cache at ${parts.join(' · ')}`;
}

/** Devices that the largest number of rows' caches lie on: engines may use fewer for some. */
function devicesOf(rows: readonly ComparisonRow[]): number {
  return Math.max(1, ...rows.map(({ plan }) => plan.everywhere.devices));
}

function columnsOf({ rows, device }: Comparison): ComparisonColumn[] {
  const withState = rows.some((row) => hasState(row.plan));
  return [
    { id: 'design', title: 'Design', about: 'The model itself, and the same model with another attention design' },
    {
      id: 'perToken',
      title: 'Per token',
      about: 'Cache of one more token, all layers: at short context, then beyond the windows',
    },
    {
      id: 'cache',
      title: devicesOf(rows) > 1 ? 'Total cache' : 'Cache',
      about: 'What the scenario occupies, on all devices together',
    },
    ...(devicesOf(rows) > 1
      ? [{ id: 'each', title: 'Per device', about: 'What one device (the fullest one) keeps' } as const]
      : []),
    ...(withState
      ? [
          {
            id: 'state',
            title: 'State',
            about: 'Recurrent state, in addition to the cache; it does not grow with the context',
          } as const,
        ]
      : []),
    { id: 'ratio', title: 'vs. first', about: 'What it occupies, state included, compared with the first row' },
    {
      id: 'parameters',
      title: 'Parameters',
      about: 'Parameters of a model; for a variant, how many its attention projections add or remove',
    },
    { id: 'flops', title: 'Projections', about: 'Operations of the attention projections for one token, all layers' },
    ...(device
      ? [
          {
            id: 'decode',
            title: 'Decode step',
            about: 'Lower bound for one token of each sequence: the slower of reading and computing',
          } as const,
        ]
      : []),
  ];
}

function cell(column: ComparisonColumn['id'], row: ComparisonRow, { rows }: Comparison): string {
  switch (column) {
    case 'design':
      return row.plan.exact ? row.label : `${row.label} (${row.plan.known ? 'not exact' : 'not known'})`;
    case 'perToken':
      return growthText(row.plan);
    case 'cache':
      return sizeInAllText(row.plan, 'cacheBytes');
    case 'each':
      return sizeText(row.plan, 'cacheBytes');
    case 'state':
      return sizeInAllText(row.plan, 'stateBytes');
    case 'ratio':
      return ratioText(inAllBytes(elementAt(rows, 0).plan), inAllBytes(row.plan)) || UNKNOWN;
    case 'parameters':
      if (row.request === null) return row.parameters === null ? UNKNOWN : formatCount(row.parameters);
      return row.parametersDelta === null ? UNKNOWN : formatDelta(row.parametersDelta);
    case 'flops':
      return row.projectionFlops === null ? UNKNOWN : formatFlops(row.projectionFlops);
    case 'decode':
      return row.decode === null ? UNKNOWN : formatSeconds(row.decode.timeS);
  }
}

/** A title and a table; names from files are escaped. */
export function comparisonMarkdown(comparison: Comparison): Markdown {
  return documentOf(titleAndTable(comparison));
}

function titleAndTable(comparison: Comparison): readonly Markdown[] {
  const { title, columns, cells } = comparisonTable(comparison);
  return [
    md`${title}`,
    table(
      columns.map((column) => column.title),
      cells,
      columns.map((column) => (column.id === 'design' ? 'left' : 'right')),
    ),
  ];
}

// biome-ignore format: names fill their lines
const CSV_HEADER = [
  'design', 'batch', 'tokens', 'kv_dtype', 'engine', 'bytes_per_token', 'cache_bytes', 'state_bytes', 'devices', 'total_bytes_all_devices', 'ratio', 'parameters_delta',
  'projection_flops', 'decode_seconds', 'exact',
];

/** Plain numbers, for spreadsheets. */
export function comparisonCsv({ scenario, rows }: Comparison): string {
  const records = rows.map((row) => {
    const { plan } = row;
    const { batch, tokens } = scenario.workload;
    return [
      row.label,
      batch,
      tokens,
      plan.kvDtype,
      // As the command line takes it.
      scenario.engine === 'intrinsic' ? scenario.engine : `${scenario.engine}@${plan.setup.release.id}`,
      plan.bytesPerToken,
      plan.cacheBytes,
      plan.stateBytes,
      plan.everywhere.devices,
      plan.known ? plan.everywhere.totalBytes : null,
      row.ratio,
      row.parametersDelta,
      row.projectionFlops,
      row.decode?.timeS ?? null,
      plan.exact,
    ];
  });
  return csv([CSV_HEADER, ...records]);
}

/** For terminals. */
export function comparisonText(comparison: Comparison, screen?: Screen): TerminalText {
  const { title, columns, cells } = comparisonTable(comparison);
  const shown = terminalTable(
    columns.map((column) => column.title),
    cells,
    columns.map((column) => (column.id === 'design' ? 'left' : 'right')),
    screen,
  );
  return below(line(title), shown, ...unknownLines(comparison).map(line));
}

/** Which models are not known, and what to do. A variant is as unknown as its model. */
function unknownLines({ rows }: Comparison): string[] {
  return rows.flatMap(({ plan, request }) =>
    plan.known || request !== null ? [] : [`${plan.spec.modelType}: ${notKnownText(plan)}`],
  );
}

/** A document of its own: the table, what was left out, and what is not exact. */
export function comparisonDocument(name: string, comparison: Comparison): Markdown {
  const leftOut = comparison.leftOut.map(({ request, problem }) => `${requestText(request)}: ${problem}`);
  const notes = [
    ...new Set(
      comparison.rows.flatMap(({ plan }) => plan.notes.filter(({ inexact }) => inexact).map(({ text }) => text)),
    ),
  ].slice(0, 10);
  return documentOf([
    heading(
      1,
      comparison.rows.some(({ model }) => model > 0) ? md`${name} vs. other models` : md`Attention variants of ${name}`,
    ),
    ...titleAndTable(comparison),
    ...(leftOut.length > 0 ? [md`Left out:`, list(leftOut)] : []),
    ...unknownLines(comparison).map((line) => md`**${sentenceText(line)}.**`),
    ...(notes.length > 0 ? [md`Not exact:`, list(notes)] : []),
    ...(comparison.rows.some(({ request }) => request !== null)
      ? [md`Variants change only the K and V heads; no weights are converted.`]
      : []),
  ]);
}
