/** What a parameter count reads from a config apart from plain numbers. */

import type { ConfigReader } from '../../config/reader';

/** A part that is always there, never, or where the config says so. */
export type Switch = boolean | ((config: ConfigReader) => boolean);

/** On where the key (or the class) says so; `fallback` where neither says anything. */
// @__NO_SIDE_EFFECTS__
export function flag(key: string, fallback = false): Switch {
  return (config) => config.flag([key], fallback);
}

export function switched(config: ConfigReader, part: Switch): boolean {
  return typeof part === 'boolean' ? part : part(config);
}

/** A number that need not be whole (`qk_dim_factor`); NaN where the config has one that is not positive. */
export function ratio(config: ConfigReader, key: string, fallback: number): number {
  const value = config.number([key])?.value ?? fallback;
  return value > 0 ? value : Number.NaN;
}
