/** The layers of a model as a strip: what each caches, and where the kind changes. */

import { entryBytes, layerStateBytes } from '../../../src/cache/layerBytes';
import { layerGroups } from '../../../src/cache/groups';
import type { AttentionKind, AttentionSpec } from '../../../src/model/attention';
import type { ResolvedKvDtype } from '../../../src/model/dtype';
import type { ModelSpec } from '../../../src/model/spec';
import { formatSize, formatInteger, formatRanges } from '../../../src/model/units';
import { kindTitle } from '../../../src/present/words';

/** Neighbouring layers of one kind. */
export interface StripRun {
  readonly kind: AttentionKind;
  /** A recurrent mixer runs beside the attention. */
  readonly parallel: boolean;
  readonly first: number;
  readonly count: number;
}

export interface StripRow {
  readonly kind: AttentionKind;
  readonly title: string;
  readonly count: number;
  /** "0–4, 6–10" */
  readonly layers: string;
  /** "8 KV heads of 128, window 1,024" */
  readonly shape: string;
  /** Of one layer: "4 KiB a token", "state 1 MiB", "caches nothing"; of one that was not understood, that it is not known. */
  readonly caches: string;
}

export interface StripModel {
  readonly layers: number;
  readonly runs: readonly StripRun[];
  /** In the order of their first layer. */
  readonly rows: readonly StripRow[];
  /** Row of each layer. */
  readonly rowOf: readonly number[];
}

export function stripModel(spec: ModelSpec, dtype: ResolvedKvDtype): StripModel {
  const groups = layerGroups(spec);
  const rowOf: number[] = [];
  const rows = groups.map((group, row): StripRow => {
    for (const index of group.indexes) rowOf[index] = row;
    const { attention, state, indexes } = group;
    return {
      kind: attention.kind,
      title:
        kindTitle(attention.kind) +
        (state && attention.kind !== 'recurrent' && attention.kind !== 'conv' ? ' + recurrent' : ''),
      count: indexes.length,
      layers: formatRanges(indexes),
      shape: shapeText(attention),
      caches:
        attention.kind === 'unknown'
          ? 'what it caches is not known'
          : cachesText(entryBytes(attention, dtype), layerStateBytes(state, dtype)),
    };
  });
  const runs: { kind: AttentionKind; parallel: boolean; first: number; count: number }[] = [];
  for (const { index, attention, parallelState } of spec.layers) {
    const last = runs.at(-1);
    const parallel = parallelState !== undefined;
    if (last?.kind === attention.kind && last.parallel === parallel) last.count++;
    else runs.push({ kind: attention.kind, parallel, first: index, count: 1 });
  }
  return { layers: spec.layers.length, runs, rows, rowOf };
}

/** Where layers begin and end, in CSS pixels, and what is left between two of them. */
export interface CellEdges {
  /** One more than there are layers. */
  readonly edges: readonly number[];
  readonly hair: number;
}

/**
 * Layers as wide as fill the width, in whole pixels of the screen, so that every edge is sharp: their widths differ by one at most.
 * @param pixel Of the screen, in CSS pixels.
 */
export function cellEdges(layers: number, width: number, pixel: number): CellEdges {
  const cell = Math.max(1, width / layers / pixel);
  const edges = Array.from({ length: layers + 1 }, (_, layer) => Math.round(layer * cell) * pixel);
  return { edges, hair: cell < 3 ? 0 : pixel };
}

/** "Layer 5: sliding window, 8 KV heads of 128, window 1,024; 4 KiB a token". */
export function layerSentence(model: StripModel, index: number): string {
  const row = model.rows[model.rowOf[index] ?? -1];
  if (!row) return '';
  return `Layer ${index}: ${[row.title, row.shape].filter((part) => part !== '').join(', ')}; ${row.caches}`;
}

/** One line for the legend: "sliding window × 52". */
function legendText({ title, count }: Pick<StripRow, 'title' | 'count'>): string {
  return `${title} × ${count}`;
}

/** Rows of one kind taken together, for the legend. */
export function legendOf(model: StripModel): readonly { readonly kind: AttentionKind; readonly text: string }[] {
  const counts = new Map<AttentionKind, { title: string; count: number }>();
  for (const { kind, title, count } of model.rows) {
    const known = counts.get(kind);
    if (known) known.count += count;
    else counts.set(kind, { title, count });
  }
  return [...counts].map(([kind, row]) => ({ kind, text: legendText(row) }));
}

function cachesText(entry: number, state: number): string {
  const parts = [
    ...(entry > 0 ? [`${formatSize(entry)} per token`] : []),
    ...(state > 0 ? [`state ${formatSize(state)}`] : []),
  ];
  return parts.length > 0 ? parts.join(' + ') : 'caches nothing';
}

function shapeText(attention: AttentionSpec): string {
  switch (attention.kind) {
    case 'full':
      return headsOf(attention);
    case 'sliding':
      return `${headsOf(attention)}, window ${formatInteger(attention.window)}`;
    case 'chunked':
      return `${headsOf(attention)}, chunk ${formatInteger(attention.chunk)}`;
    case 'cross':
      return headsOf(attention);
    case 'shared':
      return `reads the cache of layer ${attention.sharedWith}`;
    case 'latent':
      return `latent ${attention.latentDim} + RoPE ${attention.ropeDim}`;
    case 'compressed':
      return `one entry per ${attention.ratio} tokens, window ${formatInteger(attention.window)}`;
    case 'recurrent':
    case 'conv':
      return attention.state.flavour;
    case 'none':
      return '';
    case 'unknown':
      return attention.label;
  }
}

function headsOf({
  kvHeads,
  keyDim,
  valueDim,
}: {
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
}): string {
  const dims = valueDim === 0 || valueDim === keyDim ? `${keyDim}` : `${keyDim} and ${valueDim}`;
  return `${kvHeads} KV ${kvHeads === 1 ? 'head' : 'heads'} of ${dims}`;
}
