/**
 * Numbers as text. Sizes are shown in binary units (GiB) or in decimal ones (GB), as `showUnits` said last; where both help, the
 * other stands in brackets.
 */

import { elementAt } from './elementAt';

export const UNITS = ['GiB', 'GB'] as const;
/** What sizes are counted in: powers of 1,024 or of 1,000. */
export type Units = (typeof UNITS)[number];

interface System {
  readonly base: number;
  readonly names: readonly string[];
}

const SYSTEMS: Readonly<Record<Units, System>> = {
  GiB: { base: 1024, names: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] },
  GB: { base: 1000, names: ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] },
};

export function isUnits(value: unknown): value is Units {
  return (UNITS as readonly unknown[]).includes(value);
}

export function otherUnits(units: Units): Units {
  return units === 'GiB' ? 'GB' : 'GiB';
}

// One for the process: every size that a person sees is made here, and all of them change together.
let shown: Units = 'GiB';

/** Chooses what sizes are counted in from now on. Texts that were made stay as they are: who shows them makes them again. */
export function showUnits(units: Units): void {
  shown = units;
}

export function shownUnits(): Units {
  return shown;
}

/** 131072 -> "131,072". Independent of the machine's locale, so that texts can be compared. */
export function formatInteger(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = BigInt(Math.round(value)).toString();
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function scaled(bytes: number, { base, names }: System): string {
  if (!Number.isFinite(bytes)) return 'too large to state';
  let value = bytes;
  let unit = 0;
  // As it is rounded: 1,023.999 KiB are 1 MiB.
  while (Math.abs(rounded(value)) >= base && unit < names.length - 1) {
    value /= base;
    unit++;
  }
  return `${unit === 0 ? formatInteger(value) : trimmed(value)} ${elementAt(names, unit)}`;
}

/** Three significant digits at least, never more than two decimals. */
function rounded(value: number): number {
  return Number(value.toFixed(Math.abs(value) >= 100 ? 1 : 2));
}

/** Without trailing zeros, with separators: 128, 68.6, 4.5, 1.05, 1,008. */
function trimmed(value: number): string {
  const [whole = '', decimals] = String(rounded(value)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return decimals === undefined ? grouped : `${grouped}.${decimals}`;
}

/** 131072 -> "128 KiB", or "131.1 kB". */
export function formatSize(bytes: number): string {
  return scaled(bytes, SYSTEMS[shown]);
}

/** "4.5 GiB (4.83 GB)", or "4.83 GB (4.5 GiB)"; below 1 KiB just bytes. */
export function formatBytes(bytes: number): string {
  return Math.abs(bytes) < SYSTEMS.GiB.base
    ? formatSize(bytes)
    : `${formatSize(bytes)} (${scaled(bytes, SYSTEMS[otherUnits(shown)])})`;
}

/** "131,072 B (128 KiB)". */
export function formatExactBytes(bytes: number): string {
  return Math.abs(bytes) < SYSTEMS[shown].base ? formatSize(bytes) : `${formatInteger(bytes)} B (${formatSize(bytes)})`;
}

/** Indexes as ranges: [0,1,2,5] -> "0–2, 5". */
export function formatRanges(indexes: readonly number[]): string {
  const parts: string[] = [];
  for (let start = 0; start < indexes.length; ) {
    let end = start;
    while (end + 1 < indexes.length && indexes[end + 1] === elementAt(indexes, end) + 1) end++;
    const [first, last] = [indexes[start], indexes[end]];
    parts.push(first === last ? `${first}` : `${first}–${last}`);
    start = end + 1;
  }
  return parts.join(', ');
}

/** Ratio of two sizes as text: "÷ 4", "× 1.5", "÷ 28,444", "same". */
export function formatRatio(from: number, to: number): string {
  if (from === to) return 'same';
  if (from === 0 || to === 0) return to === 0 ? 'to 0' : 'from 0';
  const ratio = Math.max(from / to, to / from);
  return `${to < from ? '÷' : '×'} ${ratio < 1000 ? trimmed(ratio) : formatInteger(ratio)}`;
}

/** What became of a number: its ratio, or the difference ("−1.1 MiB") where the ratio would be 1 and say nothing. */
export function formatChange(from: number, to: number, format: (value: number) => string = formatSize): string {
  const ratio = formatRatio(from, to);
  return /^[÷×] 1$/.test(ratio) ? `${to < from ? '−' : '+'}${format(Math.abs(to - from))}` : ratio;
}
