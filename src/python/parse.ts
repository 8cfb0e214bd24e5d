/** Python source as a tree, within a time, and with the commas that are missing while somebody types. */

import { Tree } from '@lezer/common';
import { parser } from '@lezer/python';

/** What is not parsed by then is left alone: text that makes no sense can cost seconds. The largest config of a library takes some 10. */
const MAX_PARSE_MS = 80;
/** Even nonsense of this length costs some 100 ms only. By the clock it has more: a machine that is busy must not lose a config. Characters. */
const SHORT_SOURCE = 16_384;

/** How much longer than usual work on a source may take by the clock. */
export const patienceFor = (source: string): number => (source.length <= SHORT_SOURCE ? 10 : 1);
/** Python refuses more brackets in each other than 200 (MAXLEVEL of its tokenizer); walking them takes time that grows with their square. */
const MAX_BRACKETS = 200;
const NAMED_ARGUMENT = /^[ \t]+[\p{L}_][\p{L}\p{N}_]*\s*=(?!=)/u;

/** Its offsets are those of the source. Empty where the source is nested deeper than Python reads. */
export function parsePython(source: string): Tree {
  try {
    // The grammar ends a string at a line break of Windows that is escaped. As long as before: offsets stay.
    const lines = source.replaceAll('\\\r\n', ' \\\n');
    return isTooDeep(lines) ? Tree.empty : withinTime(lines);
  } catch (error) {
    // Signs before signs nest as well (`----1`, `lambda: lambda: 1`), and the parser walks its tree by recursion. Of a source of tens of
    // thousands of mistakes, the tree has nodes without a type (@lezer/common 1.5.5), over which walking it falls.
    if (error instanceof RangeError || error instanceof TypeError) return Tree.empty;
    throw error;
  }
}

function withinTime(source: string): Tree {
  const deadline = Date.now() + MAX_PARSE_MS * patienceFor(source);
  const tree = parse(source, deadline);
  if (!hasErrors(tree) || Date.now() >= deadline) return tree;
  const mended = parse(withCommas(source), deadline);
  // Whoever walks it later must not be the first: see above.
  hasErrors(mended);
  return mended;
}

function hasErrors(tree: Tree): boolean {
  let found = false;
  tree.iterate({
    enter: ({ type }) => {
      found ||= type.isError;
    },
  });
  return found;
}

function parse(source: string, deadline: number): Tree {
  const parsing = parser.startParse(source);
  for (;;) {
    const tree = parsing.advance();
    if (tree) return tree;
    if (parsing.stoppedAt === null && Date.now() > deadline) parsing.stopAt(parsing.parsedPos);
  }
}

/** Strings and comments, brackets; a string that is not closed ends with its line. */
const BRACKETS = /#.*|(["'])\1\1[\s\S]*?(?:\1\1\1|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[([{]|[)\]}]/g;

function isTooDeep(source: string): boolean {
  let depth = 0;
  for (const [found] of source.matchAll(BRACKETS)) {
    if ('([{'.includes(found) && ++depth > MAX_BRACKETS) return true;
    if (')]}'.includes(found)) depth = Math.max(0, depth - 1);
  }
  return false;
}

/**
 * Where a named argument is being typed, the comma before the next one is missing, and the grammar ends the call there: all further
 * arguments would be lost. The comma takes the place of a space.
 */
function withCommas(source: string): string {
  const lines = source.split('\n');
  const codes = lines.map((line) => (line.split('#', 1)[0] ?? '').trimEnd());
  let before = '';
  return lines
    .map((line, index) => {
      const code = codes[index] ?? '';
      const isArgument =
        NAMED_ARGUMENT.test(code) && isBalanced(code) && (code.endsWith(',') || /^\s*\)/.test(codes[index + 1] ?? ''));
      const isMissing = isArgument && /[^,([{]$/.test(before);
      before = code || before;
      return isMissing ? line.replace(/[ \t](?=\S)/, ',') : line;
    })
    .join('\n');
}

function isBalanced(code: string): boolean {
  return code.split(/[([{]/).length === code.split(/[)\]}]/).length;
}
