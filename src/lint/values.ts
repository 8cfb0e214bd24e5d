/** Numbers that are not numbers: text, fractions, negatives, in keys that the reading did not need. */

import { HEAD_DIM_KEYS, HEAD_KEYS, HIDDEN_KEYS, KV_HEAD_KEYS, LAYER_KEYS } from '../config/spellings';
import { KEYS } from '../config/keys';
import { MAX_DIMENSION, show } from '../config/reader';
import type { LintContext } from './context';

const NUMBER = /^\s*-?\d+(?:\.\d+)?\s*$/;
/** Counts that are whole wherever they stand. 0 is how some families say "none". */
const COUNTS = [
  ...LAYER_KEYS,
  ...HEAD_KEYS,
  ...KV_HEAD_KEYS,
  ...HEAD_DIM_KEYS,
  ...HIDDEN_KEYS,
  'kv_lora_rank',
  'qk_rope_head_dim',
  'qk_nope_head_dim',
  'v_head_dim',
];

export function lintValues(context: LintContext): void {
  const { own, reading } = context;
  const reported = new Set(reading.problems.map((problem) => problem.key));
  for (const key of own.keys()) {
    if (!Object.hasOwn(KEYS, key)) continue;
    const value = own.own(key);
    if (typeof value !== 'string' || !NUMBER.test(value)) continue;
    const number = Number(value);
    context.report(
      own,
      'number-as-string',
      reported.has(own.pathOf(key)) ? 'error' : 'warning',
      key,
      `${key} is the string ${show(value)}, not the number ${number}.`,
      { title: `Write ${number} without quotes`, key: own.pathOf(key), value: number },
    );
  }
  for (const key of COUNTS) {
    const value = own.own(key);
    const wrong =
      typeof value === 'boolean' ||
      (typeof value === 'number' && (!Number.isInteger(value) || value < 0 || value > MAX_DIMENSION));
    // The reading says it as an error where a number depends on it.
    if (wrong)
      context.report(own, 'wrong-value', 'warning', key, `${key} must be a whole number, but is ${show(value)}.`);
  }
}
