/** Text for the editor's messages and labels, of which it would make links and icons. */

import { visibleUpTo } from '../model/visibleText';

/** Characters of one message or label. */
const LONGEST = 1_000;

/** One line, in which `[text](command:…)` is no link and `$(name)` no icon. */
export function inert(text: string): string {
  return visibleUpTo(LONGEST, text).replaceAll('](', '] (').replaceAll('$(', '$ (');
}
