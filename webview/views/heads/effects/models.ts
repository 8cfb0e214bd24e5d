/** From answers about effects to what the charts take. Pure. */

import type { AttributeResult, Effect } from '../../../../src/shared/effectsContract';
import type { CacheStep, LensRead, StateRead, Word } from '../../../../src/shared/lensContract';
import { elementAt } from '../../../../src/model/elementAt';
import { formatInteger } from '../../../../src/model/units';
import { wholeAxis } from '../../../charts/heatmap/axis';
import type { PlaceKind } from '../../../../src/insight/effects/place';
import { tokenText } from '../../../charts/heatmap/labels';
import { largestOf } from '../../../charts/heatmap/raster';
import { newScale } from '../../../charts/heatmap/scale';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';

/** Layers from top to bottom, something beside each other: NaN where nothing is known yet. */
function grid(
  values: Float32Array,
  rows: number,
  columns: number,
  signed: boolean,
  rowLabel: (row: number) => string,
  columnLabel: (column: number) => string,
): HeatmapModel {
  return {
    cells: {
      data: values,
      offset: 0,
      stride: columns,
      visible: { low: new Int32Array(rows), high: new Int32Array(rows).fill(columns) },
    },
    rows: wholeAxis(rows),
    columns: wholeAxis(columns),
    reduction: signed ? 'extreme' : 'largest',
    map: signed ? 'diverging' : 'sequential',
    scale: newScale('linear', signed, largestOf(values.filter((value) => !Number.isNaN(value))), [values]),
    triangle: false,
    rowLabel,
    columnLabel,
    rowHeight: rows > 24 ? 8 : 16,
    tiers: 1,
  };
}

export function stateName(layer: number | null): string {
  return layer === null ? 'embeddings' : `layer ${layer}`;
}

/** How sure each layer is of its likeliest token, at every position that was read. */
export function lensModel({ states, positions }: LensRead, pieces: readonly string[]): HeatmapModel {
  const values = Float32Array.from(
    states.flatMap(({ reads }) => reads.map(({ top }) => top[0]?.probability ?? Number.NaN)),
  );
  return grid(
    values,
    states.length,
    positions.length,
    false,
    (row) => (row === 0 ? 'in' : `L${row - 1}`),
    (column) => tokenText(elementAt(pieces, elementAt(positions, column))),
  );
}

export function readAt({ states }: LensRead, state: number, position: number): StateRead | undefined {
  return states[state]?.reads[position];
}

/** What an id stands for, as text. */
export function wordOf(words: readonly Word[], id: number): string {
  return tokenText(words.find((word) => word.id === id)?.piece ?? `#${id}`);
}

export function percent(probability: number): string {
  const value = 100 * probability;
  return value >= 0.01 || value === 0 ? `${value.toFixed(value < 1 ? 2 : 1)} %` : '< 0.01 %';
}

/** Something of a place; the position where it is of one alone. */
interface Placed {
  readonly kind: PlaceKind;
  readonly layer: number;
  readonly index: number;
  readonly position?: number | null;
}

/** What stands beside each other in a map whose rows are layers. */
export interface Columns {
  readonly count: number;
  /** Null: not in this map. */
  readonly of: (placed: Placed) => number | null;
  readonly label: (column: number) => string;
}

export function headColumns(list: readonly Placed[]): Columns {
  return {
    count: 1 + Math.max(0, ...list.filter(({ kind }) => kind === 'head').map(({ index }) => index)),
    of: ({ kind, index }) => (kind === 'head' ? index : null),
    label: String,
  };
}

const PARTS = ['attention', 'mlp'];
/** A layer's attention beside its MLP. */
export const PART_COLUMNS: Columns = {
  count: PARTS.length,
  of: ({ kind }) => (PARTS.includes(kind) ? PARTS.indexOf(kind) : null),
  label: (column) => (column === 0 ? 'attention' : 'MLP'),
};

export function positionColumns(pieces: readonly string[]): Columns {
  return {
    count: pieces.length,
    of: ({ position }) => position ?? null,
    label: (column) => tokenText(elementAt(pieces, column)),
  };
}

