/**
 * Reads values of one config object: the file's (or a what-if's in its place), in the class's and the user's spellings, else
 * what the configuration class gives. Two ways of asking: with its source, noting what is wrong (for what is shown), or
 * strictly, refusing what is missing (for what is computed from it).
 */

import type { Node } from 'jsonc-parser';
import type { Note, Problem, ProblemFix, Severity, Source, Sourced, TextRange } from '../model/spec';
import type { ConfigDocument, JsonValue } from './document';
import { visibleUpTo } from '../model/visibleText';
import { ConfigRefusal } from './refusal';

/** Values that stand in for those of the file (what-if), by dotted path; undefined means absent. */
export type Overrides = ReadonlyMap<string, JsonValue | undefined>;

/** Defaults that a family's configuration class gives to absent keys. */
export interface ClassDefaults {
  /** Name of the class, for the derivation. */
  readonly className: string;
  readonly values: Readonly<Record<string, JsonValue>>;
  /** Whether the class declares a key with a default that must not be null: it does not load such a file. */
  readonly refusesNull?: (key: string) => boolean;
  /** Other names of keys that the class takes (`attribute_map`): name -> key. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** RoPE base where the file gives none; Gemma 3 has one for global and one for local layers. 10,000 where absent. */
  readonly theta?: number | Readonly<Record<string, number>>;
}

/** What a reading brings to the file's own text. */
export interface ReaderSetting {
  readonly overrides?: Overrides;
  readonly defaults?: ClassDefaults | null;
  readonly taught?: TaughtNames;
  /** Model type whose rules are followed, for refusals. */
  readonly modelType?: string;
}

export type JsonObject = Readonly<Record<string, JsonValue>>;

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

/** Longer lists are not read: none of a model has more entries than it has layers, a few times. */
const MAX_LIST = 4 * MAX_LAYERS;

/** What a key must be that the class computes with. */
const NOT_NULL = 'set';

/** Collects what one reading finds. */
export class ReadingLog {
  readonly problems: Problem[] = [];
  readonly notes: Note[] = [];
  /** Paths of the keys that the family asked for: what it did not ask for, it does not know (telltales.ts). */
  readonly consulted = new Set<string>();
  /** Those of them that nobody asked for by name: a model that keeps nothing is understood whatever else its file says. */
  readonly taken = new Set<string>();
  /** Those of which it was said how they are written. */
  readonly told = new Set<string>();

  note(text: string, inexact: boolean, key?: string): void {
    if (this.notes.some((note) => note.text === text)) return;
    this.notes.push(key === undefined ? { text, inexact } : { text, inexact, key });
  }
}

export class ConfigReader {
  private readonly object: Node | undefined;
  private readonly overrides: Overrides;
  private readonly taught: TaughtNames;
  private readonly known = new Map<string, JsonValue | undefined>();
  /** What the class gives to absent keys; null for types without one, and for nested objects. */
  readonly defaults: ClassDefaults | null;

  constructor(
    readonly document: ConfigDocument,
    /** Path of the object that is read. */
    readonly path: readonly string[],
    readonly log: ReadingLog,
    private readonly setting: ReaderSetting = {},
  ) {
    this.object = document.objectAt(path);
    this.overrides = setting.overrides ?? new Map();
    this.taught = setting.taught ?? NOTHING_TAUGHT;
    this.defaults = setting.defaults ?? null;
  }

  get modelType(): string {
    return this.setting.modelType ?? '';
  }

  /** A nested object; it has no class defaults of its own. Null when absent or null; what is no object is reported and counts as absent. */
  nested(key: string): ConfigReader | null {
    this.consult([key]);
    // A what-if without it; values inside of it are overrides of their own.
    if (this.overrides.has(this.pathOf(key)) && !isJsonObject(this.overrides.get(this.pathOf(key)))) return null;
    const path = [...this.path, key];
    if (this.document.objectAt(path))
      return new ConfigReader(this.document, path, this.log, { ...this.setting, defaults: null });
    const value = this.own(key);
    if (value !== undefined && value !== null && !isJsonObject(value)) this.wrong(key, 'an object', value);
    return null;
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
    if (node?.type === 'array' && (node.children?.length ?? 0) > MAX_LIST) return this.tooLong(key, node);
    return node ? this.document.valueOf(node) : undefined;
  }

