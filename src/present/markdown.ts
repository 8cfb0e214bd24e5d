/** Markdown from parts that may come from an untrusted file: nothing of it may become markup, a link or an image. */

import { elementAt } from '../model/elementAt';

/**
 * Escapes text for a paragraph or a table cell: only where it would become markup, so that the source reads well, too (results open
 * as documents). Control characters and line breaks become spaces.
 */
export function escapeText(text: string): string {
  return escaped(plain(text));
}

/** The same for sentences of our own, which are not cut so soon. */
export function escapeSentence(text: string): string {
  return escaped(plain(text, LONGEST_SENTENCE));
}

function escaped(text: string): string {
  return (
    text
      .replace(/&(?=#?\w+;)/g, '&amp;')
      .replace(/[\\`*[\]~|$@>]/g, '\\$&')
      .replaceAll('<', '&lt;')
      .replaceAll('](', ']\\(')
      // Inside a word an underscore is one.
      .replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\_')
      // What looks like an address becomes a link.
      .replace(/:(?=\/\/)|(?<=www)\./gi, '\\$&')
      // Headings, lists and rules, where it begins a line.
      .replace(/^(\s*)([#+=-])(?=[\s#=-]|$)/, '$1\\$2')
      .replace(/^(\s*\d+)([.)])(?=\s|$)/, '$1\\$2')
  );
}

/** A code span. Backticks cannot stand in it; pipes would end a table cell. */
export function codeSpan(text: string, longest = LONGEST): string {
  const inner = plain(text, longest).replaceAll('`', "'").replaceAll('|', '\\|');
  return inner.trim() === '' ? '' : `\`${inner}\``;
}

/** Wider cells do not widen their column. Characters. */
const WIDEST = 48;

/** A table; cells are Markdown already. Its columns are padded, so that it is one in the source, too. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = [],
): string {
  const widths = header.map((title, column) =>
    Math.max(
      3,
      ...[title, ...rows.map((row) => row[column] ?? '')].map(({ length }) => (length > WIDEST ? 0 : length)),
    ),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (align[column] === 'right' ? cell.padStart(elementAt(widths, column)) : cell.padEnd(elementAt(widths, column)))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    align[column] === 'right' ? `${'-'.repeat(width - 1)}:` : `:${'-'.repeat(width - 1)}`,
  );
  return [header, rule, ...rows].map(line).join('\n');
}

const LONGEST = 120;
const LONGEST_SENTENCE = 600;

function plain(text: string, longest = LONGEST): string {
  // Control characters, and those that turn the direction of text, would let a file change how a hover reads.
  const single = text.replace(/[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return single.length > longest ? `${single.slice(0, longest - 1)}…` : single;
}
