/** A config's text as a tree with positions. Tolerant: comments, trailing commas, half-typed files, bare Infinity. */

import {
  findNodeAtOffset,
  getNodePath,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { elementAt } from '../model/elementAt';
import type { TextRange } from '../model/spec';
import { hides, visible } from '../model/visibleText';

/** Larger texts are not read: no model config comes near it. Characters. */
export const MAX_CONFIG_CHARACTERS = 4_000_000;
/** Deeper nesting is refused before the parser recurses into it. */
const MAX_CONFIG_DEPTH = 200;
/**
 * Values, keys and marks of a text: what a parse takes time and memory for. The largest configs that people publish list the 70,000 modules
 * that a quantisation leaves out, in some 150,000.
 */
const MAX_CONFIG_TOKENS = 300_000;
/** White space between them: the scanner takes it one by one. Two spaces before each of 70,000 modules are far below it. */
const MAX_BLANKS = 1_000_000;
/** Of all texts with signs that do not show: to show them takes a quarter of a microsecond each. Templates of chats have a few thousand. */
const MAX_HIDING_CHARACTERS = 200_000;

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface SyntaxError {
  readonly message: string;
  readonly range: TextRange;
}

/** One `"key": value` of the document. */
export interface PropertyEntry {
  readonly key: string;
  readonly keyNode: Node;
  /** Absent while the value is not typed yet. */
  readonly valueNode: Node | undefined;
}

const ERROR_MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol: 'This is not a JSON value.',
  InvalidNumberFormat: 'This number is not complete.',
  PropertyNameExpected: 'A key is expected here.',
  ValueExpected: 'A value is expected here.',
  ColonExpected: 'A colon is expected here.',
  CommaExpected: 'A comma is expected here.',
  CloseBraceExpected: 'A closing brace is missing.',
  CloseBracketExpected: 'A closing bracket is missing.',
  EndOfFileExpected: 'The file should end here.',
  UnexpectedEndOfString: 'This string is not closed.',
};

/** Python's json writes and reads these where JSON has no word for them; they are read as the numbers they mean. */
const BARE_NUMBER = /"(?:[^"\\\n]|\\.)*"?|\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|(?<![\w.$])-?(?:Infinity|NaN)(?![\w.$])/g;

export class ConfigDocument {
  private lineStarts: readonly number[] | null = null;
  private readonly properties = new WeakMap<Node, ReadonlyMap<string, PropertyEntry>>();
  private readonly values = new WeakMap<Node, JsonValue>();

  private constructor(
    readonly text: string,
    readonly root: Node | undefined,
    readonly errors: readonly SyntaxError[],
  ) {}

  /** Parses any text; never throws. A text that is too long or nested too deeply has no root and one error. */
  static parse(text: string): ConfigDocument {
    const refused = refusal(text);
    if (refused !== null) return ConfigDocument.notRead(text, refused);
    const errors: ParseError[] = [];
    const { json, bare } = withoutBareNumbers(text);
    const root = parseTree(json, errors, { allowTrailingComma: true, disallowComments: false });
    if (root && bare.size > 0) setNumbers(root, bare);
    if (root && MAY_HIDE.test(text) && showStrings(root, MAX_HIDING_CHARACTERS) < 0)
      return ConfigDocument.notRead(
        text,
        `The file has more than ${MAX_HIDING_CHARACTERS} characters in texts that hide some; it is not read.`,
      );
    const document = new ConfigDocument(text, root, []);
    const kept = errors.map((error) => ({
      message: ERROR_MESSAGES[printParseErrorCode(error.error)] ?? 'This is not JSON.',
      range: document.rangeOf(error.offset, error.length),
    }));
    return new ConfigDocument(text, root, kept);
  }

  private static notRead(text: string, message: string): ConfigDocument {
    return new ConfigDocument(text, undefined, [{ message, range: { offset: 0, length: 0, line: 1 } }]);
  }

