/** Text for terminals and for answers to programs: the only kind that the command line prints, and made here alone. */

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
