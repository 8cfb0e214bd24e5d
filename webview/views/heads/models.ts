/** From captured numbers to what the charts take: which cells, which scale, which words. Pure. */

import { type RunnableAttention } from '../../../src/attention/spec/layerSpec';
import { headVariant } from '../../../src/model/attention';
import { formatInteger } from '../../../src/model/units';
import { groupsText, sentence } from '../../../src/present/words';
import type { HeadMeasures, RefusedLayer, SeededNote } from '../../../src/shared/headsContract';
import {
  type GridModel,
  type GridPicture,
  measureText,
  MEASURES,
  measureTitle,
  type Order,
  sorted,
} from '../../charts/headGrid/viewModel';
import { type CellAxis, cellBorder } from '../../../src/insight/cells';
import { isExact, wholeAxis, type Window } from '../../charts/heatmap/axis';
import { tokenText } from '../../charts/heatmap/labels';
import type { Cells, Visible } from '../../charts/heatmap/raster';
import { largestOf } from '../../charts/heatmap/raster';
import { newScale, type Scale, type ScaleKind } from '../../charts/heatmap/scale';
import { firstSeen, visibleCells } from '../../charts/heatmap/visible';
import type { HeatmapModel, View } from '../../charts/heatmap/viewModel';
import { MOST_LINES, type TokenLinesModel } from '../../charts/tokenLines';
import type { TableModel } from '../../charts/tableModel';
import type { HeadSource } from '../../../src/shared/panelContract';
import type { LayerPatterns, Patterns, Vectors } from './session';
import { elementAt } from '../../../src/model/elementAt';

/** How patterns are to be seen. */
export interface Look {
  readonly scale: ScaleKind;
  /** One range for all heads, or each head's own. */
  readonly shared: boolean;
  readonly ignoreFirst: boolean;
  /** The first token is seen, but stands outside the range of the colours: it would hide the rest. */
  readonly spareFirst?: boolean;
}

/** A head of a layer. */
export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

export interface GridHead extends HeadPlace {
  readonly measures: HeadMeasures | null;
  readonly cells: Cells;
}

/** What is seen: the whole, or all but the first token. */
export function viewOf(tokens: number, ignoreFirst: boolean): View {
  const window: Window = [ignoreFirst && tokens > 1 ? 1 : 0, tokens];
  return { rows: window, columns: window };
}

function headsOf({ layer, attention, patterns, measures }: LayerPatterns): GridHead[] {
  const visible = visibleCells(attention, patterns.rows, patterns.columns);
  return Array.from({ length: patterns.heads }, (_, head) => ({
    layer,
    head,
    measures: measures?.heads[head] ?? null,
    cells: cellsOf(patterns, head, visible),
  }));
}

function cellsOf({ data, rows, columns }: Patterns, head: number, visible: Visible): Cells {
  return { data, offset: head * rows.count * columns.count, stride: columns.count, visible };
}

/** "head 3: entropy 0.41, sink 0.12, …", for screen readers and the line below a grid. */
export function headSentence({ layer, head, measures }: Omit<GridHead, 'cells'>): string {
  const values =
    measures === null
      ? ''
      : `: ${MEASURES.map((name) => `${measureTitle(name)} ${measureText(measures[name])}`).join(', ')}`;
  return `layer ${layer}, head ${head}${values}`;
}

export interface PatternGrid {
  readonly model: GridModel;
  /** In the order of the pictures. */
  readonly heads: readonly GridHead[];
}

