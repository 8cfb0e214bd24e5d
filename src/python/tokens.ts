/** Python source as tokens, as far as literals and calls need them. Tolerant: what is not understood is an operator of one character. */

export interface PythonToken {
  readonly kind: 'name' | 'number' | 'string' | 'operator';
  readonly start: number;
  readonly end: number;
  /** Names and operators as written; strings decoded. */
  readonly text: string;
  /** False for strings that are no constants (f-strings, bytes) or are not closed. */
  readonly constant: boolean;
}

/** More are not looked at. */
const MAX_PYTHON_TOKENS = 400_000;

const SPACE = /[ \t\r\n\f\\]+/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?)[jJ]?/y;
const OPERATOR = /\*\*|\/\/|->|:=|[^\s]/uy;
const PREFIXES: readonly string[] = ['r', 'b', 'f', 'u', 't', 'br', 'rb', 'fr', 'rf', 'tr', 'rt'];

export function tokenizePython(source: string): PythonToken[] {
  const tokens: PythonToken[] = [];
  let offset = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = offset;
    return pattern.exec(source)?.[0] ?? null;
  };
  while (offset < source.length && tokens.length < MAX_PYTHON_TOKENS) {
    const space = take(SPACE);
    if (space !== null) {
      offset += space.length;
      continue;
    }
    const first = source[offset] ?? '';
    if (first === '#') {
      const end = source.indexOf('\n', offset);
      offset = end < 0 ? source.length : end;
      continue;
    }
    const name = take(NAME);
    const quote = source[offset + (name?.length ?? 0)] ?? '';
    if ((quote === '"' || quote === "'") && (name === null || PREFIXES.includes(name.toLowerCase()))) {
      const token = stringToken(source, offset, name ?? '');
      tokens.push(token);
      offset = token.end;
      continue;
    }
    const kind = name !== null ? 'name' : /[\d.]/.test(first) && take(NUMBER) ? 'number' : 'operator';
    const text = name ?? (kind === 'number' ? take(NUMBER) : take(OPERATOR)) ?? first;
    tokens.push({ kind, start: offset, end: offset + text.length, text, constant: true });
    offset += text.length;
  }
  return tokens;
}

function stringToken(source: string, start: number, prefix: string): PythonToken {
  const open = start + prefix.length;
  const quote = source[open] ?? '"';
  const triple = source.startsWith(quote.repeat(3), open);
  const closing = triple ? quote.repeat(3) : quote;
  const raw = /r/i.test(prefix);
  let at = open + closing.length;
  for (; at < source.length; at++) {
    if (source.startsWith(closing, at)) {
      const body = source.slice(open + closing.length, at);
      return {
        kind: 'string',
        start,
        end: at + closing.length,
        text: raw ? body : unescaped(body),
        constant: !/[bft]/i.test(prefix),
      };
    }
    // A string of one line ends with it when it is not closed.
    if (!triple && source[at] === '\n') break;
    if (source[at] === '\\') at++;
  }
  const end = Math.min(at, source.length);
  return { kind: 'string', start, end, text: '', constant: false };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' };

function unescaped(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|[\s\S])/g, (_, escape: string) =>
    escape.length > 1 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? escape),
  );
}
