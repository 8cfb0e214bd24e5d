/** Bars of cache and state, one per design, all from the same zero. */

import type { AttentionKind } from '../../../src/model/attention';
import { comparisonTable } from '../../../src/present/comparisonText';
import { sizeInAllText } from '../../../src/present/sizeText';
import { kindTitle } from '../../../src/present/words';
import type { CachePlan } from '../../../src/cache/plan';
import type { Comparison } from '../../../src/serving/comparison';
import { formatRatio, formatSize } from '../../../src/model/units';

/** A stretch of a bar: what layers of one kind hold, or recurrent state. */
export interface BarSegment {
  readonly kind: AttentionKind;
  readonly bytes: number;
  /** Of the room that bars have. */
  readonly fraction: number;
  /** "40 layers sliding window: 1.25 GiB". */
  readonly title: string;
}

export interface BarRow {
  readonly id: string;
  readonly label: string;
  /** What the bar shows, as text. */
  readonly size: string;
  /** "÷ 4"; empty for the first. */
  readonly ratio: string;
  /** Cells of the columns after it, in the order of the columns. */
  readonly more: readonly string[];
  readonly segments: readonly BarSegment[];
  /** It is longer than the room: its segments fill that, and stand in their own proportion. */
  readonly cut: boolean;
}

export interface Bars {
  /** Titles of `more`. */
  readonly columns: readonly { readonly title: string; readonly about: string }[];
  readonly rows: readonly BarRow[];
  /** Kinds that occur, in the order of their first layer. */
  readonly kinds: readonly AttentionKind[];
  /** "cut: it would be 24.8 times as long"; empty where none is. */
  readonly cutText: string;
}

/** Bars beside one that is so many times longer are slivers. */
const GIANT = 6;

/** What the room stands for: the longest, or below giants the next one. */
function roomOf(totals: readonly number[]): number {
  const falling = totals.filter((total) => total > 0).sort((a, b) => b - a);
  // More than a third of them are no exception.
  const giants = falling.slice(0, falling.length / 3);
  const last = giants.findLastIndex((total, at) => total >= GIANT * (falling[at + 1] ?? Infinity));
  return falling.at(last + 1) ?? 0;
}

/** Columns that stand on the bar's own line. */
const OWN: readonly string[] = ['design', 'cache', 'state', 'ratio'];

export function barsOf(comparison: Comparison): Bars {
  const { columns, cells } = comparisonTable(comparison);
  const totals = comparison.rows.map((row) => row.plan.atLeast.totalBytes);
  const room = roomOf(totals);
  const more = columns.filter((column) => !OWN.includes(column.id));
  const rows = comparison.rows.map((row, index): BarRow => {
    const cell = (id: string): string => cells[index]?.[columns.findIndex((column) => column.id === id)] ?? '';
    return {
      id: row.id,
      // Its name stands above; the design is what narrow places must not cut off.
      label: index === 0 ? cell('design').replace(/^.* (?=as it is )/s, '') : cell('design'),
      size: sizeInAllText(row.plan),
      ratio: index === 0 ? '' : cell('ratio'),
      more: more.map((column) => cell(column.id)),
      segments: segmentsOf(row.plan, Math.max(room, row.plan.atLeast.totalBytes)),
      cut: row.plan.atLeast.totalBytes > room,
    };
  });
  const kinds = [...new Set(rows.flatMap((row) => row.segments.map((segment) => segment.kind)))];
  const longest = Math.max(0, ...totals);
  return {
    columns: more.map(({ title, about }) => ({ title, about })),
    rows,
    kinds,
    cutText:
      longest > room
        ? `cut: ${rows.filter(({ cut }) => cut).length > 1 ? 'the longest' : 'it'} would be ${formatRatio(room, longest).replace('× ', '')} times as long`
        : '',
  };
}

function segmentsOf(plan: CachePlan, room: number): BarSegment[] {
  const held = new Map<AttentionKind, { bytes: number; layers: number }>();
  const add = (kind: AttentionKind, bytes: number | null): void => {
    if (bytes === null || bytes === 0) return;
    const known = held.get(kind) ?? { bytes: 0, layers: 0 };
    held.set(kind, { bytes: known.bytes + bytes, layers: known.layers + 1 });
  };
  const [from, to] = plan.sharding.fullestStage;
  for (const layer of plan.layers.slice(from, to)) {
    add(layer.kind, layer.cacheBytes);
    add(layer.kind === 'conv' ? 'conv' : 'recurrent', layer.stateBytes);
  }
  return [...held].map(([kind, { bytes, layers }]) => ({
    kind,
    bytes,
    fraction: room === 0 ? 0 : bytes / room,
    title: `${layers} ${layers === 1 ? 'layer' : 'layers'} ${kindTitle(kind)}: ${formatSize(bytes)}${plan.everywhere.devices > 1 ? ' on one device' : ''}`,
  }));
}
