/** Reads values of one config object with their sources, and notes what was wrong with them. */

import type { Node } from 'jsonc-parser';
import type { Note, Problem, ProblemFix, Severity, Source, Sourced, TextRange } from '../model/spec';
import type { ConfigDocument, JsonValue } from './document';

/** Values that stand in for those of the file (what-if), by dotted path; undefined means absent. */
export type Overrides = ReadonlyMap<string, JsonValue | undefined>;

/** Defaults that a family's configuration class gives to absent keys. */
export interface ClassDefaults {
  /** Name of the class, for the derivation. */
  readonly className: string;
  readonly values: Readonly<Record<string, JsonValue>>;
}

/** Names of a family that a user taught: its spelling -> the name we know. */
export interface TaughtNames {
  readonly keys: Readonly<Record<string, string>>;
  /** Labels of `layer_types` -> words that we know (`full_attention`, `sliding_attention`, …). */
  readonly layerKinds: Readonly<Record<string, string>>;
}
const NOTHING_TAUGHT: TaughtNames = { keys: {}, layerKinds: {} };

/** Larger dimensions are taken for damage. */
export const MAX_DIMENSION = 1e8;
/** Larger layer counts are not read: lists of layers are made from them. */
export const MAX_LAYERS = 4096;

/** Collects what one reading finds. */
export class ReadingLog {
  readonly problems: Problem[] = [];
  readonly notes: Note[] = [];
  /** Paths of the keys that the family asked for: what it did not ask for, it does not know (telltales.ts). */
  readonly consulted = new Set<string>();

  note(text: string, inexact: boolean, key?: string): void {
    if (this.notes.some((note) => note.text === text)) return;
    this.notes.push(key === undefined ? { text, inexact } : { text, inexact, key });
  }
}

export class ConfigReader {
  constructor(
    readonly document: ConfigDocument,
    /** Path of the object that is read. */
    readonly path: readonly string[],
    readonly log: ReadingLog,
    private readonly overrides: Overrides = new Map(),
    private readonly defaults: ClassDefaults | null = null,
    private readonly taught: TaughtNames = NOTHING_TAUGHT,
  ) {
    this.object = document.objectAt(path);
  }

  private readonly object: Node | undefined;

  /** The same object, with a family's class defaults. */
  withDefaults(defaults: ClassDefaults | null): ConfigReader {
    return new ConfigReader(this.document, this.path, this.log, this.overrides, defaults, this.taught);
  }

  /** The same object, with names that a user taught. */
  withTaught(taught: TaughtNames): ConfigReader {
    return new ConfigReader(this.document, this.path, this.log, this.overrides, this.defaults, taught);
  }

  /** A nested object; it has no class defaults of its own. Null when absent or not an object. */
  nested(key: string): ConfigReader | null {
    this.consult([key]);
    return this.document.objectAt([...this.path, key])
      ? new ConfigReader(this.document, [...this.path, key], this.log, this.overrides, null, this.taught)
      : null;
  }

  pathOf(key: string): string {
    return [...this.path, key].join('.');
  }

  keys(): readonly string[] {
    return this.object ? [...this.document.propertiesOf(this.object).keys()] : [];
  }

  /** The value in the file (or its override); undefined when the key is absent. No class defaults. */
  own(key: string): JsonValue | undefined {
    const path = this.pathOf(key);
    if (this.overrides.has(path)) return this.overrides.get(path);
    const node = this.valueNode(key);
    return node ? this.document.valueOf(node) : undefined;
  }

  /** True when the key stands in the file, whatever its value. */
  has(key: string): boolean {
    return this.own(key) !== undefined;
  }

  /** True when the key stands in the file with a value other than null. */
  hasValue(key: string): boolean {
    const value = this.own(key);
    return value !== undefined && value !== null;
  }

  /** The file's value, else the class default; undefined when neither. Null counts as a value. */
  value(key: string): JsonValue | undefined {
    const own = this.own(key);
    if (own !== undefined) return own;
    return this.defaults && Object.hasOwn(this.defaults.values, key) ? this.defaults.values[key] : undefined;
  }