/** @param layers One, or all: then rows are layers, unless a measure puts all heads in one order. */
export function patternGrid(
  layers: readonly LayerPatterns[],
  all: boolean,
  order: Order,
  look: Look,
): PatternGrid | null {
  const [first] = layers;
  if (first === undefined) return null;
  const { patterns } = first;
  const heads = sorted(layers.flatMap(headsOf), order);
  // A row for each layer, where all have as many heads.
  const matrix = all && order === 'position' && new Set(layers.map(({ attention }) => attention.queryHeads)).size === 1;
  const pictures = heads.map((place): GridPicture => {
    const value = order === 'position' ? undefined : place.measures?.[order];
    return {
      title: matrix ? '' : all ? `L${place.layer} h${place.head}` : `head ${place.head}`,
      detail: order === 'position' ? '' : value === undefined || Number.isNaN(value) ? '–' : value.toFixed(2),
      name: headSentence(place),
      cells: place.cells,
    };
  });
  const { scale, shared } = look;
  const spared =
    look.spareFirst === true ? new Map(layers.map((layer) => [layer.layer, headMaxima(layer, true)] as const)) : null;
  const largestSpared = spared === null ? 0 : Math.max(0, ...[...spared.values()].flat());
  const mostOf = (picture: number, values: Float32Array): number => {
    const place = heads[picture];
    return (place && spared?.get(place.layer)?.[place.head]) ?? largestOf(values);
  };
  let known: { readonly values: readonly Float32Array[]; readonly scale: Scale } | null = null;
  const model: GridModel = {
    pictures,
    rows: patterns.rows,
    columns: patterns.columns,
    view: viewOf(patterns.rows.end, look.ignoreFirst),
    reduction: 'largest',
    map: 'sequential',
    scale: (picture, values) => {
      const own = values[picture] ?? new Float32Array(0);
      if (!shared) return newScale(scale, false, mostOf(picture, own), [own]);
      if (known?.values !== values)
        known = {
          values,
          scale: newScale(scale, false, largestSpared || Math.max(0, ...values.map(largestOf)), values),
        };
      return known.scale;
    },
    across: matrix ? Math.max(...layers.map(({ attention }) => attention.queryHeads)) : null,
    rowTitles: matrix ? layers.map(({ layer }) => `L${layer}`) : [],
  };
  return { model, heads };
}

/** The largest weight of each head, of what is seen. */
export function headMaxima(layer: LayerPatterns, ignoreFirst: boolean): number[] {
  const { patterns, attention } = layer;
  const { rows, columns, data, heads } = patterns;
  const visible = visibleCells(attention, rows, columns);
  const skip = ignoreFirst && isExact(columns) && columns.start === 0 ? 1 : 0;
  return Array.from({ length: heads }, (_, head) => {
    let largest = 0;
    for (let row = skip; row < rows.count; row++) {
      const line = (head * rows.count + row) * columns.count;
      const seen = data.subarray(
        line + Math.max(skip, elementAt(visible.low, row)),
        line + elementAt(visible.high, row),
      );
      for (const value of seen) if (value > largest) largest = value;
    }
    return largest;
  });
}

/** Where all but the first token stay below this part of the range, they are one dark field. */
const HIDDEN = 0.5;

/** The first token alone sets the range, and hides the rest. A causal query 0 sees nothing but itself: its weight is always 1. */
export function firstHides(layer: LayerPatterns): boolean {
  if (!isExact(layer.patterns.columns) || layer.patterns.columns.count < 2) return false;
  const rest = Math.max(0, ...headMaxima(layer, true));
  return rest > 0 && rest < HIDDEN * Math.max(0, ...headMaxima(layer, false));
}

export interface Labelled {
  readonly pieces: readonly string[];
}

function pieceOf({ pieces }: Labelled, position: number): string {
  return tokenText(pieces[position] ?? '');
}

/** '3 “␣flag”', or "3–5" of several tokens. */
export function tokensText(labels: Labelled, window: Window): string {
  return window[1] - window[0] === 1 ? `${rangeText(window)} “${pieceOf(labels, window[0])}”` : rangeText(window);
}

export interface ZoomAsk extends Labelled {
  readonly patterns: Patterns;
  readonly attention: RunnableAttention;
  /** Heads of `patterns` by place. */
  readonly head: number;
  readonly minus: number | null;
  readonly scale: ScaleKind;
  /** Largest weight that the scale shows; differences have their own. */
  readonly most: number;
}

/** One head's pattern, or how it differs from another's. */
export function zoomModel(ask: ZoomAsk): HeatmapModel {
  const { patterns, attention, head, minus } = ask;
  const { rows, columns } = patterns;
  const visible = visibleCells(attention, rows, columns);
  const label = (position: number): string => pieceOf(ask, position);
  const common = { rows, columns, triangle: true, rowLabel: label, columnLabel: label, rowHeight: null, tiers: 3 };
  const own = cellsOf(patterns, head, visible);
  const size = rows.count * columns.count;
  if (minus === null) {
    const values = patterns.data.subarray(own.offset, own.offset + size);
    return {
      ...common,
      cells: own,
      reduction: 'largest',
      map: 'sequential',
      scale: newScale(ask.scale, false, ask.most, [values]),
    };
  }
  const difference = new Float32Array(size);
  for (let i = 0; i < size; i++)
    difference[i] = (patterns.data[own.offset + i] as number) - (patterns.data[minus * size + i] as number);
  return {
    ...common,
    cells: { data: difference, offset: 0, stride: columns.count, visible },
    reduction: 'extreme',
    map: 'diverging',
    scale: newScale(ask.scale, true, largestOf(difference), [difference]),
  };
}

