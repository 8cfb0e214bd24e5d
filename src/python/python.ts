/**
 * Model configs in Python sources: `LlamaConfig(num_key_value_heads=8, …)` and dicts that are one. Each becomes a JSON text with the
 * same line numbers and a map of positions, so that the reader and the hover of config files serve for both.
 */

import { elementAt } from '../model/elementAt';
import type { ModelSpec, Note } from '../model/spec';
import { ConfigDocument } from '../config/document';
import { layersRegister } from '../families/register';
import { HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import { KEYS } from '../config/keys';
import { mayHoldModel } from './search';
import { tokenizePython } from './tokens';
import { PythonParser, type PythonValue, type Span } from './values';
import { type Reading, readDocument, type ReadOptions } from '../reading/read';

export interface PythonModel extends Span {
  /** The config as JSON; its lines are those of the source. */
  readonly json: string;
  /** Pieces of the JSON and where they stand in the source, ascending in both. */
  readonly pieces: readonly Piece[];
  /** Paths of keys whose values would have to be run. */
  readonly unread: readonly string[];
  /** Arguments that are not named here may add keys. */
  readonly open: boolean;
}

export interface Piece {
  readonly json: Span;
  readonly source: Span;
}

const CLASS_NAME = /(?:Config|Args)$/;

/** All configs of a source, in its order. Nested ones belong to the outermost. */
export function findPythonModels(source: string): PythonModel[] {
  if (!mayHoldModel(source)) return [];
  const tokens = tokenizePython(source);
  const parser = new PythonParser(tokens);
  const lineOf = lineFinder(source);
  const found: PythonModel[] = [];
  for (let index = 0; index < tokens.length && !parser.exhausted; index++) {
    const token = tokens[index];
    const next = tokens[index + 1];
    const called =
      token?.kind === 'name' &&
      next?.kind === 'operator' &&
      next.text === '(' &&
      (CLASS_NAME.test(token.text) || token.text === 'dict');
    const dict = token?.kind === 'operator' && token.text === '{' && next?.kind === 'string';
    const before = tokens[index - 1];
    if ((!called && !dict) || (before?.kind === 'name' && (before.text === 'class' || before.text === 'def'))) continue;
    const { value, next: after } = parser.parseAt(index);
    const model = modelOf(value, lineOf);
    if (!model) continue;
    found.push(model);
    index = after - 1;
  }
  return found;
}

/** Reads one; null where it is no model config after all. What Python computes is noted as a guess. */
export function readPythonModel(
  model: PythonModel,
  options: ReadOptions = {},
): { readonly document: ConfigDocument; readonly reading: Reading } | null {
  const document = ConfigDocument.parse(model.json);
  const reading = readDocument(document, options);
  if (!reading) return null;
  const home = reading.location.path;
  const matters = model.unread.filter((path) => {
    const key = path.slice(path.lastIndexOf('.') + 1);
    return Object.hasOwn(KEYS, key) && path === [...home, key].join('.');
  });
  const notes: Note[] = [
    ...matters
      .slice(0, 3)
      .map((key): Note => ({ text: `${key} is computed here: what is shown is without it`, key, inexact: true })),
    ...(model.open ? [{ text: 'more arguments than those named here may change it', inexact: true }] : []),
  ];
  if (notes.length === 0) return { document, reading };
  const spec: ModelSpec = { ...reading.spec, exact: false, notes: [...notes, ...reading.spec.notes] };
  return { document, reading: { ...reading, spec } };
}

/** The JSON offset of a source offset, where that lies in a key or a value. */
export function toJson({ pieces }: PythonModel, offset: number): number | null {
  for (const { json, source } of pieces) {
    if (offset >= source.start && offset <= source.end)
      return Math.min(json.start + Math.max(1, offset - source.start), json.end - 1);
  }
  return null;
}

/** Where a piece of the JSON stands in the source. */
export function toSource({ pieces }: PythonModel, offset: number, length: number): Span | null {
  // A list is one piece; what is pointed at may be an item of it.
  const piece = pieces.find(({ json }) => json.start <= offset && offset + length <= json.end);
  return piece?.source ?? null;
}

function modelOf(value: PythonValue, lineOf: (offset: number) => number): PythonModel | null {
  if (value.kind !== 'entries' || !isModel(value)) return null;
  const writer = new JsonWriter(lineOf);
  writer.write(value, []);
  return {
    start: value.start,
    end: value.end,
    json: writer.text,
    pieces: writer.pieces,
    unread: writer.unread,
    open: value.open,
  };
}

type Entries = Extract<PythonValue, { readonly kind: 'entries' }>;

/** A class that we know, any class with layers and heads, or a dict that says what it is. */
function isModel({ callee, entries, open }: Entries): boolean {
  const keys = new Set(entries.map(({ key }) => key));
  const has = (names: readonly string[]): boolean => names.some((name) => keys.has(name));
  if (callee === null)
    return (
      keys.has('model_type') ||
      keys.has('architectures') ||
      ['dim', 'n_layers', 'n_heads'].every((key) => keys.has(key))
    );
  if (typeOfClass(callee) !== null)
    return (entries.length > 0 && [...keys].some((key) => Object.hasOwn(KEYS, key))) || (entries.length === 0 && !open);
  if (has(LAYER_KEYS) && has(HEAD_KEYS)) return true;
  // A composite around a language model.
  return entries.some(
    ({ key, value }) =>
      key.endsWith('_config') &&
      key !== 'vision_config' &&
      value.kind === 'entries' &&
      value.callee !== null &&
      isModel(value),
  );
}

/** Model types by their letters and digits: `gpt_neox` and GPTNeoXConfig are the same. */
const types = new Map<string, string>();

/** `LlamaConfig` -> `llama`; null for classes that are not known. */
function typeOfClass(name: string): string | null {
  if (types.size === 0) for (const type of layersRegister.keys()) types.set(bare(type), type);
  if (!name.endsWith('Config')) return null;
  const own = bare(name.slice(0, -'Config'.length));
  return types.get(own) ?? types.get(`${own}model`) ?? null;
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '');
}

