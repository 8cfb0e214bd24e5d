/**
 * Model configs in Python sources: `LlamaConfig(num_key_value_heads=8, …)` and dicts that are one. Each becomes a JSON text with the
 * same line numbers and a map of positions, so that the reader and the hover of config files serve for both.
 */

import type { SyntaxNode, Tree } from '@lezer/common';
import type { ModelSpec, Note } from '../model/spec';
import { ConfigDocument, type JsonValue } from '../config/document';
import { HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import { KEYS } from '../config/keys';
import { type Reading, readDocument, type ReadOptions } from '../reading/read';
import { CLASS_NAME, keysOfClass, typeOfClass } from './classes';
import { parsePython, patienceFor } from './parse';
import { mayHoldModel } from './search';
import { type Entries, MAX_DEPTH, PythonValues } from './values';

export interface Span {
  readonly start: number;
  readonly end: number;
}

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

/** Language models are not nested deeper in composites. */
const MAX_COMPOSITES = 10;

/** Together with the parsing less than what a hover may take from the host; what is not found by then is not shown. */
const MAX_SCAN_MS = 120;

/** All configs of a source, in its order. Nested ones belong to the outermost. */
export function findPythonModels(source: string): PythonModel[] {
  if (!mayHoldModel(source)) return [];
  const deadline = Date.now() + MAX_SCAN_MS * patienceFor(source);
  const values = new PythonValues(source);
  const found: PythonModel[] = [];
  let [line, at] = [1, 0];
  const tree = parsePython(source);
  const end = source.trimEnd().length;
  tree.iterate({
    enter: (visited) => {
      if (visited.name !== 'CallExpression' && visited.name !== 'DictionaryExpression') return true;
      if (Date.now() > deadline) return false;
      const { node } = visited;
      const read = values.entries(node);
      if (!read || (read.callee !== null && !CLASS_NAME.test(read.callee)) || !isModel(values, read)) return true;
      line += linesIn(source, at, read.start);
      at = read.start;
      const writer = new JsonWriter(source, values, line, at);
      writer.entries(read, []);
      const { text: json, pieces, unread } = writer;
      found.push({ start: at, end: node.to, json, pieces, unread, open: read.open || isBroken(tree, node, end) });
      return false;
    },
  });
  return found;
}

/** So far behind a call, what does not parse may have been an argument of it. Characters. */
const NEAR = 200;

/** True where the grammar stumbles in a call or close behind it, but for the end of what is typed: arguments may be lost. */
function isBroken(tree: Tree, { from, to }: SyntaxNode, end: number): boolean {
  let broken = false;
  tree.iterate({
    from,
    to: to + NEAR,
    enter: ({ type, from: at }) => {
      broken ||= type.isError && at < end;
    },
  });
  return broken;
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
    ...matters.slice(0, 3).map(
      (key): Note => ({
        text: `${key} is computed when the code runs, so the numbers ignore it`,
        key,
        inexact: true,
      }),
    ),
    ...(model.open ? [{ text: 'arguments that are passed on (**) may change it', inexact: true }] : []),
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

/** A class that we know, any class with layers and heads, or a dict that says what it is. */
function isModel(values: PythonValues, { callee, entries, open }: Entries, depth = 0): boolean {
  const keys = new Set(entries.map(({ key }) => key));
  const has = (names: readonly string[]): boolean => names.some((name) => keys.has(name));
  if (callee === null)
    return has(['model_type', 'architectures']) || ['dim', 'n_layers', 'n_heads'].every((key) => keys.has(key));
  if (typeOfClass(callee) !== null) return entries.length === 0 ? !open : has(Object.keys(KEYS));
  if (has(LAYER_KEYS) && has(HEAD_KEYS)) return true;
  // A composite around a language model.
  return entries.some(({ key, valueNode }) => {
    if (!key.endsWith('_config') || key === 'vision_config' || !valueNode || depth > MAX_COMPOSITES) return false;
    const inner = values.entries(valueNode);
    return inner?.callee != null && isModel(values, inner, depth + 1);
  });
}

/** Writes the JSON of a config, each key and value on the line of the source where it stands. */
class JsonWriter {
  readonly pieces: Piece[] = [];
  readonly unread: string[] = [];
  text = '';

  /** Begins on the line of an offset. */
  constructor(
    private readonly source: string,
    private readonly values: PythonValues,
    line: number,
    private at: number,
  ) {
    this.text = '\n'.repeat(line - 1);
  }

  entries({ callee, entries, start }: Entries, path: readonly string[]): void {
    this.toLine(start);
    // Of duplicate keys the last counts: the source's own.
    const stated = JSON.stringify(keysOfClass(callee)).slice(0, -1);
    this.text += stated;
    let separator = stated === '{' ? '' : ',';
    for (const { key, keyNode, valueNode } of entries) {
      const keyPath = [...path, key];
      const called = valueNode && path.length < MAX_DEPTH ? this.values.entries(valueNode) : null;
      const inner = called && (called.callee === null || CLASS_NAME.test(called.callee)) ? called : null;
      const value = inner ? null : this.values.constant(valueNode);
      if (value === undefined) {
        this.unread.push(keyPath.join('.'));
        continue;
      }
      this.toLine(keyNode.from);
      this.text += separator;
      separator = ',';
      this.piece(key, keyNode);
      this.text += ':';
      if (inner) this.entries(inner, keyPath);
      else if (valueNode) this.piece(value, valueNode);
    }
    this.text += '}';
  }

  /** One piece: a list may repeat its items, so only the whole has a place. */
  private piece(value: JsonValue, { from, to }: SyntaxNode): void {
    this.toLine(from);
    const start = this.text.length;
    this.text += JSON.stringify(value);
    this.pieces.push({ json: { start, end: this.text.length }, source: { start: from, end: to } });
  }

  private toLine(offset: number): void {
    this.text += '\n'.repeat(linesIn(this.source, this.at, offset));
    this.at = Math.max(this.at, offset);
  }
}

function linesIn(source: string, from: number, to: number): number {
  return source.slice(from, to).split('\n').length - 1;
}