  /** A list that is not read counts as absent, and as a problem. */
  private tooLong(key: string, { children = [] }: Node): undefined {
    const what = `${key} has ${children.length} entries; lists of more than ${MAX_LIST} are not read`;
    if (this.log.notes.some(({ text }) => text === what)) return undefined;
    this.problem('wrong-value', 'error', key, `${what}.`);
    this.log.note(what, true, this.pathOf(key));
    return undefined;
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
    for (const key of keys) if (this.hasValue(key)) return this.otherName(key);
    for (const [taught, known] of Object.entries(this.taught.keys))
      if (keys.includes(known) && this.hasValue(taught)) return taught;
    // A key that says null has been answered: the family's own rule for null applies, not the class default.
    if (keys.some((key) => this.has(key))) return null;
    for (const key of keys) {
      if (this.defaults && Object.hasOwn(this.defaults.values, key) && this.defaults.values[key] !== null) return key;
    }
    return null;
  }

  /** The other name of a key that the file has, too: classes take that one, whatever the order (`attribute_map` of transformers 5). */
  private otherName(key: string): string {
    const { aliases = {} } = this.defaults ?? {};
    return Object.keys(aliases).find((other) => aliases[other] === key && this.hasValue(other)) ?? key;
  }

  /** A label of `layer_types` in the words that we know. */
  layerLabel(label: string): string {
    return Object.hasOwn(this.taught.layerKinds, label) ? (this.taught.layerKinds[label] ?? label) : label;
  }

  /** Whether the class does not load a file in which the key is null. */
  refusesNull(key: string): boolean {
    return this.defaults?.refusesNull?.(key) ?? false;
  }

  /**
   * Says which keys have a value that the class does not load. The classes of transformers 5 check types, so that null, 0 or "true" in place
   * of a boolean is no default, but no model. Null is left to the keys that were asked for: code that came with a model writes it for parts
   * that the model has not.
   */
  checkDeclared(): void {
    if (!this.defaults) return;
    const { values, aliases = {} } = this.defaults;
    for (const key of this.keys()) {
      const target = (Object.hasOwn(aliases, key) ? aliases[key] : undefined) ?? key;
      // A file may have thousands that the class does not know.
      if (target === key && !Object.hasOwn(values, key)) continue;
      const path = this.pathOf(key);
      if (this.log.taken.has(path)) continue;
      const value = this.own(key);
      // The other name of a key counts, also with null.
      if (value === null && target !== key && this.hasValue(target)) this.wrong(key, `as ${target}`, value);
      else if (value !== undefined && Object.hasOwn(values, target))
        this.checkType(key, value, values[target] ?? null, this.refusesNull(target) && this.log.consulted.has(path));
    }
  }

  private checkType(key: string, value: JsonValue, ofClass: JsonValue, refusesNull: boolean): void {
    if (value === null) {
      if (refusesNull) this.wrong(key, NOT_NULL, value);
    } else if (typeof ofClass === 'boolean' && typeof value !== 'boolean') this.wrong(key, 'true or false', value);
    else if (typeof ofClass === 'string' && ofClass !== 'auto' && typeof value !== 'string')
      this.wrong(key, 'a string', value);
    else if (typeof ofClass === 'number' && !isNumeric(value)) this.wrong(key, 'a number', value);
  }

  /** Says that the family knows these keys, whether or not it needs their values. */
  consult(keys: readonly string[]): void {
    for (const key of keys) {
      const path = this.pathOf(key);
      this.log.consulted.add(path);
      this.log.taken.delete(path);
    }
  }

  /** Says that no key of the file makes the reading doubtful: nothing is cached, or nothing is read. */
  takeAll(): void {
    const { consulted, taken } = this.log;
    for (const path of this.keys().map((key) => this.pathOf(key))) {
      if (consulted.has(path)) continue;
      consulted.add(path);
      taken.add(path);
    }
  }

