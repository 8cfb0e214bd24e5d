/** A look at JSON text before it is parsed: bounds on what parsing will allocate, and duplicate names, which parsing hides. */

export interface JsonLimits {
  readonly maxDepth: number;
  /** Elements of one array. */
  readonly maxArrayLength: number;
  /** Names in all objects together. */
  readonly maxNames: number;
}

/** What exceeded a limit, or null; and how many names all objects have together. */
export interface JsonScan {
  readonly problem: string | null;
  readonly names: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * One pass over the bytes, no allocation. Not a validator: what is no JSON passes and fails in JSON.parse.
 * @param commas Takes the places of the commas between the members of the outermost object.
 */
export function scanJson(bytes: Uint8Array, limits: JsonLimits, commas?: number[]): JsonScan {
  /** Elements so far per open bracket; -1 for an object. */
  const open: number[] = [];
  let names = 0;
  for (let i = 0; i < bytes.length; i++) {
    switch (bytes[i]) {
      case QUOTE:
        i++;
        while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (open.length >= limits.maxDepth) return { problem: `it is nested more than ${limits.maxDepth} deep`, names };
        open.push(bytes[i] === OPEN_ARRAY ? 1 : -1);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        break;
      case COMMA: {
        const top = open.length - 1;
        const length = open[top];
        if (top === 0 && length === -1) commas?.push(i);
        if (length === undefined || length < 0) break;
        if (length >= limits.maxArrayLength)
          return { problem: `a list has more than ${limits.maxArrayLength} entries`, names };
        open[top] = length + 1;
        break;
      }
      case COLON:
        if (++names > limits.maxNames) return { problem: `it has more than ${limits.maxNames} names`, names };
        break;
      default:
    }
  }
  return { problem: null, names };
}

/** Names of all objects in a parsed value. Fewer than scanned means that some occur twice in one object. */
export function countNames(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countNames(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  for (const item of Object.values(value))
    count += 1 + (typeof item === 'object' && item !== null ? countNames(item) : 0);
  return count;
}
