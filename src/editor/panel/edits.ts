/** Values of a config that change, as edits of its text that keep its formatting. */

import { applyEdits, type Edit, type FormattingOptions, modify } from 'jsonc-parser';
import type { ConfigEdit } from '../../shared/panelContract';

/** In terms of the text as it is now; half-open, not overlapping, in the order of the text. */
export function textEdits(text: string, edits: readonly ConfigEdit[]): readonly Edit[] {
  const formattingOptions = formattingOf(text);
  const changed = edits.reduce(
    (current, { path, value }) => applyEdits(current, modify(current, [...path], value, { formattingOptions })),
    text,
  );
  return edits.length === 1
    ? modify(text, [...(edits[0]?.path ?? [])], edits[0]?.value, { formattingOptions })
    : whole(text, changed);
}

/** What differs between two texts, as one edit: several values that change at once may touch the same lines. */
function whole(before: string, after: string): Edit[] {
  if (before === after) return [];
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < Math.min(before.length, after.length) - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++;
  return [{ offset: start, length: before.length - start - end, content: after.slice(start, after.length - end) }];
}

/** Indentation and line ends as they are in the file. */
function formattingOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.includes('\t'),
    tabSize: indent.includes('\t') ? 4 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}