  /** 1-based line of a character offset. */
  lineAt(offset: number): number {
    this.lineStarts ??= lineStartsOf(this.text);
    let low = 0;
    let high = this.lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (elementAt(this.lineStarts, middle) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  rangeOf(offset: number, length: number): TextRange {
    return { offset, length, line: this.lineAt(offset) };
  }

  rangeOfNode(node: Node): TextRange {
    return this.rangeOf(node.offset, node.length);
  }

  /** The properties of an object node; of duplicated keys the last counts, as in JSON.parse. */
  propertiesOf(node: Node): ReadonlyMap<string, PropertyEntry> {
    const known = this.properties.get(node);
    if (known) return known;
    const entries = new Map<string, PropertyEntry>();
    for (const child of node.children ?? []) {
      const [keyNode, valueNode] = child.children ?? [];
      if (child.type !== 'property' || keyNode === undefined || typeof keyNode.value !== 'string') continue;
      entries.set(keyNode.value, { key: keyNode.value, keyNode, valueNode });
    }
    this.properties.set(node, entries);
    return entries;
  }

  /** The object node at a path of keys, or undefined. */
  objectAt(path: readonly string[]): Node | undefined {
    let node = this.root;
    for (const key of path) {
      if (node?.type !== 'object') return undefined;
      node = this.propertiesOf(node).get(key)?.valueNode;
    }
    return node?.type === 'object' ? node : undefined;
  }

  /** Plain value of a node. Lists and objects are made once. */
  valueOf(node: Node): JsonValue {
    if (node.type !== 'array' && node.type !== 'object') return toValue(node, this);
    const known = this.values.get(node);
    if (known !== undefined) return known;
    const value = toValue(node, this);
    this.values.set(node, value);
    return value;
  }

  /** The property whose key or value (or an element of whose list) lies under a character offset. */
  propertyAt(
    offset: number,
  ): { readonly path: readonly string[]; readonly entry: PropertyEntry; readonly literal: Node } | null {
    if (!this.root) return null;
    const literal = findNodeAtOffset(this.root, offset, true);
    if (!literal || literal.type === 'object' || literal.type === 'property') return null;
    const path = getNodePath(literal).filter((segment) => typeof segment === 'string');
    const key = path.at(-1);
    if (key === undefined) return null;
    const parent = this.objectAt(path.slice(0, -1));
    const entry = parent && this.propertiesOf(parent).get(key);
    return entry ? { path, entry, literal } : null;
  }
}

/** The text with a zero in place of each bare word, of the same length, and where these stood. */
function withoutBareNumbers(text: string): { readonly json: string; readonly bare: ReadonlyMap<number, string> } {
  const bare = new Map<number, string>();
  if (!/Infinity|NaN/.test(text)) return { json: text, bare };
  const json = text.replace(BARE_NUMBER, (found: string, offset: number) => {
    if (found.startsWith('"') || found.startsWith('/')) return found;
    bare.set(offset, found);
    return '0'.padEnd(found.length);
  });
  return { json, bare };
}

/** Without an escape and beyond ASCII, there is nothing in a text that does not show. */
const MAY_HIDE = /\\|[^\t\n\r -~]/;

/**
 * Keys and values become text that can be seen (visibleText.ts): nothing that is made of them can be another line, or read another
 * way. What is left of `most` characters that are shown so; below 0 where that is not enough.
 */
function showStrings(node: Node, most: number): number {
  let left = most;
  const { value }: { value?: unknown } = node;
  if (typeof value === 'string' && hides(value)) {
    left -= value.length;
    if (left >= 0) Object.assign(node, { value: visible(value) });
  }
  for (const child of node.children ?? []) if (left >= 0) left = showStrings(child, left);
  return left;
}

/** One walk, whatever their number. */
function setNumbers(node: Node, bare: ReadonlyMap<number, string>): void {
  const word = node.type === 'number' ? bare.get(node.offset) : undefined;
  if (word !== undefined) {
    Object.assign(node, { value: Number(word), length: word.length });
    const { parent } = node;
    if (parent?.type === 'property') Object.assign(parent, { length: node.offset + word.length - parent.offset });
  }
  for (const child of node.children ?? []) setNumbers(child, bare);
}

/** `" , : { } [ ]` */
const MARKS: ReadonlySet<number> = new Set([0x22, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d]);

/** Why a text is not parsed, or null. */
function refusal(text: string): string | null {
  if (text.length > MAX_CONFIG_CHARACTERS) {
    return `The file has ${text.length} characters; more than ${MAX_CONFIG_CHARACTERS} are not read.`;
  }
  let depth = 0;
  let tokens = 0;
  let blanks = 0;
  let inString = false;
  let inWord = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22 || code === 0x0a) inString = false;
      continue;
    }
    // What a comment holds is neither string nor bracket.
    if (code === 0x2f && text[index + 1] === '/') index = endOr(text.indexOf('\n', index), text.length);
    else if (code === 0x2f && text[index + 1] === '*') index = endOr(text.indexOf('*/', index + 2), text.length) + 1;
    const isMark = MARKS.has(code);
    const isWord = !isMark && code > 0x20;
    // The parser reads each minus for itself where no digit follows.
    if ((isMark || (isWord && (!inWord || code === 0x2d))) && ++tokens > MAX_CONFIG_TOKENS)
      return `The file has more than ${MAX_CONFIG_TOKENS} values, keys and marks; it is not read.`;
    if (code <= 0x20 && ++blanks > MAX_BLANKS)
      return `The file has more than ${MAX_BLANKS} spaces and line breaks between its values; it is not read.`;
    inWord = isWord;
    if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_CONFIG_DEPTH)
        return `The file is nested more than ${MAX_CONFIG_DEPTH} levels deep; it is not read.`;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return null;
}

const endOr = (found: number, end: number): number => (found < 0 ? end : found);

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) starts.push(index + 1);
  return starts;
}

function toValue(node: Node, document: ConfigDocument): JsonValue {
  if (node.type === 'array') return (node.children ?? []).map((child) => toValue(child, document));
  if (node.type === 'object') {
    const result: Record<string, JsonValue> = {};
    for (const [key, entry] of document.propertiesOf(node)) {
      if (entry.valueNode) {
        Object.defineProperty(result, key, { value: toValue(entry.valueNode, document), enumerable: true });
      }
    }
    return result;
  }
  return (node.value as JsonPrimitive | undefined) ?? null;
}
