/** What a parameter count needs to know of a config: numbers and switches, with what was missing kept in mind. */

import type { JsonValue } from '../../config/document';
import { HIDDEN_KEYS } from '../../config/heads';
import { type ConfigReader, MAX_DIMENSION } from '../../config/reader';

/**
 * A switch of a lineage: always on or off, or a key that says so. `"key"` is off where the key is absent (and the class
 * gives it no default), `"key=true"` is on.
 */
export type Switch = boolean | string;

/** Numbers of one config. A number that is not there is NaN, so that a sum that needed it is NaN; `missing` names it. */
export class Facts {
  readonly missing = new Set<string>();

  constructor(
    readonly reader: ConfigReader,
    readonly modelType: string,
  ) {}

  /** The first of the keys that stands in the config or its class; else the fallback; else NaN. */
  number(keys: string | readonly string[], fallback?: number): number {
    const names = typeof keys === 'string' ? [keys] : keys;
    const value = this.optional(names) ?? fallback;
    if (value !== undefined) return value;
    this.missing.add(names[0] ?? '');
    return Number.NaN;
  }

  /** As `number`, but null where the config says nothing or null. */
  optional(keys: string | readonly string[]): number | null {
    const names = typeof keys === 'string' ? [keys] : keys;
    this.reader.consult(names);
    const key = this.reader.spelling(names);
    const value = key === null ? null : this.reader.value(key);
    // One number for each layer, all the same (Hunyuan), is one number; different ones are none.
    const single: unknown =
      Array.isArray(value) && value.length > 0 && value.every((entry) => entry === value[0]) ? value[0] : value;
    return typeof single === 'number' && Number.isInteger(single) && single >= 0 && single <= MAX_DIMENSION
      ? single
      : null;
  }

  /** A number that need not be whole (`qk_dim_factor`); NaN where the config has one that is not positive. */
  ratio(key: string, fallback: number): number {
    const value = this.reader.number([key])?.value ?? fallback;
    return value > 0 ? value : Number.NaN;
  }

  on(flag: Switch): boolean {
    if (typeof flag === 'boolean') return flag;
    const [key = '', fallback] = flag.split('=');
    return this.reader.flag([key], fallback === 'true');
  }

  /** The first of several switches that the config has; off where it has none. */
  any(keys: string | readonly string[]): boolean {
    return this.reader.flag(typeof keys === 'string' ? [keys] : keys, false);
  }

  list(key: string): readonly JsonValue[] | null {
    return this.reader.list([key])?.value ?? null;
  }

  word(key: string): string | null {
    return this.reader.string([key])?.value ?? null;
  }

  /** The numbers of a nested object (`attn_config`, `ffn_config`); of an empty one where it is absent. */
  nested(key: string): Facts {
    const reader = this.reader.nested(key);
    return reader ? new Facts(reader, this.modelType) : this;
  }

  get hidden(): number {
    return this.number(HIDDEN_KEYS);
  }
}