/** Layers from top to bottom. @param of Which number; NaN stands where none is. */
export function placesModel<T extends Placed>(
  list: readonly T[],
  layers: number,
  columns: Columns,
  signed: boolean,
  of: (effect: T) => number | null,
): HeatmapModel {
  const values = new Float32Array(layers * columns.count).fill(Number.NaN);
  for (const each of list) {
    const column = columns.of(each);
    if (column !== null) values[each.layer * columns.count + column] = of(each) ?? Number.NaN;
  }
  return grid(values, layers, columns.count, signed, (row) => `L${row}`, columns.label);
}

/** Effects by layer and head. @param of Which number of an effect. */
export function headModel<T extends Placed>(
  list: readonly T[],
  layers: number,
  signed: boolean,
  of: (effect: T) => number | null,
): HeatmapModel {
  return placesModel(list, layers, headColumns(list), signed, of);
}

/** What each of these heads wrote from the V of each token. */
export function sourcesModel(heads: readonly HeadContribution[], pieces: readonly string[]): HeatmapModel {
  const columns = Math.max(1, ...heads.map(({ sources }) => sources?.length ?? 0));
  const values = Float32Array.from(
    heads.flatMap(({ sources }) => Array.from({ length: columns }, (_, at) => sources?.[at] ?? Number.NaN)),
  );
  return grid(
    values,
    heads.length,
    columns,
    true,
    (row) => `${elementAt(heads, row).layer}.${elementAt(heads, row).index}`,
    (column) => tokenText(elementAt(pieces, column)),
  );
}

export type HeadContribution = Omit<AttributeResult['contributions'][number], 'writer'> & { readonly kind: 'head' };

/** Contributions of heads as places. */
export function headContributions({ contributions }: AttributeResult): readonly HeadContribution[] {
  return contributions.flatMap(({ writer, ...rest }) =>
    writer === 'head' ? [{ kind: 'head' as const, ...rest }] : [],
  );
}

/** The largest first, by what they change. @param of Null stays out. */
export function largest<T>(list: readonly T[], count: number, of: (each: T) => number | null): readonly T[] {
  const size = (each: T): number => Math.abs(of(each) ?? 0);
  return list
    .filter((each) => of(each) !== null)
    .toSorted((a, b) => size(b) - size(a))
    .slice(0, count);
}

/** The group of a head among those that were taken out together; undefined where each head has its own K and V. */
export function groupOf(effects: readonly Effect[], { layer, index }: Effect): Effect | undefined {
  const groups = effects.filter((effect) => effect.kind === 'group' && effect.layer === layer);
  const heads = effects.filter((effect) => effect.kind === 'head' && effect.layer === layer).length;
  if (groups.length === 0 || groups.length >= heads) return undefined;
  const size = heads / groups.length;
  return groups.find((group) => group.index === Math.floor(index / size));
}

export function headName({ layer, index }: { readonly layer: number; readonly index: number }): string {
  return `layer ${layer} head ${index}`;
}

/** "layer 3 head 5", "layer 3 MLP", "what enters layer 3". */
export function placeName({ kind, layer, index }: Placed): string {
  const parts: Readonly<Record<PlaceKind, string>> = {
    head: headName({ layer, index }),
    group: `layer ${layer} group ${index}`,
    attention: `layer ${layer} attention`,
    mlp: `layer ${layer} MLP`,
    residual: `what enters layer ${layer}`,
  };
  return parts[kind];
}

/** With its sign, and no more digits than are read. */
export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

/** "K and V of 10 tokens read, 1 new; 12,288 B in 4 layers"; layers that hold fewer are said apart. */
export function cacheText(cache: readonly CacheStep[]): string {
  const kinds = new Map<string, CacheStep[]>();
  for (const step of cache) {
    const key = `${step.kind === 'latent' ? 'latents' : 'K and V'} of ${step.read} tokens read, ${step.written} new`;
    kinds.set(key, [...(kinds.get(key) ?? []), step]);
  }
  const bytes = cache.reduce((sum, step) => sum + step.bytes, 0);
  const parts = [...kinds].map(([text, steps]) =>
    kinds.size === 1 ? text : `${text} (${steps.length} ${steps.length === 1 ? 'layer' : 'layers'})`,
  );
  return `${parts.join(', ')}; the cache is ${formatInteger(bytes)} B`;
}
