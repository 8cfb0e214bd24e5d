/** Tables for spreadsheets (RFC 4180). */

import { visible } from '../model/visibleText';

/** Numbers are ours; texts may come from files. */
export type CsvCell = string | number | boolean | null;

export function csv(rows: readonly (readonly CsvCell[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/**
 * Spreadsheets take a leading =, +, - or @ (in some languages their wide forms, too) for a formula, and some divide rows at semicolons.
 * Tabs and line breaks are visible signs by then.
 */
function cell(value: CsvCell): string {
  if (typeof value !== 'string') return String(value ?? '');
  const text = visible(value);
  const harmless = /^\s*[=+\-@＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",;]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
