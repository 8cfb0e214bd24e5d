/** What changing one key would do: the config is read again with the new value, so every rule of its family applies. */

import type { JsonValue } from '../config/document';
import { CONTEXT_KEYS, HEAD_DIM_KEYS, HEAD_KEYS, KV_HEAD_KEYS } from '../config/spellings';
import { type Reading, readDocument } from '../reading/read';
import { headVariant, isHeaded } from '../model/attention';
import { divisorsOf } from '../model/divisors';
import type { Scenario } from '../model/scenario';
import { planCache, type KnownPlan } from './plan';

export interface Alternative {
  readonly value: JsonValue;
  /** What the value means: "groups of 8", "MQA". */
  readonly meaning: string;
  readonly plan: KnownPlan;
}

/** Alternatives worth showing for a key, without those that cannot be read. At most four. */
export function alternatives(reading: Reading, path: readonly string[], scenario: Scenario): Alternative[] {
  const key = path.at(-1) ?? '';
  const value = valueAt(reading, path);
  return candidates(reading, key, value).flatMap(({ value: candidate, meaning }): Alternative[] => {
    const changed = withValue(reading, path, candidate);
    if (!changed || changed.spec.layers.length === 0 || (reading.spec.exact && !changed.spec.exact)) return [];
    const plan = planCache(changed.spec, scenario);
    return plan.known ? [{ value: candidate, meaning, plan }] : [];
  });
}

/** The reading with one value replaced; null when it is no model config any more. */
export function withValue(reading: Reading, path: readonly string[], value: JsonValue | undefined): Reading | null {
  return readDocument(reading.document, { ...reading.options, overrides: new Map([[path.join('.'), value]]) });
}

function valueAt(reading: Reading, path: readonly string[]): JsonValue | undefined {
  const parent = reading.document.objectAt(path.slice(0, -1));
  const node = parent && reading.document.propertiesOf(parent).get(path.at(-1) ?? '')?.valueNode;
  return node ? reading.document.valueOf(node) : undefined;
}

const WINDOW_KEYS = ['sliding_window', 'attention_window_size'];

interface Candidate {
  readonly value: JsonValue;
  readonly meaning: string;
}

function candidates(reading: Reading, key: string, value: JsonValue | undefined): Candidate[] {
  // No window: what one would do. Mistral 7B's first had 4,096 (its config.json), Gemma 2's too.
  if (value === null && WINDOW_KEYS.includes(key)) return [{ value: 4096, meaning: '' }];
  if (typeof value === 'boolean') return [{ value: !value, meaning: '' }];
  if (typeof value === 'string') return dtypeCandidates(key, value);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) return [];
  if (CONTEXT_KEYS.includes(key)) return [];
  if (KV_HEAD_KEYS.includes(key) || key === 'kv_n_heads') return groupCandidates(reading, value);
  if (HEAD_KEYS.includes(key)) return [];
  const halves = value % 2 === 0 ? [value / 2, value * 2] : [value * 2];
  const meaning = HEAD_DIM_KEYS.includes(key) ? 'per head' : '';
  return halves.map((candidate) => ({ value: candidate, meaning }));
}

const DTYPES = ['float32', 'bfloat16'];

function dtypeCandidates(key: string, value: string): Candidate[] {
  if (key !== 'torch_dtype' && key !== 'dtype') return [];
  return DTYPES.filter((dtype) => dtype !== value.replace(/^torch\./, '')).map((dtype) => ({
    value: dtype,
    meaning: '',
  }));
}

/** KV-head counts that divide the query heads: the neighbours, and MQA and MHA at the ends. */
function groupCandidates(reading: Reading, current: number): Candidate[] {
  const layout = reading.spec.layers.map((layer) => layer.attention).find(isHeaded);
  if (!layout) return [];
  const { queryHeads } = layout;
  const divisors = divisorsOf(queryHeads);
  const below = divisors.filter((divisor) => divisor < current).at(-1);
  const above = divisors.find((divisor) => divisor > current);
  const chosen = [1, below, above, queryHeads].filter((divisor) => divisor !== undefined && divisor !== current);
  return [...new Set(chosen)].flatMap((kvHeads): Candidate[] => {
    if (kvHeads === undefined) return [];
    const variant = headVariant({ queryHeads, kvHeads });
    return [{ value: kvHeads, meaning: variant === 'GQA' ? `groups of ${queryHeads / kvHeads}` : variant }];
  });
}