/** A token's row (what it looks at) or column (what looks at it), over all heads: `[heads, tokens]`. */
export function pinnedModel(
  patterns: Patterns,
  attention: RunnableAttention,
  token: number,
  side: 'row' | 'column',
  labels: Labelled,
  look: Look,
): HeatmapModel {
  const { heads } = patterns;
  const axis = side === 'row' ? patterns.columns : patterns.rows;
  const data = new Float32Array(heads * axis.count);
  const [height, width] = [patterns.rows.count, patterns.columns.count];
  // A whole pattern, or the one row or column that was asked for.
  const at = (count: number): number => (count === 1 ? 0 : token);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < axis.count; i++) {
      const place = side === 'row' ? at(height) * width + i : i * width + at(width);
      data[head * axis.count + i] = patterns.data[head * height * width + place] as number;
    }
  }
  const low = new Int32Array(heads);
  const high = new Int32Array(heads);
  const one: CellAxis = { start: token, end: token + 1, count: 1 };
  const seen = side === 'row' ? visibleCells(attention, one, axis) : columnOf(attention, axis, one);
  low.fill(elementAt(seen.low, 0));
  high.fill(elementAt(seen.high, 0));
  const most = Math.max(
    0,
    largestOf(
      data.filter((_, i) => !((look.ignoreFirst || look.spareFirst === true) && i % axis.count === 0 && isExact(axis))),
    ),
  );
  return {
    cells: { data, offset: 0, stride: axis.count, visible: { low, high } },
    rows: wholeAxis(heads),
    columns: axis,
    reduction: 'largest',
    map: 'sequential',
    scale: newScale(look.scale, false, most, [data]),
    triangle: false,
    rowLabel: (head) => `head ${head}`,
    columnLabel: (position) => pieceOf(labels, position),
    rowHeight: heads > 24 ? 8 : 14,
    tiers: 3,
  };
}

/** What a head's pinned token looks at, as lines. Null where the pattern is reduced, or has too many tokens to be read. */
export function linesModel(
  layer: LayerPatterns,
  head: number,
  token: number,
  labels: Labelled,
  ignoreFirst: boolean,
): TokenLinesModel | null {
  const { patterns, attention } = layer;
  const { rows, columns, data } = patterns;
  if (!isExact(rows) || !isExact(columns) || columns.count > MOST_LINES) return null;
  const visible = visibleCells(attention, rows, columns);
  const start = (head * rows.count + token) * columns.count;
  const weights = Float32Array.from({ length: columns.count }, (_, key) =>
    key < elementAt(visible.low, token) || key >= elementAt(visible.high, token) || (ignoreFirst && key === 0)
      ? NaN
      : elementAt(data, start + key),
  );
  const first = [...weights.keys()]
    .filter((key) => elementAt(weights, key) > 0)
    .sort((a, b) => elementAt(weights, b) - elementAt(weights, a))
    .slice(0, 3)
    .map((key) => `${tokensText(labels, [key, key + 1])} ${valueText(elementAt(weights, key))}`);
  return {
    tokens: Array.from({ length: columns.count }, (_, at) => pieceOf(labels, at)),
    from: token,
    weights,
    most: largestOf(weights.filter((weight) => !Number.isNaN(weight))),
    sentence: `Head ${head}, ${tokensText(labels, [token, token + 1])} looks most at ${first.join(', ')}`,
  };
}

/** The queries that see a key, as cells of an axis. */
function columnOf(attention: RunnableAttention, axis: CellAxis, key: CellAxis): Visible {
  const { low, high } = visibleCells(attention, axis, key);
  const sees = Array.from({ length: axis.count }, (_, row) => elementAt(low, row) < elementAt(high, row));
  return { low: Int32Array.of(Math.max(0, sees.indexOf(true))), high: Int32Array.of(sees.lastIndexOf(true) + 1) };
}

/** Tokens × dims of one group's K or V, or of a latent. */
export function vectorsModel(
  { data, tokens, dim }: Vectors,
  place: number,
  labels: Labelled,
  scale: ScaleKind,
  most: number | null,
): HeatmapModel {
  const own = data.subarray(place * tokens * dim, (place + 1) * tokens * dim);
  return {
    cells: { data, offset: place * tokens * dim, stride: dim, visible: null },
    rows: wholeAxis(tokens),
    columns: wholeAxis(dim),
    reduction: 'extreme',
    map: 'diverging',
    scale: newScale(scale, true, most ?? largestOf(own), [own]),
    triangle: false,
    rowLabel: (token) => pieceOf(labels, token),
    columnLabel: (at) => String(at),
    rowHeight: 15,
    tiers: 1,
  };
}

