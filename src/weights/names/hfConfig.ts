/** A Hugging Face config as the family's configuration class sees it: the file's keys, aliases followed, class defaults filled in. */

import type { JsonValue } from '../../config/document';
import { WeightsError } from '../weightsError';
import table from './classDefaults.json';

interface ClassEntry {
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly theta: number | Readonly<Record<string, number>>;
}
const CLASSES: Readonly<Record<string, ClassEntry>> = table.types;

export type JsonObject = Readonly<Record<string, JsonValue>>;

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class HfConfig {
  private readonly values: ReadonlyMap<string, JsonValue>;
  private readonly entry: ClassEntry | undefined;

  /**
   * @param file For messages.
   * @param raw The language model's object of config.json.
   * @param classType Model type whose class defaults apply.
   */
  constructor(
    readonly file: string,
    readonly raw: JsonObject,
    readonly modelType: string,
    classType: string,
  ) {
    this.entry = Object.hasOwn(CLASSES, classType) ? CLASSES[classType] : undefined;
    const values = new Map(Object.entries(this.entry?.values ?? {}));
    for (const [key, value] of Object.entries(raw)) values.set(key, value);
    for (const [alias, target] of Object.entries(this.entry?.aliases ?? {})) {
      const value = raw[alias];
      if (value !== undefined) values.set(target, value);
    }
    this.values = values;
  }

  /** The value of a key (or of the key that it is another name of), its class default, or undefined. */
  get(key: string): JsonValue | undefined {
    const aliases = this.entry?.aliases ?? {};
    return this.values.get((Object.hasOwn(aliases, key) ? aliases[key] : undefined) ?? key);
  }

  /** True when the file itself gives the key. */
  given(key: string): boolean {
    return this.raw[key] !== undefined;
  }

  number(key: string): number {
    const value = this.get(key);
    return typeof value === 'number' ? value : this.fail(key, 'a number is needed');
  }

  /** A number of `key`, or null where it is null or absent. */
  numberOr<T>(key: string, fallback: T): number | T {
    const value = this.get(key);
    if (value === undefined || value === null) return fallback;
    return typeof value === 'number' ? value : this.fail(key, 'a number is needed');
  }

  flag(key: string, fallback = false): boolean {
    const value = this.get(key);
    if (value === undefined || value === null) return fallback;
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false is needed');
  }

  string(key: string): string {
    const value = this.get(key);
    return typeof value === 'string' ? value : this.fail(key, 'a text is needed');
  }

  list(key: string): readonly JsonValue[] | null {
    const value = this.get(key);
    if (value === undefined || value === null) return null;
    return Array.isArray(value) ? (value as readonly JsonValue[]) : this.fail(key, 'a list is needed');
  }

  object(key: string): JsonObject | null {
    const value = this.get(key);
    if (value === undefined || value === null) return null;
    return isJsonObject(value) ? value : this.fail(key, 'an object is needed');
  }

  /** The class's RoPE base where the file gives none; Gemma 3 has one each for global and local layers. */
  defaultTheta(kind: 'global' | 'local' = 'global'): number {
    const theta = this.entry?.theta ?? 10_000;
    return typeof theta === 'number' ? theta : (theta[kind] ?? 10_000);
  }

  /** Refuses a setting: "never compute something wrong". */
  unsupported(what: string): never {
    throw new WeightsError({
      file: this.file,
      problem: `${this.modelType}: ${what} is not supported.`,
      fix: 'Estimates of the cache still work; heads of this model cannot be computed yet.',
    });
  }

  private fail(key: string, what: string): never {
    throw new WeightsError({ file: this.file, problem: `${key}: ${what}.`, fix: 'Correct config.json.' });
  }
}
