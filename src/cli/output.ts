/** Where commands write. */

import type { Screen, TerminalText } from '../present/terminal';

export interface CliOutput {
  out(text: TerminalText): void;
  err(text: TerminalText): void;
  /** Present where a person looks at what `out` gets: not a pipe, nor a file. */
  readonly screen?: Screen;
}
