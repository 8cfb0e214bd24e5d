/** Python source as a tree, within a time, and with the commas that are missing while somebody types. */

import { Tree } from '@lezer/common';
import { parser } from '@lezer/python';

/** What is not parsed by then is left alone: text that makes no sense can cost seconds. The largest config of a library takes some 10. */
const MAX_PARSE_MS = 80;
/** Even nonsense of this length costs some 100 ms only. By the clock it has more: a machine that is busy must not lose a config. Characters. */
const SHORT_SOURCE = 16_384;

/** How much longer than usual work on a source may take by the clock. */
export const patienceFor = (source: string): number => (source.length <= SHORT_SOURCE ? 10 : 1);

const NAMED_ARGUMENT = /^[ \t]+[\p{L}_][\p{L}\p{N}_]*\s*=(?!=)/u;

/** Its offsets are those of the source. */
export function parsePython(source: string): Tree {
  try {
    return withinTime(source);
  } catch (error) {
    // The parser builds what is nested by recursion.
    if (error instanceof RangeError) return Tree.empty;
    throw error;
  }
}

function withinTime(source: string): Tree {
  const deadline = Date.now() + MAX_PARSE_MS * patienceFor(source);
  const tree = parse(source, deadline);
  let broken = false;
  tree.iterate({
    enter: ({ type }) => {
      broken ||= type.isError;
    },
  });
  return broken && Date.now() < deadline ? parse(withCommas(source), deadline) : tree;
}

function parse(source: string, deadline: number): Tree {
  const parsing = parser.startParse(source);
  for (;;) {
    const tree = parsing.advance();
    if (tree) return tree;
    if (parsing.stoppedAt === null && Date.now() > deadline) parsing.stopAt(parsing.parsedPos);
  }
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
