/** What a completion says beside a key or a value. Plain text. */

import { planCache } from '../cache/plan';
import { withValue } from '../cache/whatIf';
import type { JsonValue } from '../config/document';
import { KV_HEAD_KEYS } from '../config/spellings';
import { DESCRIBED_KEYS } from '../config/keyShapes';
import type { Reading } from '../reading/read';
import { show } from '../config/reader';
import { headVariant, isHeaded } from '../model/attention';
import type { Scenario } from '../model/scenario';
import { perTokenText } from './sizeText';

/** "default 32", "used by DeepSeek, Kimi", or nothing. */
export function keyDetail(key: string, classDefault: JsonValue | undefined): string {
  if (classDefault !== undefined && classDefault !== null) return `default ${show(classDefault)}`;
  return DESCRIBED_KEYS[key]?.families ?? '';
}

/** "GQA, groups of 4 · 128 KiB/token": what the config would cost with the value. Empty where it says nothing. */
export function valueDetail(reading: Reading, path: readonly string[], value: JsonValue, scenario: Scenario): string {
  const key = path.at(-1) ?? '';
  const changed = withValue(reading, path, value);
  if (!changed || changed.spec.layers.length === 0) return '';
  const plan = planCache(changed.spec, scenario);
  const cost = perTokenText(plan);
  const layout = reading.spec.layers.map(({ attention }) => attention).find(isHeaded);
  if (layout && typeof value === 'number' && (KV_HEAD_KEYS.includes(key) || key === 'kv_n_heads')) {
    const variant = headVariant({ queryHeads: layout.queryHeads, kvHeads: value });
    return `${variant === 'GQA' ? `GQA, groups of ${layout.queryHeads / value}` : variant} · ${cost}`;
  }
  return cost;
}