/** "0.4123", "3.1e-5", "0": a weight or value, with as many digits as the command line prints. */
export function valueText(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 0.00005 ? value.toFixed(4) : value.toExponential(1);
}

export function rangeText([start, end]: Window): string {
  return end - start === 1 ? formatInteger(start) : `${formatInteger(start)}–${formatInteger(end - 1)}`;
}

/** Why a key is not allowed for a query. */
export function notAllowed(attention: RunnableAttention, query: number, key: number): string {
  if (key > query) return 'not allowed: the key comes after the query';
  if (key < firstSeen(attention, query))
    return attention.kind === 'chunked' ? 'not allowed: another chunk' : 'not allowed: outside the window';
  return 'not a number';
}

/** Every number that a heatmap holds; `tokens` says which sides are tokens, and are numbered. */
export function heatmapTable(
  { cells, rows, columns, rowLabel, columnLabel }: HeatmapModel,
  caption: string,
  corner: string,
  tokens: 'rows' | 'columns' | 'both',
): TableModel {
  const name = (axis: CellAxis, cell: number, label: (position: number) => string, numbered: boolean): string => {
    const window: Window = [cellBorder(axis, cell), cellBorder(axis, cell + 1)];
    if (window[1] - window[0] > 1) return rangeText(window);
    return `${numbered ? `${window[0]} ` : ''}${label(window[0])}`;
  };
  return {
    caption,
    corner,
    rows: rows.count,
    columns: columns.count,
    rowHead: (row) => name(rows, row, rowLabel, tokens !== 'columns'),
    columnHead: (column) => name(columns, column, columnLabel, tokens !== 'rows'),
    cell: (row, column) => {
      const { visible, data, offset, stride } = cells;
      const hidden =
        visible !== null && (column < elementAt(visible.low, row) || column >= elementAt(visible.high, row));
      return hidden ? '' : valueText(elementAt(data, offset + row * stride + column));
    },
  };
}

/** All heads and all measures. */
export function measuresTable(heads: readonly GridHead[]): TableModel {
  const columns = ['layer', 'head', 'group', ...MEASURES.map((name) => measureTitle(name))];
  return {
    caption: `Measures of ${heads.length} heads`,
    corner: 'place',
    rows: heads.length,
    columns: columns.length,
    rowHead: (row) => String(row + 1),
    columnHead: (column) => elementAt(columns, column),
    cell: (row, column) => {
      const place = heads[row];
      if (place === undefined) return '';
      const name = MEASURES[column - 3];
      if (name !== undefined) return measureText(place.measures?.[name]);
      return String([place.layer, place.head, place.measures?.group ?? '–'][column] ?? '');
    },
  };
}

/** Whose heads these are. The panel's title names the config: heads of another model say that they are not its own. */
export function whoseHeads({ label, origin }: HeadSource, config: { readonly name: string } | null): string {
  switch (origin) {
    case 'beside':
      return config === null ? label : `${config.name}: its own weights`;
    case 'seeded':
      return config === null ? label : `${config.name}: random weights in its shapes (seeded)`;
    case 'sample':
    case 'chosen':
      return config === null ? label : `${label} – not ${config.name}`;
  }
}

/** What seeded weights mean, and what they do not. */
export function seededText({ note }: SeededNote, words: boolean): string {
  const left = note === null ? '' : ` ${sentence(note)}.`;
  return `Head groups, sizes and masks are those of the config, but what the heads look at has no meaning, because the weights are random. Each ${words ? 'word' : 'token'} enters the layer as a random, normalised vector of its own.${left}`;
}

/** "GQA · 8 query heads in 2 groups of 4", of one layer. */
export function layerText(attention: RunnableAttention | RefusedLayer): string {
  if (attention.kind === 'refused') return 'no heads';
  if (attention.kind === 'latent')
    return `MLA · ${attention.queryHeads} query heads share one latent of ${attention.latentDim} + ${attention.ropeDim}`;
  const limit =
    attention.kind === 'sliding'
      ? ` · window ${formatInteger(attention.window)}`
      : attention.kind === 'chunked'
        ? ` · chunks of ${formatInteger(attention.chunk)}`
        : '';
  return `${headVariant(attention)} · ${groupsText(attention)}${limit}`;
}