  /** The first of several spellings that stands in the file, with any value but null; else the first with a class default. */
  spelling(keys: readonly string[]): string | null {
    for (const key of keys) if (this.hasValue(key)) return key;
    for (const [taught, known] of Object.entries(this.taught.keys))
      if (keys.includes(known) && this.hasValue(taught)) return taught;
    // A key that says null has been answered: the family's own rule for null applies, not the class default.
    if (keys.some((key) => this.has(key))) return null;
    for (const key of keys) {
      if (this.defaults && Object.hasOwn(this.defaults.values, key) && this.defaults.values[key] !== null) return key;
    }
    return null;
  }

  /** A label of `layer_types` in the words that we know. */
  layerLabel(label: string): string {
    return Object.hasOwn(this.taught.layerKinds, label) ? (this.taught.layerKinds[label] ?? label) : label;
  }

  /** Says that the family knows these keys, whether or not it needs their values. */
  consult(keys: readonly string[]): void {
    for (const key of keys) this.log.consulted.add(this.pathOf(key));
  }

  /** A whole number of at least `min`. Wrong types are reported and count as absent. */
  integer(keys: readonly string[], min = 1, max = MAX_DIMENSION): Sourced<number> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    if (key === null) return null;
    const value = this.value(key);
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return { value, source: this.source(key) };
    }
    this.problem(
      'wrong-value',
      'error',
      key,
      `${key} must be a whole number of at least ${min}, but is ${show(value)}.`,
    );
    this.log.note(`${this.pathOf(key)} was not understood (${show(value)})`, true, this.pathOf(key));
    return null;
  }

  number(keys: readonly string[]): Sourced<number> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    const value = key === null ? undefined : this.value(key);
    return key !== null && typeof value === 'number' && Number.isFinite(value)
      ? { value, source: this.source(key) }
      : null;
  }

  /** A boolean; `fallback` where the key is absent, null or of another type. */
  flag(keys: readonly string[], fallback: boolean): boolean {
    this.consult(keys);
    const key = this.spelling(keys);
    const value = key === null ? undefined : this.value(key);
    return typeof value === 'boolean' ? value : fallback;
  }

  string(keys: readonly string[]): Sourced<string> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    const value = key === null ? undefined : this.value(key);
    return key !== null && typeof value === 'string' ? { value, source: this.source(key) } : null;
  }

  /** A list; null when absent, null or not a list. */
  list(keys: readonly string[]): Sourced<readonly JsonValue[]> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    const value = key === null ? undefined : this.value(key);
    return key !== null && Array.isArray(value)
      ? { value: value as readonly JsonValue[], source: this.source(key) }
      : null;
  }

  /** Where the value of a key came from: its place in the file, or the class default. */
  source(key: string, rule = 'given'): Source {
    const entry = this.object && this.document.propertiesOf(this.object).get(key);
    const node = entry?.valueNode;
    if (node || this.overrides.has(this.pathOf(key))) {
      return { key: this.pathOf(key), range: node ? this.document.rangeOfNode(node) : null, rule };
    }
    return {
      key: this.pathOf(key),
      range: null,
      rule: `absent; default of ${this.defaults?.className ?? 'the family'}`,
    };
  }

  /** A source that no single key gave. */
  derived(rule: string, key: string | null = null): Source {
    return { key: key === null ? null : this.pathOf(key), range: key === null ? null : this.rangeOf(key), rule };
  }

  rangeOf(key: string): TextRange | null {
    const entry = this.object && this.document.propertiesOf(this.object).get(key);
    return entry ? this.document.rangeOfNode(entry.valueNode ?? entry.keyNode) : null;
  }

  problem(rule: string, severity: Severity, key: string | null, message: string, fix?: ProblemFix): void {
    const range = key === null ? null : this.rangeOf(key);
    const path = key === null ? null : this.pathOf(key);
    this.log.problems.push({ rule, severity, key: path, range, message, ...(fix ? { fix } : {}) });
  }

  private valueNode(key: string): Node | undefined {
    return this.object && this.document.propertiesOf(this.object).get(key)?.valueNode;
  }
}

/** A value for a message: short, never a whole list. */
export function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
