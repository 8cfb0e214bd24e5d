/** What transformers' configuration classes give to absent keys: a table made by scripts/classDefaults.py. */

import table from './classDefaults.json';
import { COMPLETING } from './composites';
import type { JsonValue } from '../config/document';
import type { ClassDefaults } from '../config/reader';

type Row = Readonly<Record<string, JsonValue>>;

/** A row changes the row that it names under `like`; null removes a key. */
const TYPES: Readonly<Record<string, Row>> = table.types;
/** Composite type -> type of its language model where the nested object names none. */
const TEXT: Readonly<Record<string, string>> = table.text;

const ALIASES: Readonly<Record<string, Readonly<Record<string, string>>>> = table.aliases;
const THETAS: Readonly<Record<string, number | Readonly<Record<string, number>>>> = table.theta;

const resolved = new Map<string, Row>();

function resolve(modelType: string): Row | null {
  if (!Object.hasOwn(TYPES, modelType)) return null;
  const known = resolved.get(modelType);
  if (known) return known;
  const { like, ...changes } = TYPES[modelType] ?? {};
  const values: Record<string, JsonValue> = { ...(typeof like === 'string' ? resolve(like) : null) };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) Reflect.deleteProperty(values, key);
    else values[key] = value;
  }
  resolved.set(modelType, values);
  return values;
}

/** Defaults of a model type's class, in a composite of type `root`; null for types that transformers 5.18 does not have. */
export function classDefaultsOf(modelType: string, root = modelType, nested = false): ClassDefaults | null {
  const ofRoot = `${root}/text`;
  const row = Object.hasOwn(TYPES, ofRoot) && (!nested || COMPLETING.includes(root)) ? ofRoot : modelType;
  const values = resolve(row);
  if (!values) return null;
  const aliases = ownEntry(ALIASES, modelType);
  const theta = ownEntry(THETAS, row) ?? ownEntry(THETAS, modelType);
  return {
    className: `${modelType}'s configuration class`,
    values,
    ...(aliases ? { aliases } : {}),
    ...(theta === undefined ? {} : { theta }),
  };
}

function ownEntry<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The language model's type of a composite type (`llava` -> `llama`), else the type itself. */
export function languageTypeOf(modelType: string): string {
  return Object.hasOwn(TEXT, modelType) ? (TEXT[modelType] ?? modelType) : modelType;
}
