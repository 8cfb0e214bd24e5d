/**
 * Values of a config that change, as edits of its text that keep its formatting. One parse, whatever their number; of keys that stand twice
 * the one that counts is changed, and all of them are removed. (jsonc-parser's `modify` takes the first of them, and formats the whole line
 * that it touches: half a minute in a file of one line.)
 */

import type { Node } from 'jsonc-parser';
import { ConfigDocument, type JsonValue, type PropertyEntry } from './document';

/** One value; undefined removes the key. */
interface ValueEdit {
  /** From the root of the document. */
  readonly path: readonly string[];
  readonly value?: JsonValue | undefined;
}

/** Characters from `offset` on that are replaced. */
export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly content: string;
}

/** What changes in one object of the document. */
interface Changes {
  readonly removed: Set<string>;
  readonly added: Map<string, JsonValue>;
}

/** In terms of the text as it is now; not overlapping, in the order of the text. Empty where the values stand already. */
export function textEdits(text: string, edits: readonly ValueEdit[]): readonly TextEdit[] {
  const document = ConfigDocument.parse(text);
  const { root } = document;
  const style = styleOf(text);
  if (root?.type !== 'object') return text.trim() === '' ? [wholeDocument(text, edits, style)] : [];
  const found: TextEdit[] = [];
  const changes = new Map<Node, Changes>();
  for (const { path, value } of edits) {
    const place = placeOf(document, root, path);
    const { object, key, entry, rest } = place;
    if (value === undefined) {
      if (entry && rest.length === 0) changesOf(changes, object).removed.add(key);
      continue;
    }
    if (entry?.valueNode && rest.length === 0 && same(document.valueOf(entry.valueNode), value)) continue;
    if (entry?.valueNode) {
      const { offset, length } = entry.valueNode;
      const content = styled(nested(rest, value), style, indentAt(text, entry.keyNode.offset));
      const before = found.find((edit) => edit.offset === offset);
      // A later edit of the same key is the one that is meant.
      if (before) found.splice(found.indexOf(before), 1);
      found.push({ offset, length, content });
    } else {
      const { added } = changesOf(changes, object);
      const known = added.get(key);
      added.set(key, rest.length > 0 ? merged(known, rest, value) : value);
    }
  }
  for (const [object, change] of changes) found.push(...objectEdits(text, object, change, style));
  return found.sort((a, b) => a.offset - b.offset);
}

/** A key that gets another name: its value and its place stay. Empty where there is no such key. */
export function renameEdits(text: string, path: readonly string[], name: string): readonly TextEdit[] {
  const document = ConfigDocument.parse(text);
  const object = document.objectAt(path.slice(0, -1));
  const entry = object && document.propertiesOf(object).get(path.at(-1) ?? '');
  if (!entry) return [];
  const { offset, length } = entry.keyNode;
  return [{ offset, length, content: JSON.stringify(name) }];
}

interface Place {
  /** The innermost object of the path that exists. */
  readonly object: Node;
  readonly key: string;
  readonly entry: PropertyEntry | undefined;
  /** Keys below `key` for which there are no objects yet. */
  readonly rest: readonly string[];
}

function placeOf(document: ConfigDocument, root: Node, path: readonly string[]): Place {
  let object = root;
  for (let depth = 0; ; depth++) {
    const key = path[depth] ?? '';
    const entry = document.propertiesOf(object).get(key);
    const next = entry?.valueNode;
    if (depth + 1 >= path.length || next?.type !== 'object') return { object, key, entry, rest: path.slice(depth + 1) };
    object = next;
  }
}

function changesOf(all: Map<Node, Changes>, object: Node): Changes {
  const known = all.get(object) ?? { removed: new Set<string>(), added: new Map<string, JsonValue>() };
  all.set(object, known);
  return known;
}

/** An object with the value below these keys. */
function nested(keys: readonly string[], value: JsonValue): JsonValue {
  return keys.reduceRight<JsonValue>((inner, key) => ({ [key]: inner }), value);
}

