/** Numbers as text. Binary units are what is shown, decimal ones stand in brackets where both help. */

import { elementAt } from './elementAt';

const KIB = 1024;
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** 131072 -> "131,072". Independent of the machine's locale, so that texts can be compared. */
export function formatInteger(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = BigInt(Math.round(value)).toString();
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function scaled(bytes: number, base: number, units: readonly string[]): string {
  if (!Number.isFinite(bytes)) return 'too large to state';
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  if (unit === 0) return `${formatInteger(value)} B`;
  return `${trimmed(value)} ${elementAt(units, unit)}`;
}

/** Three significant digits at least, never more than two decimals, no trailing zeros: 128, 68.6, 4.5, 1.05. */
function trimmed(value: number): string {
  const decimals = value >= 100 ? 1 : 2;
  const text = value.toFixed(decimals);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** 131072 -> "128 KiB". */
export function formatBinary(bytes: number): string {
  return scaled(bytes, KIB, BINARY);
}

/** 4831838208 -> "4.83 GB". */
function formatDecimal(bytes: number): string {
  return scaled(bytes, 1000, DECIMAL);
}

/** "4.5 GiB (4.83 GB)"; below 1 KiB just bytes. */
export function formatBytes(bytes: number): string {
  return bytes < KIB ? formatBinary(bytes) : `${formatBinary(bytes)} (${formatDecimal(bytes)})`;
}

/** "131,072 B (128 KiB)". */
export function formatExactBytes(bytes: number): string {
  return bytes < KIB ? formatBinary(bytes) : `${formatInteger(bytes)} B (${formatBinary(bytes)})`;
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