  /** A whole number of at least `min`. Wrong types are reported and count as absent. */
  integer(keys: readonly string[], min = 1, max = MAX_DIMENSION): Sourced<number> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    if (key === null) return null;
    const value = this.value(key);
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      this.checkWritten(key);
      return { value, source: this.source(key) };
    }
    this.wrong(key, `a whole number ${range(min, max, value)}`, value);
    return null;
  }

  /** As `integer`, of what a class computes with: it takes a default where the key is absent, and fails where it is null. */
  computed(keys: readonly string[], min = 1, max = MAX_DIMENSION): Sourced<number> | null {
    this.refuseNull(keys);
    return this.integer(keys, min, max);
  }

  /** Says of keys that are null, and that a class computes with, that it fails. */
  refuseNull(keys: readonly string[]): void {
    this.consult(keys);
    if (this.defaults) for (const key of keys) if (this.own(key) === null) this.wrong(key, NOT_NULL, null);
  }

  /** Python reads `8.0` and `8e0` as a float, which is no width of a tensor; JSON knows no difference. */
  private checkWritten(key: string): void {
    const node = this.overrides.has(this.pathOf(key)) ? undefined : this.valueNode(key);
    if (!node) return;
    const text = this.document.text.slice(node.offset, node.offset + node.length);
    if (!/[.eE]/.test(text) || this.log.told.has(this.pathOf(key))) return;
    this.log.told.add(this.pathOf(key));
    const message = `${key} is written as ${visibleUpTo(MOST_SHOWN, text)}, which Python reads as a float: loaders refuse it.`;
    this.problem('wrong-value', 'warning', key, message);
  }

  /** Says of a value that no loader takes: a problem, and no number is exact with it. Once, however often it is asked for. */
  wrong(key: string, wanted: string, value: JsonValue | undefined): void {
    const what = `${this.pathOf(key)} was not understood (${show(value)})`;
    if (this.log.notes.some(({ text }) => text === what)) return;
    this.problem('wrong-value', 'error', key, `${key} must be ${wanted}, but is ${show(value)}.`);
    this.log.note(what, true, this.pathOf(key));
  }

  /** What one of the keys gives; null where they are absent or null. Another type is reported and counts as absent. */
  private typed<T extends JsonValue>(
    keys: readonly string[],
    wanted: string,
    is: (value: JsonValue) => value is T,
  ): Sourced<T> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    const value = key === null ? undefined : this.value(key);
    if (key === null || value === undefined || value === null) return null;
    if (is(value)) return { value, source: this.source(key) };
    this.wrong(key, wanted, value);
    return null;
  }

  number(keys: readonly string[]): Sourced<number> | null {
    return this.typed(
      keys,
      'a number',
      (value): value is number => typeof value === 'number' && Number.isFinite(value),
    );
  }

  /** A number that widths are multiplied with: more than 0. */
  factor(keys: readonly string[]): Sourced<number> | null {
    const found = this.number(keys);
    if (!found || found.value > 0) return found;
    const key = this.spelling(keys) ?? '';
    this.wrong(key, 'a number above 0', found.value);
    return null;
  }

  /** A boolean; `fallback` where the key is absent. What is none is taken as Python takes it, and is a problem. */
  flag(keys: readonly string[], fallback: boolean): boolean {
    this.consult(keys);
    const key = this.spelling(keys) ?? keys.find((name) => this.has(name));
    if (key === undefined) return fallback;
    return this.truth(key, this.value(key)) ?? fallback;
  }

  /** What the file says of a key, as a condition: undefined where the key is absent. */
  condition(key: string): boolean | undefined {
    return this.truth(key, this.own(key));
  }

  private truth(key: string, value: JsonValue | undefined): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value;
    const taken = truthOf(value);
    if (value !== null)
      this.problem(
        'wrong-value',
        'warning',
        key,
        `${key} is ${show(value)}, not true or false: loaders take it as ${taken}.`,
      );
    return taken;
  }

  string(keys: readonly string[]): Sourced<string> | null {
    return this.typed(keys, 'a string', (value): value is string => typeof value === 'string');
  }

  list(keys: readonly string[]): Sourced<readonly JsonValue[]> | null {
    return this.typed(keys, 'a list', isList);
  }

  /** A list where the key has another form, too, which is asked for after it. */
  listOrOther(keys: readonly string[]): Sourced<readonly JsonValue[]> | null {
    this.consult(keys);
    const key = this.spelling(keys);
    return key !== null && isList(this.value(key) ?? null) ? this.list(keys) : null;
  }

  /** A list of layer numbers. One with anything else in it names layers that nobody has, and is reported. */
  indexes(keys: readonly string[]): Sourced<readonly JsonValue[]> | null {
    const found = this.list(keys);
    const odd = found?.value.find((entry) => !isCount(entry));
    if (odd !== undefined) this.wrong(this.spelling(keys) ?? '', 'a list of layer numbers', found?.value);
    return found;
  }

  // Strict reads.

  /** The value of a key in any of its names, or the class's; undefined where neither says anything. */
  get(key: string): JsonValue | undefined {
    // Blocks of a model ask the same keys layer after layer.
    if (this.known.has(key)) return this.known.get(key);
    const names = this.namesOf(key);
    this.consult(names);
    const name = this.spelling(names);
    const value = name === null ? (names.some((one) => this.has(one)) ? null : undefined) : this.value(name);
    this.known.set(key, value);
    return value;
  }

  /** @throws ConfigRefusal where there is no number. */
  need(key: string): number {
    return this.numberOr(key, undefined) ?? this.refuse(key, 'a number is needed');
  }

  /** A number, or `fallback` where the key is null or absent. */
  numberOr<T>(key: string, fallback: T): number | T {
    const value = this.get(key);
    if (value === undefined || value === null) return fallback;
    return typeof value === 'number' ? value : this.refuse(key, 'a number is needed');
  }

  /**
   * A count of things: the first of the keys that gives one, else the fallback.
   * @throws ConfigRefusal where there is none.
   */
  size(keys: string | readonly string[], fallback?: number): number {
    return (
      this.sizeOr(keys, fallback) ??
      this.refuse(typeof keys === 'string' ? keys : (keys[0] ?? ''), 'a number is needed')
    );
  }

  /** As `size`, but `fallback` where the config says nothing, null, or what is no count. */
  sizeOr<T>(keys: string | readonly string[], fallback: T): number | T {
    const names = (typeof keys === 'string' ? [keys] : keys).flatMap((key) => this.namesOf(key));
    this.consult(names);
    const key = this.spelling(names);
    const value = key === null ? null : this.value(key);
    // One number for each layer, all the same (Hunyuan), is one number; different ones are none.
    const single: unknown =
      Array.isArray(value) && value.length > 0 && value.every((entry) => entry === value[0]) ? value[0] : value;
    return isCount(single) ? single : fallback;
  }

  on(key: string, fallback = false): boolean {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return value === null || typeof value === 'boolean' ? value === true : this.refuse(key, 'true or false is needed');
  }

  /** @throws ConfigRefusal where there is no text. */
  text(key: string): string {
    const value = this.get(key);
    return typeof value === 'string' ? value : this.refuse(key, 'a string is needed');
  }

  items(key: string): readonly JsonValue[] | null {
    const value = this.get(key);
    if (value === undefined || value === null) return null;
    return Array.isArray(value) ? (value as readonly JsonValue[]) : this.refuse(key, 'a list is needed');
  }

  objectOf(key: string): JsonObject | null {
    const value = this.get(key);
    if (value === undefined || value === null) return null;
    return isJsonObject(value) ? value : this.refuse(key, 'an object is needed');
  }

  /** The class's RoPE base where the file gives none. */
  defaultTheta(kind: 'global' | 'local' = 'global'): number {
    const theta = this.defaults?.theta ?? 10_000;
    return typeof theta === 'number' ? theta : (theta[kind] ?? 10_000);
  }

  /** Refuses a setting: "never compute something wrong". */
  unsupported(what: string): never {
    throw new ConfigRefusal(
      `${this.modelType}: ${what} is not supported.`,
      'Estimates of the cache still work; heads of this model cannot be computed yet.',
      what,
    );
  }

  private refuse(key: string, what: string): never {
    throw new ConfigRefusal(`${key}: ${what}.`, 'Fix config.json.');
  }

  /** A key, the key that it is another name of, and the other names of that. */
  private namesOf(key: string): readonly string[] {
    const aliases = this.defaults?.aliases;
    if (!aliases) return [key];
    const target = (Object.hasOwn(aliases, key) ? aliases[key] : undefined) ?? key;
    const others = Object.keys(aliases).filter((alias) => aliases[alias] === target);
    return [...new Set([key, target, ...others])];
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

function isList(value: JsonValue): value is readonly JsonValue[] & JsonValue {
  return Array.isArray(value);
}

/** What a class that declares a number may take: some take a word ("auto"), or a number for each layer. A number in quotes is none. */
function isNumeric(value: JsonValue): boolean {
  if (typeof value === 'string') return Number.isNaN(Number(value));
  return typeof value === 'number' || (Array.isArray(value) && value.length > 0);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_DIMENSION;
}

/** Python's truth of a value: nothing, zero and what is empty are false. */
export function truthOf(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isJsonObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/** "of at least 1"; with its end where that is what is in the way. */
function range(min: number, max: number, value: JsonValue | undefined): string {
  return typeof value === 'number' && value > max ? `from ${min} to ${max}` : `of at least ${min}`;
}

/** A value for a message: short, never a whole list. */
export function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  const text = beginning(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 3)}…` : text;
}

/** Characters of a value in a message. */
const MOST_SHOWN = 40;
/** A document makes each list and object once, and a config is read again for each change that is offered. */
const beginnings = new WeakMap<object, string>();

/** The JSON of a value, no further than is shown: lists and strings may be megabytes long, and each message shows one. */
function beginning(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MOST_SHOWN));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? String(value);
  const known = beginnings.get(value);
  if (known !== undefined) return known;
  const isList = Array.isArray(value);
  const entries: Readonly<Record<string, JsonValue>> = value as Readonly<Record<string, JsonValue>>;
  let text = '';
  for (const key of isList ? value.keys() : Object.keys(value)) {
    const item = entries[key] ?? null;
    text += `${text === '' ? '' : ','}${isList ? '' : `${JSON.stringify(key)}:`}${beginning(item)}`;
    if (text.length > MOST_SHOWN) break;
  }
  const made = isList ? `[${text}]` : `{${text}}`;
  beginnings.set(value, made);
  return made;
}
