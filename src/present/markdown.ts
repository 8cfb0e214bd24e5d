/**
 * Markdown, made of parts that may come from an untrusted file: nothing of it may become markup, a link or an image. `Markdown` is the type
 * of what is made here, and a plain string is no Markdown: what takes it as such is escaped, so the compiler sees a place that would
 * show a file's text as it is.
 */

import { elementAt } from '../model/elementAt';
import { visibleUpTo } from '../model/visibleText';
import type { Svg } from './svg';

/** Made by this file alone (its members are private to it), so that every text in it was escaped. */
class MarkdownText {
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /** The Markdown as text, for what renders or writes it; as a part of other Markdown it would be escaped again. */
  get source(): string {
    return this.#source;
  }
}

export type Markdown = MarkdownText;
/** What stands in Markdown: text is escaped, Markdown stays. */
export type MarkdownPart = string | number | Markdown;

/** md`**${text}**`: what the code says is Markdown, what it puts in is text. */
export function md(constant: TemplateStringsArray, ...parts: readonly MarkdownPart[]): Markdown {
  const sources = parts.map((part, index) => `${sourceOf(part)}${constant[index + 1] ?? ''}`);
  return new MarkdownText(`${constant[0] ?? ''}${sources.join('')}`);
}

function sourceOf(part: MarkdownPart): string {
  return part instanceof MarkdownText ? part.source : escaped(visibleUpTo(LONGEST, String(part)));
}

/** A sentence, which is not cut so soon. */
export function sentenceText(text: string): Markdown {
  return new MarkdownText(escaped(visibleUpTo(LONGEST_SENTENCE, text)));
}

/** A translated sentence with `{0}`, `{1}`, … where Markdown stands in it. */
export function filled(sentence: string, ...parts: readonly Markdown[]): Markdown {
  const sources = sentence
    .split(/(\{\d\})/)
    .map((piece, index) => (index % 2 === 0 ? escaped(piece) : (parts[Number(piece[1])]?.source ?? '')));
  return new MarkdownText(sources.join(''));
}

/** Markdown that ships with the extension: of its own files, never of another's. */
export function shipped(text: string): Markdown {
  return new MarkdownText(text);
}

/** A picture of our own, as HTML: only pages that are rendered show it. */
export function figure({ source }: Svg): Markdown {
  return new MarkdownText(`<figure style="margin: 0; overflow-x: auto">${source}</figure>`);
}

export const NOTHING: Markdown = new MarkdownText('');

export function isNothing(part: Markdown): boolean {
  return part.source === '';
}

/** The command behind a line's link (src/editor/revealLine.ts). */
export const REVEAL_LINE = '_headlight.revealLine';

/**
 * "line 12" as a link that reveals the line: our own command with one whole number, which is counted and never read from a file.
 */
export function lineLink(line: number): Markdown {
  if (!Number.isSafeInteger(line) || line < 1) return md`line ${line}`;
  return new MarkdownText(`[line ${line}](command:${REVEAL_LINE}?%5B${line}%5D)`);
}

/** Parts with something of our own between them; what is empty is left out. */
export function joined(parts: readonly MarkdownPart[], between: Separator): Markdown {
  return new MarkdownText(
    parts
      .map(sourceOf)
      .filter((source) => source !== '')
      .join(between),
  );
}

/** A line break inside a paragraph has two spaces before it. */
export type Separator = '\n\n' | '\n' | '  \n' | ' · ' | '; ' | ', ' | ' or ' | ' ';

/** Paragraphs, headings and tables as a document of its own. */
export function documentOf(parts: readonly Markdown[]): Markdown {
  return md`${joined(parts, '\n\n')}
`;
}

export function heading(level: 1 | 2 | 3, title: MarkdownPart): Markdown {
  return new MarkdownText(`${'#'.repeat(level)} ${sourceOf(title)}`);
}

export function list(items: readonly MarkdownPart[]): Markdown {
  return joined(
    items.map((item) => md`- ${item}`),
    '\n',
  );
}

/**
 * Only where text would become markup, so that the source reads well, too (results open as documents). What does not show was made
 * visible before.
 */
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

/**
 * A link that runs a command with a text. Whatever the text is, its address has letters, digits and `%` alone: it can end no link. Where it is
 * shown, only the commands that are named there run.
 */
export function commandLink(label: string, command: string, argument: string): Markdown {
  const plain = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*_~.-]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return new MarkdownText(`[${escaped(label)}](command:${command}?${plain(JSON.stringify([argument]))})`);
}

/** A code span. Backticks cannot stand in it; pipes would end a table cell, and so would those behind a backslash of the text's own. */
export function codeSpan(text: string, longest = LONGEST): Markdown {
  const inner = visibleUpTo(longest, text)
    .replaceAll('`', "'")
    .replace(/\\(?=\|)/g, '\\ ')
    .replaceAll('|', '\\|');
  return inner.trim() === '' ? NOTHING : new MarkdownText(`\`${inner}\``);
}

/** Wider cells do not widen their column. Characters. */
const WIDEST = 48;

/** A table. Its columns are padded, so that it is one in the source, too. */
export function table(
  titles: readonly MarkdownPart[],
  rows: readonly (readonly MarkdownPart[])[],
  align: readonly ('left' | 'right')[] = [],
): Markdown {
  const header = titles.map(sourceOf);
  const cells = rows.map((row) => row.map(sourceOf));
  const widths = header.map((title, column) =>
    Math.max(
      3,
      ...[title, ...cells.map((row) => row[column] ?? '')].map(({ length }) => (length > WIDEST ? 0 : length)),
    ),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (align[column] === 'right' ? cell.padStart(elementAt(widths, column)) : cell.padEnd(elementAt(widths, column)))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    align[column] === 'right' ? `${'-'.repeat(width - 1)}:` : `:${'-'.repeat(width - 1)}`,
  );
  return new MarkdownText([header, rule, ...cells].map(line).join('\n'));
}

const LONGEST = 120;
const LONGEST_SENTENCE = 600;
