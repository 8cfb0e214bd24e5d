/** Text for terminals and for answers to programs: the only kind that the command line prints, and made here alone. */

import { elementAt } from '../model/elementAt';
import { visible, visibleJson, visibleLines } from '../model/visibleText';

declare const SHOWN: unique symbol;

/** Nothing in it is obeyed, and no line of it was begun by a file's text. */
export type TerminalText = string & { readonly [SHOWN]: true };

/** Each is one line, whatever it holds. */
export function lines(each: readonly string[]): TerminalText {
  return each.map(visible).join('\n') as TerminalText;
}

export function line(text: string): TerminalText {
  return lines([text]);
}

/** Texts that were made before, one below the other. */
export function below(...texts: readonly TerminalText[]): TerminalText {
  return texts.join('\n') as TerminalText;
}

/** What a model wrote: its line breaks are its own. */
export function prose(text: string): TerminalText {
  return visibleLines(text) as TerminalText;
}

/** One line of JSON. */
export function json(value: unknown): TerminalText {
  return visibleJson(value) as TerminalText;
}

/** A terminal that somebody looks at. */
export interface Screen {
  /** Characters of a line; null where it is not known. */
  readonly columns: number | null;
  readonly colours: boolean;
}

/** Select Graphic Rendition of ECMA-48 (8.3.117): bold, and as before. */
const [BOLD, PLAIN] = ['\u001b[1m', '\u001b[22m'];

/** Headings stand out: lines that end in a colon, and what comes before the colon of "usage: …". */
export function titled(text: string, screen?: Screen): TerminalText {
  const shown = visibleLines(text);
  return (
    screen?.colours === true ? shown.replace(/^(?:[a-z ]+:$|usage:)/gm, (title) => `${BOLD}${title}${PLAIN}`) : shown
  ) as TerminalText;
}

/** Colours of SGR, by what they say. */
const TONES = { good: 32, bad: 31, mild: 33 } as const;

/** Words in the colour of what they say. `words` is global. */
export function toned(
  text: TerminalText,
  tones: readonly (readonly [words: RegExp, tone: keyof typeof TONES])[],
  screen?: Screen,
): TerminalText {
  if (screen?.colours !== true) return text;
  return tones.reduce(
    (shown, [words, tone]) => shown.replace(words, (word) => `\u001b[${TONES[tone]}m${word}\u001b[39m`),
    text as string,
  ) as TerminalText;
}

type Alignment = 'left' | 'right';

/** A table of one line for each row; on a screen that is too narrow for it, a block for each row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
  screen?: Screen,
): TerminalText {
  const shown = [head, ...rows].map((row) => row.map(visible));
  const widths = head.map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)));
  const width = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length);
  const bold = (text: string): string => (screen?.colours === true ? `${BOLD}${text}${PLAIN}` : text);
  if (screen?.columns != null && width > screen.columns) return blocks(shown, bold);
  const padded = shown.map((row) =>
    row
      .map((text, column) =>
        alignments[column] === 'right'
          ? text.padStart(elementAt(widths, column))
          : text.padEnd(elementAt(widths, column)),
      )
      .join(GAP)
      .trimEnd(),
  );
  return [bold(padded[0] ?? ''), ...padded.slice(1)].join('\n') as TerminalText;
}

const GAP = '  ';

/** The first cell of a row as its title, the others below, each with the head of its column. */
function blocks([head = [], ...rows]: readonly (readonly string[])[], bold: (text: string) => string): TerminalText {
  const widest = Math.max(...head.slice(1).map((title) => title.length));
  return rows
    .map(([title = '', ...cells]) =>
      [bold(title), ...cells.map((cell, at) => `  ${(head[at + 1] ?? '').padEnd(widest)}  ${cell}`)].join('\n'),
    )
    .join('\n') as TerminalText;
}