function merged(known: JsonValue | undefined, [key = '', ...rest]: readonly string[], value: JsonValue): JsonValue {
  const object = typeof known === 'object' && known !== null && !Array.isArray(known) ? known : {};
  const inner = (object as Readonly<Record<string, JsonValue>>)[key];
  return { ...object, [key]: rest.length > 0 ? merged(inner, rest, value) : value };
}

/** Keys of one object that go, in runs of neighbours, and those that come, behind the last that stays. */
function objectEdits(text: string, object: Node, { removed, added }: Changes, style: Style): TextEdit[] {
  const properties = object.children ?? [];
  const goes = (property: Node): boolean => removed.has(String(property.children?.[0]?.value));
  const stays = properties.filter((property) => !goes(property));
  const [last, first] = [stays.at(-1), properties[0]];
  const edits: TextEdit[] = [];
  for (const [index, property] of properties.entries()) {
    if (!goes(property)) continue;
    const next = properties[index + 1];
    // What follows the last that stays goes with the comma before it, in one edit below.
    if (last && property.offset < last.offset && next)
      edits.push({ offset: property.offset, length: next.offset - property.offset, content: '' });
  }
  const from = last ? endOf(last) : object.offset + 1;
  const tail = properties.filter((property) => goes(property) && property.offset >= from).at(-1);
  const length = tail ? endOf(tail) - from : 0;
  const outer = indentAt(text, object.offset);
  const line = last ?? first;
  const indent = line && startsLine(text, line.offset) ? indentAt(text, line.offset) : null;
  const own = line ? indent : style.spread ? outer + style.unit : null;
  const lines = [...added].map(
    ([key, value]) => `${JSON.stringify(key)}:${style.space}${styled(value, style, own ?? outer)}`,
  );
  const separator = own === null ? `,${style.space}` : `,${style.eol}${own}`;
  const lead = last ? separator : own === null ? '' : `${style.eol}${own}`;
  // An object that was empty closes on a line of its own.
  const trail = !line && own !== null ? `${style.eol}${outer}` : '';
  const content = lines.length === 0 ? '' : `${lead}${lines.join(separator)}${trail}`;
  if (length > 0 || content !== '') edits.push({ offset: from, length, content });
  return edits;
}

const endOf = ({ offset, length }: Node): number => offset + length;

/** How a text is written. */
interface Style {
  readonly eol: string;
  /** Of one level. */
  readonly unit: string;
  /** Behind colons, and commas of one line. */
  readonly space: string;
  /** Values of several items take several lines. */
  readonly spread: boolean;
}

function styleOf(text: string): Style {
  const spread = text.trim() === '' || text.trim() === '{}' || text.includes('\n');
  return {
    eol: text.includes('\r\n') ? '\r\n' : '\n',
    unit: /\n([ \t]+)"/.exec(text)?.[1] ?? '  ',
    space: spread || /"\s*: /.test(text.slice(0, 10_000)) ? ' ' : '',
    spread,
  };
}

/** A value as the file writes its own. */
function styled(value: JsonValue, { eol, unit, space, spread }: Style, indent: string): string {
  if (spread) return JSON.stringify(value, null, unit).replaceAll('\n', `${eol}${indent}`);
  return onOneLine(value, space);
}

function onOneLine(value: JsonValue, space: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map((item) => onOneLine(item, space)).join(`,${space}`)}]`;
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${space}${onOneLine(item, space)}`);
  return `{${pairs.join(`,${space}`)}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** White space that begins the line of an offset. */
function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, Math.min(offset, start + 200)))?.[0] ?? '';
}

function startsLine(text: string, offset: number): boolean {
  const start = text.lastIndexOf('\n', offset - 1);
  return start >= 0 && text.slice(start + 1, offset).trim() === '';
}

function same(a: JsonValue, b: JsonValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A text with nothing in it. */
function wholeDocument(text: string, edits: readonly ValueEdit[], style: Style): TextEdit {
  const value = edits.reduce<JsonValue>(
    (object, edit) => (edit.value === undefined ? object : merged(object, edit.path, edit.value)),
    {},
  );
  return { offset: 0, length: text.length, content: `${styled(value, style, '')}${style.eol}` };
}
