/** From answers about effects to what the charts take. Pure. */

import type { AttributeResult, Effect, Recovery } from '../../../src/shared/effectsContract';
import type { CacheStep, LensRead, StateRead, Word } from '../../../src/shared/lensContract';
import { elementAt } from '../../../src/model/elementAt';
import { formatInteger } from '../../../src/model/units';
import { wholeAxis } from '../../charts/heatmap/axis';
import { tokenText } from '../../charts/heatmap/labels';
import { largestOf } from '../../charts/heatmap/raster';
import { newScale } from '../../charts/heatmap/scale';
import type { HeatmapModel } from '../../charts/heatmap/viewModel';

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

/** Effects by layer and head. @param of Which number of an effect. */
export function headModel<T extends { readonly kind: string; readonly layer: number; readonly index: number }>(
  list: readonly T[],
  layers: number,
  signed: boolean,
  of: (effect: T) => number | null,
): HeatmapModel {
  const heads = 1 + Math.max(0, ...list.filter(({ kind }) => kind === 'head').map(({ index }) => index));
  const values = new Float32Array(layers * heads).fill(Number.NaN);
  for (const each of list) if (each.kind === 'head') values[each.layer * heads + each.index] = of(each) ?? Number.NaN;
  return grid(
    values,
    layers,
    heads,
    signed,
    (row) => `L${row}`,
    (column) => String(column),
  );
}

type HeadContribution = Omit<AttributeResult['contributions'][number], 'writer'> & { readonly kind: 'head' };

/** Contributions of heads as places. */
export function headContributions({ contributions }: AttributeResult): readonly HeadContribution[] {
  return contributions.flatMap(({ writer, ...rest }) =>
    writer === 'head' ? [{ kind: 'head' as const, ...rest }] : [],
  );
}

/** The largest, by what they change. */
export function largestEffects(effects: readonly Effect[], count: number): readonly Effect[] {
  return effects
    .filter(({ kind }) => kind === 'head')
    .toSorted((a, b) => b.klMean - a.klMean)
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

/** Where recovery is largest. */
export function largestRecoveries(recoveries: readonly Recovery[], count: number): readonly Recovery[] {
  const size = ({ recovered }: Recovery): number => (recovered === null ? 0 : Math.abs(recovered));
  return recoveries.toSorted((a, b) => size(b) - size(a)).slice(0, count);
}

export function headName({ layer, index }: { readonly layer: number; readonly index: number }): string {
  return `layer ${layer} head ${index}`;
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
