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
import { textCost } from './textCost';

/** Of all texts with signs that do not show: to show them takes a quarter of a microsecond each. Templates of chats have a few thousand. */
const MAX_HIDING_CHARACTERS = 60_000;
/** More mistakes of one text tell nobody anything. */
const MOST_ERRORS = 100;

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
    const { refused, bare } = textCost(text);
    if (refused !== null) return ConfigDocument.notRead(text, refused);
    const errors: ParseError[] = [];
    const root = parseTree(withZeros(text, bare), errors, { allowTrailingComma: true, disallowComments: false });
    if (root && bare.size > 0) setNumbers(root, bare);
    if (root && MAY_HIDE.test(text) && showStrings(root, MAX_HIDING_CHARACTERS) < 0)
      return ConfigDocument.notRead(
        text,
        `Strings that contain invisible characters have more than ${MAX_HIDING_CHARACTERS} characters in total; the file is not read.`,
      );
    const document = new ConfigDocument(text, root, []);
    const kept = errors.slice(0, MOST_ERRORS).map((error) => ({
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

/**
 * Python's json writes and reads words where JSON has none; they are read as the numbers they mean. A zero in place of each, and the text as
 * long as it was.
 */
function withZeros(text: string, bare: ReadonlyMap<number, string>): string {
  if (bare.size === 0) return text;
  const pieces: string[] = [];
  let at = 0;
  for (const [offset, word] of bare) {
    pieces.push(text.slice(at, offset), '0'.padEnd(word.length));
    at = offset + word.length;
  }
  return pieces.join('') + text.slice(at);
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
      if (!entry.valueNode) continue;
      const value = toValue(entry.valueNode, document);
      // This one would be set, not made; for all others that takes a tenth of the time.
      if (key === '__proto__') Object.defineProperty(result, key, { value, enumerable: true });
      else result[key] = value;
    }
    return result;
  }
  return (node.value as JsonPrimitive | undefined) ?? null;
}
