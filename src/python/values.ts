/** Python literals and calls as values with positions: numbers, strings, lists, dicts, `Name(key=value)`. Nothing is executed. */

import type { JsonPrimitive } from '../config/document';
import type { PythonToken } from './tokens';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface PythonEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: PythonValue;
}

export type PythonValue = Span &
  (
    | { readonly kind: 'literal'; readonly value: JsonPrimitive }
    | { readonly kind: 'list'; readonly items: readonly PythonValue[] }
    /** A dict, or the keyword arguments of a call. `open` where something else may add to it (`**more`, positional arguments). */
    | {
        readonly kind: 'entries';
        readonly callee: string | null;
        readonly entries: readonly PythonEntry[];
        readonly open: boolean;
      }
    /** Anything that would have to be run. */
    | { readonly kind: 'unknown' }
  );

const MAX_DEPTH = 60;
const MAX_ITEMS = 8_192;
/** Tokens that all parsing of one source may visit, so that no nesting makes it quadratic. */
const MAX_STEPS = 2_000_000;

const PRECEDENCE: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '//': 2, '%': 2, '**': 4 };
const UNARY = 3;
const OPEN: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const CLOSERS: readonly string[] = [')', ']', '}'];
/** Element types are written as members: `torch.bfloat16`. */
const TYPE_HOMES: readonly string[] = ['torch', 'jnp', 'np', 'numpy', 'tf', 'mx'];

export class PythonParser {
  private at = 0;
  private steps = 0;

  constructor(private readonly tokens: readonly PythonToken[]) {}

  get exhausted(): boolean {
    return this.steps > MAX_STEPS;
  }

  /** The expression that begins at a token; `next` is the token behind it. */
  parseAt(index: number): { readonly value: PythonValue; readonly next: number } {
    this.at = index;
    const value = this.expression(0, 0);
    return { value, next: this.at };
  }

  private peek(ahead = 0): PythonToken | undefined {
    return this.tokens[this.at + ahead];
  }

  /** Where the next token begins; behind the last one, the end of the source that was read. */
  private get position(): number {
    const next = this.peek();
    if (next) return next.start;
    const last = this.tokens.at(-1);
    return last ? last.end : 0;
  }

