/** What transformers' configuration classes give to absent keys: a table made by scripts/classDefaults.py. */

import { types } from './classDefaults.json';
import { COMPLETING } from './composites';
import type { JsonValue } from '../config/document';
import type { ClassDefaults } from '../config/reader';

/**
 * In the file, `likes` of a row has rows that are written as changes of it, in which null removes a key. `@X` is the key that X is
 * another name of; `#theta` the RoPE base; `#text` the type of a composite's language model where the nested object names none; `?` the
 * mark of a default that the class takes null beside, before its JSON.
 */
type Row = Readonly<Record<string, JsonValue>>;

interface Defaults {
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly aliases: Readonly<Record<string, string>>;
  readonly theta: number | Readonly<Record<string, number>> | undefined;
  readonly text: string | undefined;
  /** Keys that may be null. */
  readonly nullable: readonly string[];
}

/** Type -> the changes that make its row, from the root of its tree. Filled on first use, rows when they are asked for. */
const paths = new Map<string, readonly Row[]>();
const made = new Map<string, Defaults>();

function rowOf(modelType: string): Defaults | null {
  if (paths.size === 0) place(types, []);
  const path = paths.get(modelType);
  if (!path) return null;
  const row = made.get(modelType) ?? defaultsIn(Object.assign({}, ...path) as Row);
  made.set(modelType, row);
  return row;
}

function place(trees: Readonly<Record<string, Row>>, above: readonly Row[]): void {
  for (const [name, tree] of Object.entries(trees)) {
    const path = [...above, tree];
    paths.set(name, path);
    if (tree['likes'] !== undefined) place(tree['likes'] as Readonly<Record<string, Row>>, path);
  }
}

function defaultsIn(row: Row): Defaults {
  const values: Record<string, JsonValue> = {};
  const aliases: Record<string, string> = {};
  const nullable: string[] = [];
  for (const [key, value] of Object.entries(row)) {
    if (value === null || key === 'likes' || key.startsWith('#')) continue;
    if (key.startsWith('@')) aliases[key.slice(1)] = String(value);
    else if (typeof value === 'string' && value.startsWith('?')) {
      nullable.push(key);
      values[key] = JSON.parse(value.slice(1)) as JsonValue;
    } else values[key] = value;
  }
  return {
    values,
    aliases,
    theta: row['#theta'] as Defaults['theta'],
    text: row['#text'] as Defaults['text'],
    nullable,
  };
}

/** Defaults of a model type's class, in a composite of type `root`; null for types that transformers 5.18 does not have. */
export function classDefaultsOf(modelType: string, root = modelType, nested = false): ClassDefaults | null {
  const own = rowOf(modelType);
  const ofRoot = !nested || COMPLETING.includes(root) ? rowOf(`${root}/text`) : null;
  const row = ofRoot ?? own;
  if (!row || Object.keys(row.values).length === 0) return null;
  const aliases = own?.aliases ?? {};
  const theta = row.theta ?? own?.theta ?? undefined;
  return {
    className: `${modelType}'s configuration class`,
    values: row.values,
    refusesNull: (key) => Object.hasOwn(row.values, key) && !row.nullable.includes(key),
    ...(Object.keys(aliases).length > 0 ? { aliases } : {}),
    ...(theta === undefined ? {} : { theta }),
  };
}

/** The language model's type of a composite type (`llava` -> `llama`), else the type itself. */
export function languageTypeOf(modelType: string): string {
  return rowOf(modelType)?.text ?? modelType;
}

/** Every key that some configuration class declares, or takes as another name of one. Filled on first use. */
const declared = new Set<string>();

/** True for the keys of any class of transformers: no misspelling, whatever the model. */
export function isDeclaredKey(key: string): boolean {
  if (declared.size === 0) declare(types);
  return declared.has(key);
}

function declare(trees: Readonly<Record<string, Row>>): void {
  for (const tree of Object.values(trees)) {
    for (const name of Object.keys(tree))
      if (name !== 'likes' && !name.startsWith('#')) declared.add(name.replace(/^@/, ''));
    if (tree['likes'] !== undefined) declare(tree['likes'] as Readonly<Record<string, Row>>);
  }
}
