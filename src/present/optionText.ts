/** Engine options for people: what the settings' schema, the palette and the panel say about one. */

import { type Declared, type EngineOption, type EngineRelease, usualRelease } from '../cache/engines/options';
import type { OptionValue } from '../model/scenario';
import { formatInteger } from '../model/units';
import { sentence } from './words';

/** "16", "on", "1024, 4096"; "not set" where neither the scenario nor the release says. */
export function valueText(value: OptionValue | undefined): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? value.join(', ') : String(value);
}

/** The release's own value, with what it counts: "8,192 tokens", "not set". */
export function usualText({ usual, unit }: EngineOption, release: EngineRelease): string {
  const value = usual(release);
  if (typeof value !== 'number') return valueText(value);
  const number = Number.isInteger(value) ? formatInteger(value) : valueText(value);
  return unit === undefined ? number : `${number} ${value === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** "Share of the memory that weights, activations and cache may take. Default: 0.92 (0.11: 0.9)." */
export function aboutOption(rule: Declared, option: EngineOption): string {
  const value = valueText(option.usual(usualRelease(rule)));
  const other = rule.releases
    .map((release) => ({ id: release.id, value: valueText(option.usual(release)) }))
    .filter((each) => each.value !== value)
    .map((each) => `${each.id}: ${each.value}`);
  const others = other.length > 0 ? ` (${other.join(', ')})` : '';
  return `${sentence(option.meaning)}. Default: ${value}${others}.`;
}
