/** A part of a tensor as a heatmap, the words under it, and its values as bars: without a page. */

import { deviation, finiteCount, HISTOGRAM_BINS, type TensorStatistics } from '../../src/insight/tensorStatistics';
import { elementAt } from '../../src/model/elementAt';
import { formatInteger } from '../../src/model/units';
import type { AttentionMark, WeightTile } from '../../src/shared/weightsContract';
import { isExact, type Window } from '../charts/heatmap/axis';
import { newScale, type ScaleKind } from '../charts/heatmap/scale';
import type { HeatmapModel, View } from '../charts/heatmap/viewModel';
import { headAt, type HeadPlace } from './marks';

/** A tile, and what it is of. */
export interface ShownTile {
  readonly tile: WeightTile;
  readonly view: View;
}

/** Rows and columns of a tensor as a matrix: the last dimension is its columns. */
export function matrixOf(shape: readonly number[]): readonly [rows: number, columns: number] {
  const columns = shape.at(-1) ?? 1;
  return [shape.slice(0, -1).reduce((product, size) => product * size, 1), columns];
}

export function wholeView([rows, columns]: readonly [number, number]): View {
  return { rows: [0, rows], columns: [0, columns] };
}

/** Rows of a low tensor are drawn so high that they are seen. */
const LOW = 16;
const HIGH = 24;

export function tileModel({ tile, view }: ShownTile, mark: AttentionMark | null, scale: ScaleKind): HeatmapModel {
  const { data, rows, columns } = tile;
  const label =
    (along: 'rows' | 'columns') =>
    (position: number): string => {
      const place = headAt(mark, along, position);
      return place === null ? formatInteger(position) : `${place.letter}${place.head}:${place.dim}`;
    };
  return {
    cells: { data, offset: 0, stride: columns, visible: null },
    rows: { start: view.rows[0], end: view.rows[1], count: rows },
    columns: { start: view.columns[0], end: view.columns[1], count: columns },
    reduction: 'extreme',
    map: 'diverging',
    scale: newScale(scale, true, largestFinite(data), [data]),
    triangle: false,
    rowLabel: label('rows'),
    columnLabel: label('columns'),
    rowHeight: view.rows[1] - view.rows[0] < LOW ? HIGH : null,
    tiers: 1,
  };
}

/** One infinite value must not take the colours of all others. */
function largestFinite(values: Float32Array): number {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest && size !== Infinity) largest = size;
  }
  return largest;
}

/** A view lies inside of another. */
export function contains(outer: View, inner: View): boolean {
  const within = ([start, end]: Window, [from, to]: Window): boolean => start <= from && to <= end;
  return within(outer.rows, inner.rows) && within(outer.columns, inner.columns);
}

/** How much of the values the picture is made of: "every value", or "1 of 251 rows". */
export function readText(shown: ShownTile): string {
  const hatched = shown.tile.data.some(Number.isNaN) ? ' Hatched cells contain NaN.' : '';
  return madeText(shown) + hatched;
}

function madeText({ tile, view }: ShownTile): string {
  const [rows, columns] = [view.rows[1] - view.rows[0], view.columns[1] - view.columns[0]];
  const parts: string[] = [];
  if (tile.rowsRead < rows) parts.push(`${formatInteger(tile.rowsRead)} of ${formatInteger(rows)} rows`);
  if (tile.columnsRead < columns) parts.push(`${formatInteger(tile.columnsRead)} of ${formatInteger(columns)} columns`);
  if (parts.length > 0) return `Reduced from ${parts.join(' and ')}: zoom in to see every value.`;
  const exact =
    isExact({ start: 0, end: rows, count: tile.rows }) && isExact({ start: 0, end: columns, count: tile.columns });
  return exact ? 'Every value is shown.' : 'Each cell shows its value farthest from 0; every value was read.';
}

/** "row 130 (K head 1, dim 2, group 1)". */
export function positionText(what: 'row' | 'column', [start, end]: Window, mark: AttentionMark | null): string {
  const range =
    end - start > 1 ? `${what}s ${formatInteger(start)}–${formatInteger(end - 1)}` : `${what} ${formatInteger(start)}`;
  const first = headAt(mark, what === 'row' ? 'rows' : 'columns', start);
  const last = headAt(mark, what === 'row' ? 'rows' : 'columns', end - 1);
  return first === null || last === null ? range : `${range} (${headText(first, last)})`;
}

function headText(first: HeadPlace, last: HeadPlace): string {
  const group = first.group === null || first.group === first.head ? '' : `, group ${first.group}`;
  if (first.letter !== last.letter || first.head !== last.head)
    return `${first.letter} head ${first.head} to ${last.letter} head ${last.head}`;
  const dims = first.dim === last.dim ? `dim ${first.dim}` : `dims ${first.dim}–${last.dim}`;
  return `${first.letter} head ${first.head}, ${dims}${group}`;
}

export function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const text = String(Number(value.toPrecision(4)) + 0);
  return text.startsWith('-') ? `−${text.slice(1)}` : text;
}

export interface Figure {
  readonly name: string;
  readonly text: string;
  /** It should not be there. */
  readonly wrong: boolean;
}

export function figuresOf(statistics: TensorStatistics): readonly Figure[] {
  const { count, nan, infinite, zeros, least, most, mean } = statistics;
  const some = finiteCount(statistics) > 0;
  const share = count > 0 && zeros > 0 ? ` (${((zeros / count) * 100).toPrecision(2)} %)` : '';
  const figure = (name: string, text: string, wrong = false): Figure => ({ name, text, wrong });
  return [
    figure('minimum', some ? valueText(least) : '–'),
    figure('maximum', some ? valueText(most) : '–'),
    figure('mean', some ? valueText(mean) : '–'),
    figure('deviation', some ? valueText(deviation(statistics)) : '–'),
    figure('zeros', `${formatInteger(zeros)}${share}`),
    figure('NaN', formatInteger(nan), nan > 0),
    ...(infinite > 0 ? [figure('infinite', formatInteger(infinite), true)] : []),
  ];
}

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Height 0…1. */
  readonly height: number;
}

/** Bars at most. */
const BARS = 64;

/** From the first bin that holds something to the last, as few bars as can be read. */
export function barsOf({ bins, width }: TensorStatistics): readonly Bar[] {
  const half = HISTOGRAM_BINS / 2;
  const first = bins.findIndex((count) => count > 0);
  if (first < 0) return [];
  const last = bins.findLastIndex((count) => count > 0);
  const size = Math.max(1, Math.ceil((last - first + 1) / BARS));
  const counts: { from: number; to: number; count: number }[] = [];
  for (let bin = first; bin <= last; bin += size) {
    let count = 0;
    for (let at = bin; at < Math.min(bin + size, HISTOGRAM_BINS); at++) count += elementAt(bins, at);
    counts.push({ from: (bin - half) * width, to: (bin + size - half) * width, count });
  }
  const most = Math.max(...counts.map(({ count }) => count));
  return counts.map((bar) => ({ ...bar, height: bar.count / most }));
}
