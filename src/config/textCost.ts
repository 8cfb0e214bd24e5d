/**
 * A look at a text before it is parsed, which sees it cut as the parser will cut it (scanner.ts of jsonc-parser 3.3). What would take too long,
 * or is nested so deep that the parser's recursion ends the stack, is refused here. Words that JSON has not (`NaN`) are found on the way.
 */

/** Larger texts are not read: no model config comes near it. Characters. */
export const MAX_CONFIG_CHARACTERS = 4_000_000;
/** Deeper nesting is refused before the parser recurses into it. */
const MAX_CONFIG_DEPTH = 200;
/**
 * Values, keys and marks of a text: what a parse takes time and memory for, a third to a half of a microsecond each. The largest configs that
 * people publish list the 70,000 modules that a quantisation leaves out: some 290,000 with their characters and spaces.
 */
const MAX_CONFIG_TOKENS = 320_000;

/** Parts of a value or mark, by the time that they take. */
const PARTS = 32;
const CHARACTER = 1;
/** The scanner takes spaces one by one, and puts a string together again at each escape. */
const BLANK = 4;
const ESCAPE = 8;
/** A key beside its marks: objects are made three times, as nodes, as a map and as a value. */
const KEY = 2 * PARTS;
/** A word that JSON has not, beside the value that it is. */
const BARE = 4 * PARTS;

export interface TextCost {
  /** Why the text is not parsed. */
  readonly refused: string | null;
  /** Words of Python's json, by their offset: they stand for the numbers that they mean. */
  readonly bare: ReadonlyMap<number, string>;
}

const [TAB, FEED, RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20];
const [QUOTE, STAR, MINUS, SLASH, COLON, BACKSLASH] = [0x22, 0x2a, 0x2d, 0x2f, 0x3a, 0x5c];
const [ZERO, NINE, CAPITAL_I, CAPITAL_N] = [0x30, 0x39, 0x49, 0x4e];

export function textCost(text: string): TextCost {
  const bare = new Map<number, string>();
  if (text.length > MAX_CONFIG_CHARACTERS)
    return {
      refused: `The file has ${text.length} characters; more than ${MAX_CONFIG_CHARACTERS} are not read.`,
      bare,
    };
  const most = MAX_CONFIG_TOKENS * PARTS;
  let cost = text.length * CHARACTER;
  let depth = 0;
  // What the sign before was part of. A zero begins a number that has no further digits.
  let [inString, inWord, isZero] = [false, false, false];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) {
        index++;
        cost += ESCAPE;
      } else if (code === QUOTE || code === FEED || code === RETURN) inString = false;
      continue;
    }
    const wasZero = isZero;
    const wasWord = inWord;
    inWord = false;
    isZero = false;
    if (isBlank(code)) cost += BLANK;
    else if (code === SLASH) {
      cost += PARTS;
      const end = commentEnd(text, index);
      if (end !== null) index = end - 1;
    } else if (isMark(code)) {
      cost += PARTS;
      if (code === COLON) cost += KEY;
      else if (code === QUOTE) inString = true;
      else if (code === 0x7b || code === 0x5b) {
        if (++depth > MAX_CONFIG_DEPTH)
          return { refused: `The file is nested more than ${MAX_CONFIG_DEPTH} levels deep; it is not read.`, bare };
      } else if (code === 0x7d || code === 0x5d) depth--;
    } else {
      inWord = true;
      const isDigit = code >= ZERO && code <= NINE;
      // Each minus is read for itself where no digit follows.
      const begins = !wasWord || code === MINUS || (wasZero && isDigit);
      isZero = code === ZERO && (begins || text.charCodeAt(index - 1) === MINUS);
      if (begins) cost += PARTS;
      const word = code === CAPITAL_I || code === CAPITAL_N ? bareWordAt(text, index) : null;
      if (word !== null) {
        const isNegative = text[index - 1] === '-' && !isWordSign(text, index - 2);
        bare.set(isNegative ? index - 1 : index, isNegative ? `-${word}` : word);
        index += word.length - 1;
        cost += BARE;
      }
    }
    if (cost > most) break;
  }
  const refused =
    cost > most
      ? `The file is too large to be a model config: more than about ${MAX_CONFIG_TOKENS} JSON tokens. It is not read.`
      : null;
  return { refused, bare };
}

const isBlank = (code: number): boolean => code === SPACE || code === TAB || code === FEED || code === RETURN;

/** `" , : { } [ ]` */
const isMark = (code: number): boolean =>
  code === QUOTE || code === 0x2c || code === 0x3a || code === 0x7b || code === 0x7d || code === 0x5b || code === 0x5d;

/** Where a comment that begins here ends; null where none does. */
function commentEnd(text: string, start: number): number | null {
  const next = text.charCodeAt(start + 1);
  if (next === STAR) {
    const end = text.indexOf('*/', start + 2);
    return end < 0 ? text.length : end + 2;
  }
  if (next !== SLASH) return null;
  let end = start + 2;
  while (end < text.length && text.charCodeAt(end) !== FEED && text.charCodeAt(end) !== RETURN) end++;
  return end;
}

/** `Infinity` or `NaN` as a word of its own. */
function bareWordAt(text: string, index: number): string | null {
  if (isWordSign(text, index - 1)) return null;
  const word = ['Infinity', 'NaN'].find((name) => text.startsWith(name, index));
  return word === undefined || isWordSign(text, index + word.length) ? null : word;
}

const isWordSign = (text: string, index: number): boolean => /[\w.$]/.test(text[index] ?? '');