/** Writes the JSON of a value, each key and value on the line of the source where it stands. */
class JsonWriter {
  readonly pieces: Piece[] = [];
  readonly unread: string[] = [];
  private readonly parts: string[] = [];
  private length = 0;
  private line = 1;

  constructor(private readonly lineOf: (offset: number) => number) {}

  get text(): string {
    return this.parts.join('');
  }

  write(value: PythonValue, path: readonly string[]): void {
    switch (value.kind) {
      case 'literal':
        return this.piece(JSON.stringify(value.value), value);
      case 'list':
        return this.list(value);
      case 'entries':
        return this.entries(value, path);
      case 'unknown':
        return this.put('null');
    }
  }

  private entries({ callee, entries, start }: Entries, path: readonly string[]): void {
    this.toLine(start);
    const type = callee === null ? null : typeOfClass(callee);
    // The class says what a config file says in these two keys. Of duplicate keys the last counts: the source's own.
    const stated =
      callee === null || callee.endsWith('Args')
        ? []
        : [`"model_type":${JSON.stringify(type ?? snake(callee))}`, '"architectures":["-"]'];
    this.put(`{${stated.join(',')}`);
    let first = stated.length === 0;
    for (const { key, keySpan, value } of entries) {
      if (!isConstant(value)) {
        this.unread.push([...path, key].join('.'));
        continue;
      }
      if (!first) this.put(',');
      first = false;
      this.toLine(keySpan.start);
      this.piece(JSON.stringify(key), keySpan);
      this.put(':');
      this.write(value, [...path, key]);
    }
    this.put('}');
  }

  /** One piece: a list may repeat its items, so only the whole has a place. */
  private list(value: Extract<PythonValue, { readonly kind: 'list' }>): void {
    this.toLine(value.start);
    const start = this.length;
    this.put('[');
    value.items.forEach((item, index) => {
      if (index > 0) this.put(',');
      const inner = new JsonWriter(() => 1);
      inner.write(item, []);
      this.put(inner.text);
    });
    this.put(']');
    this.pieces.push({ json: { start, end: this.length }, source: { start: value.start, end: value.end } });
  }

  private piece(text: string, source: Span): void {
    this.toLine(source.start);
    this.pieces.push({
      json: { start: this.length, end: this.length + text.length },
      source: { start: source.start, end: source.end },
    });
    this.put(text);
  }

  private put(text: string): void {
    this.parts.push(text);
    this.length += text.length;
  }

  private toLine(offset: number): void {
    const missing = this.lineOf(offset) - this.line;
    if (missing <= 0) return;
    this.put('\n'.repeat(missing));
    this.line += missing;
  }
}

/** Nothing in it has to be run. The entries of a nested config are told one by one. */
function isConstant(value: PythonValue): boolean {
  if (value.kind === 'list') return value.items.every(isConstant);
  return value.kind !== 'unknown';
}

/** `MyModelConfig` -> `my_model`. */
function snake(callee: string): string {
  return (
    callee
      .replace(CLASS_NAME, '')
      .replace(/(?<=[a-z\d])(?=[A-Z])/g, '_')
      .toLowerCase() || 'config'
  );
}

/** 1-based lines. */
function lineFinder(source: string): (offset: number) => number {
  const starts = [0];
  for (let index = source.indexOf('\n'); index >= 0; index = source.indexOf('\n', index + 1)) starts.push(index + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (elementAt(starts, middle) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