  private is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token !== undefined && token.kind === 'operator' && token.text === text;
  }

  private advance(): PythonToken | undefined {
    this.steps++;
    return this.tokens[this.at++];
  }

  private endOf(start: number): Span {
    return { start, end: Math.max(start, this.tokens[this.at - 1]?.end ?? start) };
  }

  private expression(least: number, depth: number): PythonValue {
    const start = this.position;
    let left = this.unary(depth);
    for (;;) {
      const operator = this.peek();
      const rank = operator?.kind === 'operator' ? PRECEDENCE[operator.text] : undefined;
      if (!operator || rank === undefined || rank <= least || this.exhausted) return left;
      this.advance();
      // ** binds to the right.
      const right = this.expression(operator.text === '**' ? rank - 1 : rank, depth + 1);
      left = { ...combine(operator.text, left, right), ...this.endOf(start) };
    }
  }

  private unary(depth: number): PythonValue {
    const start = this.position;
    if (depth > MAX_DEPTH || this.exhausted) return this.unknown(start);
    if (this.is('-') || this.is('+')) {
      const sign = this.advance()?.text === '-' ? -1 : 1;
      const value = this.expression(UNARY, depth + 1);
      if (value.kind !== 'literal' || typeof value.value !== 'number') return { kind: 'unknown', ...this.endOf(start) };
      return { kind: 'literal', value: sign * value.value, ...this.endOf(start) };
    }
    return this.postfix(this.primary(depth), start);
  }

  /** Members, subscripts and calls on a value: not known without running. */
  private postfix(value: PythonValue, start: number): PythonValue {
    let result = value;
    while ((this.is('.') || this.is('(') || this.is('[')) && !this.exhausted) {
      if (this.is('.')) {
        this.advance();
        if (this.peek()?.kind === 'name') this.advance();
      } else this.skipBracket();
      result = { kind: 'unknown', ...this.endOf(start) };
    }
    return result;
  }

  private primary(depth: number): PythonValue {
    const token = this.peek();
    if (!token) return this.unknown(this.position);
    switch (token.kind) {
      case 'number':
        this.advance();
        return numberOf(token);
      case 'string':
        return this.strings();
      case 'name':
        return this.name(depth);
      default:
        if (token.text === '[' || token.text === '(') return this.sequence(depth);
        return token.text === '{' ? this.dict(depth) : this.unknown(token.start);
    }
  }

  /** Strings that stand side by side are one. */
  private strings(): PythonValue {
    const start = this.position;
    let text = '';
    let constant = true;
    while (this.peek()?.kind === 'string') {
      const token = this.advance();
      text += token?.text ?? '';
      constant &&= token?.constant ?? false;
    }
    return constant
      ? { kind: 'literal', value: text, ...this.endOf(start) }
      : { kind: 'unknown', ...this.endOf(start) };
  }

  private name(depth: number): PythonValue {
    const start = this.position;
    const parts = [this.advance()?.text ?? ''];
    while (this.is('.') && this.peek(1)?.kind === 'name') {
      this.advance();
      parts.push(this.advance()?.text ?? '');
    }
    const last = parts.at(-1) ?? '';
    if (this.is('(')) return this.call(last, start, depth);
    const constant = parts.length === 1 ? CONSTANTS.get(last) : TYPE_HOMES.includes(parts[0] ?? '') ? last : undefined;
    return constant === undefined
      ? { kind: 'unknown', ...this.endOf(start) }
      : { kind: 'literal', value: constant, ...this.endOf(start) };
  }

  private call(callee: string, start: number, depth: number): PythonValue {
    this.advance();
    const entries: PythonEntry[] = [];
    let open = false;
    while (this.peek() && !this.is(')') && entries.length < MAX_ITEMS && !this.exhausted) {
      const key = this.peek();
      if (key?.kind === 'name' && this.is('=', 1) && !this.is('=', 2)) {
        this.advance();
        this.advance();
        entries.push({ key: key.text, keySpan: { start: key.start, end: key.end }, value: this.argument(depth) });
      } else {
        open = true;
        if (this.is('*') || this.is('**')) this.advance();
        this.argument(depth);
      }
      if (this.is(',')) this.advance();
      else if (!this.is(')')) break;
    }
    if (this.is(')')) this.advance();
    return { kind: 'entries', callee: callee === 'dict' ? null : callee, entries, open, ...this.endOf(start) };
  }

  /** One argument or item: what follows its expression before the comma makes it unknown (`a if b else c`, `x for x in y`). */
  private argument(depth: number): PythonValue {
    const start = this.position;
    const before = this.at;
    const value = this.expression(0, depth + 1);
    if (this.endsItem() && this.at > before) return value;
    while (this.peek() && !this.endsItem() && !this.exhausted) {
      if (Object.hasOwn(OPEN, this.peek()?.text ?? '') && this.peek()?.kind === 'operator') this.skipBracket();
      else this.advance();
    }
    return { kind: 'unknown', ...this.endOf(start) };
  }

  private endsItem(): boolean {
    const token = this.peek();
    return (
      token === undefined ||
      (token.kind === 'operator' && (token.text === ',' || token.text === ':' || CLOSERS.includes(token.text)))
    );
  }

  /** A list, a tuple, or one value in parentheses. */
  private sequence(depth: number): PythonValue {
    const start = this.position;
    const open = this.advance();
    const closer = OPEN[open?.text ?? ''] ?? ')';
    const items: PythonValue[] = [];
    let commas = 0;
    while (this.peek() && !this.is(closer) && items.length < MAX_ITEMS && !this.exhausted) {
      items.push(this.argument(depth));
      if (!this.is(',')) break;
      this.advance();
      commas++;
    }
    if (!this.is(closer)) return this.unknown(start);
    this.advance();
    const [only] = items;
    if (closer === ')' && commas === 0 && only) return { ...only, ...this.endOf(start) };
    return { kind: 'list', items, ...this.endOf(start) };
  }

  private dict(depth: number): PythonValue {
    const start = this.position;
    this.advance();
    const entries: PythonEntry[] = [];
    let open = false;
    while (this.peek() && !this.is('}') && entries.length < MAX_ITEMS && !this.exhausted) {
      if (this.is('**')) {
        this.advance();
        this.argument(depth);
        open = true;
      } else {
        const key = this.argument(depth);
        if (!this.is(':')) break;
        this.advance();
        const value = this.argument(depth);
        if (key.kind === 'literal' && typeof key.value === 'string')
          entries.push({ key: key.value, keySpan: { start: key.start, end: key.end }, value });
        else open = true;
      }
      if (!this.is(',')) break;
      this.advance();
    }
    if (this.is('}')) this.advance();
    return { kind: 'entries', callee: null, entries, open, ...this.endOf(start) };
  }

  private skipBracket(): void {
    let depth = 0;
    do {
      const token = this.advance();
      if (token?.kind !== 'operator') continue;
      if (Object.hasOwn(OPEN, token.text)) depth++;
      else if (CLOSERS.includes(token.text)) depth--;
    } while (depth > 0 && this.peek() && !this.exhausted);
  }

  /** Takes no token: the caller skips to the end of the item. */
  private unknown(start: number): PythonValue {
    return { kind: 'unknown', start, end: start };
  }
}

const CONSTANTS: ReadonlyMap<string, JsonPrimitive> = new Map<string, JsonPrimitive>([
  ['True', true],
  ['False', false],
  ['None', null],
]);

function numberOf({ text, start, end }: PythonToken): PythonValue {
  const value = Number(text.replaceAll('_', ''));
  return Number.isFinite(value) ? { kind: 'literal', value, start, end } : { kind: 'unknown', start, end };
}

type Combined =
  | { readonly kind: 'literal'; readonly value: number }
  | { readonly kind: 'list'; readonly items: readonly PythonValue[] }
  | { readonly kind: 'unknown' };

/** Arithmetic on constants, `[x] * n` and `[x] + [y]`: how lists of layers are written. */
function combine(operator: string, left: PythonValue, right: PythonValue): Combined {
  if (
    left.kind === 'literal' &&
    right.kind === 'literal' &&
    typeof left.value === 'number' &&
    typeof right.value === 'number'
  ) {
    const value = calculate(operator, left.value, right.value);
    return Number.isFinite(value) ? { kind: 'literal', value } : { kind: 'unknown' };
  }
  if (operator === '+' && left.kind === 'list' && right.kind === 'list') {
    return left.items.length + right.items.length > MAX_ITEMS
      ? { kind: 'unknown' }
      : { kind: 'list', items: [...left.items, ...right.items] };
  }
  if (operator !== '*') return { kind: 'unknown' };
  const [list, times] = left.kind === 'list' ? [left, right] : [right, left];
  if (list.kind !== 'list' || times.kind !== 'literal' || typeof times.value !== 'number') return { kind: 'unknown' };
  const count = Math.max(0, times.value);
  if (!Number.isInteger(count) || list.items.length * count > MAX_ITEMS) return { kind: 'unknown' };
  return { kind: 'list', items: Array.from({ length: count }, () => list.items).flat() };
}

function calculate(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '//':
      return Math.floor(left / right);
    case '%':
      return left - right * Math.floor(left / right);
    default:
      return left ** right;
  }
}
