/** Where commands write. */

import type { TerminalText } from '../present/terminal';

export interface CliOutput {
  out(text: TerminalText): void;
  err(text: TerminalText): void;
}
