/** What Python literals and calls say: numbers, strings, lists, dicts, `Name(key=value)`. Nothing is executed. */

import type { SyntaxNode } from '@lezer/common';
import type { JsonValue } from '../config/document';
import { CLASS_NAME, keysOfClass } from './classes';

/** A dict, or the keyword arguments of a call. */
export interface Entries {
  /** The name that is called, without its module; null of a dict. */
  readonly callee: string | null;
  readonly start: number;
  readonly entries: readonly Entry[];
  /** Something else may add to it: `**more`, positional arguments. */
  readonly open: boolean;
}

interface Entry {
  readonly key: string;
  readonly keyNode: SyntaxNode;
  /** Null where nothing that can be read is written. */
  readonly valueNode: SyntaxNode | null;
}

/** What is nested deeper is not read. */
export const MAX_DEPTH = 60;
/** Of lists that are computed: their items, and what all of a source may come to as text. */
const MAX_ITEMS = 8_192;
const MAX_REPEATED_CHARACTERS = 1_000_000;

/** Element types are written as members: `torch.bfloat16`. */
const ELEMENT_TYPE = /^(?:torch|jnp|np|numpy|tf|mx)(?:\.\w+)*\.(\w+)$/;
const DOTTED_NAME = /^[\p{L}\p{N}_.\s]+$/u;
/** Prefix, quotes, body. A quote behind an odd number of backslashes does not close. */
const STRING = /^(u|r?)('''|"""|'|")(.*(?<!\\)(?:\\\\)*)\2$/is;
const PUNCTUATION = /^(?:[()[\]{}]|Comment)$/;
const OPERATORS: ReadonlyMap<string, (left: number, right: number) => number> = new Map([
  ['+', (left, right) => left + right],
  ['-', (left, right) => left - right],
  ['*', (left, right) => left * right],
  ['/', (left, right) => left / right],
  ['//', (left, right) => Math.floor(left / right)],
  ['%', (left, right) => left - right * Math.floor(left / right)],
  ['**', (left, right) => left ** right],
]);
/** Of a string: by number (octal, hexadecimal), or a sign; what follows another sign keeps its backslash. */
const ESCAPE = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(\r\n|.))/gs;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
  '\r': '',
  '\r\n': '',
};

/** Reads the nodes of one source. */
export class PythonValues {
  private repeated = 0;

  constructor(private readonly source: string) {}

  /** Null where it is neither a dict nor a call. */
  entries(outer: SyntaxNode): Entries | null {
    const node = unwrapped(outer);
    if (node?.name !== 'CallExpression' && node?.name !== 'DictionaryExpression') return null;
    const callee = node.name === 'CallExpression' ? this.nameOf(node.firstChild) : null;
    if (node.name === 'CallExpression' && !callee) return null;
    const name = callee && this.name(callee);
    const entries: Entry[] = [];
    const list = callee ? node.lastChild : node;
    // What follows one that is not closed may belong to it.
    let open = !/[)}]/.test(list?.lastChild?.name ?? '') && /\S/.test(this.source.slice(node.to));
    for (const [key, sign, value, ...more] of itemsOf(list)) {
      const named = callee
        ? key?.name === 'VariableName' && sign?.name === 'AssignOp' && this.name(key)
        : key && sign?.name === ':' && this.string(key);
      if (key && typeof named === 'string')
        entries.push({ key: named, keyNode: key, valueNode: more.length === 0 ? (value ?? null) : null });
      else open = true;
    }
    return { callee: name === 'dict' ? null : name, start: (callee ?? node).from, entries, open };
  }

  /** Undefined where it would have to be run. */
  constant(node: SyntaxNode | null | undefined, depth = 0): JsonValue | undefined {
    if (!node || depth > MAX_DEPTH) return undefined;
    switch (node.name) {
      case 'Number':
        return finite(Number(this.text(node).replaceAll('_', '')));
      case 'Boolean':
        return this.text(node) === 'True';
      case 'None':
        return null;
      case 'String':
      case 'ContinuedString':
        return this.string(node);
      case 'MemberExpression':
        return ELEMENT_TYPE.exec(this.text(node))?.[1];
      case 'ParenthesizedExpression':
        return this.constant(unwrapped(node), depth + 1);
      case 'TupleExpression':
      case 'ArrayExpression':
        return known(itemsOf(node).map((item) => this.constant(only(item), depth + 1)));
      case 'UnaryExpression': {
        const [sign, operand] = itemsOf(node)[0] ?? [];
        const value = this.constant(operand, depth + 1);
        return sign?.name === 'ArithOp' ? this.combine(this.text(sign), 0, value) : undefined;
      }
      case 'BinaryExpression':
        return this.chain(node, depth);
      case 'DictionaryExpression':
      case 'CallExpression':
        return this.object(node, depth);
      default:
        return undefined;
    }
  }

  /** The name of `Name` and `module.Name`. Members of what is computed are methods, unless they are named as classes. */
  private nameOf(callee: SyntaxNode | null): SyntaxNode | null {
    const name = callee?.name === 'MemberExpression' ? callee.lastChild : callee;
    if (!callee || (name?.name !== 'VariableName' && name?.name !== 'PropertyName')) return null;
    return CLASS_NAME.test(this.name(name)) || DOTTED_NAME.test(this.text(callee)) ? name : null;
  }

  /** Without the keys whose values would have to be run. */
  private object(node: SyntaxNode, depth: number): JsonValue | undefined {
    const read = this.entries(node);
    // `len(tokenizer)` is no config, and no object.
    if (!read || (read.callee !== null && !CLASS_NAME.test(read.callee))) return undefined;
    const pairs = read.entries.flatMap(({ key, valueNode }): [string, JsonValue][] => {
      const value = this.constant(valueNode, depth + 1);
      return value === undefined ? [] : [[key, value]];
    });
    return { ...keysOfClass(read.callee), ...Object.fromEntries(pairs) };
  }

  /** Python reads names in their usual letters (NFKC): `ｈidden_size` is `hidden_size`. */
  private name(node: SyntaxNode): string {
    return this.text(node).normalize('NFKC');
  }

  private text({ from, to }: SyntaxNode): string {
    return this.source.slice(from, to);
  }

  /** Undefined for f-strings, bytes and what is not closed. Strings that stand side by side are one. */
  private string(node: SyntaxNode): string | undefined {
    if (node.name === 'ContinuedString')
      return known((itemsOf(node)[0] ?? []).map((part) => this.string(part)))?.join('');
    const [, prefix = '', , body] = STRING.exec(this.text(node)) ?? [];
    if (node.name !== 'String' || body === undefined || node.lastChild?.type.isError) return undefined;
    if (prefix.toLowerCase() === 'r') return body;
    return unescaped(body);
  }

  /** Operators from the left end on: `a + b + c` is nested as deep as it is long. */
  private chain(whole: SyntaxNode, depth: number): JsonValue | undefined {
    const steps: (readonly SyntaxNode[])[] = [];
    let left: SyntaxNode | undefined = whole;
    while (left?.name === 'BinaryExpression') {
      const [first, ...step]: SyntaxNode[] = itemsOf(left)[0] ?? [];
      steps.push(step);
      left = first;
    }
    let value = this.constant(left, depth + 1);
    for (const [operator, right, ...more] of steps.reverse()) {
      if (value === undefined || !operator || more.length > 0) return undefined;
      value = this.combine(this.text(operator), value, this.constant(right, depth + 1));
    }
    return value;
  }

  /** Arithmetic on constants, `[x] * n` and `[x] + [y]`: how lists of layers are written. */
  private combine(operator: string, left: JsonValue, right: JsonValue | undefined): JsonValue | undefined {
    if (typeof left === 'number' && typeof right === 'number') return finite(OPERATORS.get(operator)?.(left, right));
    if (operator === '+' && isList(left) && isList(right))
      return left.length + right.length > MAX_ITEMS ? undefined : [...left, ...right];
    const [list, count] = isList(left) ? [left, right] : [right, left];
    if (operator !== '*' || !isList(list) || !Number.isInteger(count)) return undefined;
    return this.repeat(list, Math.max(0, Number(count)));
  }

  private repeat(list: readonly JsonValue[], count: number): JsonValue | undefined {
    const characters = JSON.stringify(list).length * count;
    if (list.length * count > MAX_ITEMS || this.repeated + characters > MAX_REPEATED_CHARACTERS) return undefined;
    this.repeated += characters;
    return Array.from({ length: count }, () => list).flat();
  }
}

/** Undefined of a character that is called by its name (`\N{DASH}`), or of one beyond all. */
function unescaped(body: string): string | undefined {
  let unknown = false;
  const text = body.replace(ESCAPE, (whole, octal?: string, x?: string, u?: string, long?: string, sign = '') => {
    const digits = x ?? u ?? long;
    const code =
      octal === undefined ? (digits === undefined ? null : Number.parseInt(digits, 16)) : Number.parseInt(octal, 8);
    unknown ||= sign === 'N' || (code !== null && code > 0x10ffff);
    if (unknown) return '';
    return code === null ? (ESCAPES[String(sign)] ?? whole) : String.fromCodePoint(code);
  });
  return unknown ? undefined : text;
}

/** What stands between the commas of a node. */
function itemsOf(node: SyntaxNode | null): SyntaxNode[][] {
  const items: SyntaxNode[][] = [];
  let item: SyntaxNode[] = [];
  for (let child = node?.firstChild; child; child = child.nextSibling) {
    if (child.name === ',') {
      items.push(item);
      item = [];
    } else if (!PUNCTUATION.test(child.name) && (!child.type.isError || child.to > child.from)) item.push(child);
  }
  return item.length > 0 ? [...items, item] : items;
}

/** What the innermost parentheses hold. */
function unwrapped(node: SyntaxNode): SyntaxNode | undefined {
  let inner: SyntaxNode | undefined = node;
  while (inner?.name === 'ParenthesizedExpression') inner = only(itemsOf(inner)[0]);
  return inner;
}

function only(item: readonly SyntaxNode[] | undefined): SyntaxNode | undefined {
  return item?.length === 1 ? item[0] : undefined;
}

function known<T>(values: readonly (T | undefined)[]): T[] | undefined {
  const there = values.filter((value) => value !== undefined);
  return there.length === values.length ? there : undefined;
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
