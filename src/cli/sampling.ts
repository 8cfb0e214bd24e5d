/** How `generate` chooses its tokens. */

import type { Sampling } from '../insight/lens/sampling';
import type { OptionTable, ParsedArguments } from './arguments';
import { UsageError } from './errors';
import { seedOf, wholeNumber } from './modelInput';

export const SAMPLING_OPTIONS: OptionTable = {
  temperature: { type: 'string' },
  'top-k': { type: 'string' },
  'top-p': { type: 'string' },
  seed: { type: 'string' },
};

/** Nothing given: greedy. @throws UsageError */
export function samplingOf(values: ParsedArguments['values']): Sampling {
  const { temperature, 'top-k': topK, 'top-p': topP } = values;
  const drawn = temperature !== undefined || topK !== undefined || topP !== undefined;
  if (!drawn && values['seed'] !== undefined)
    throw new UsageError('--seed is for drawn tokens: give --temperature, --top-k or --top-p too');
  return {
    temperature: temperature === undefined ? (drawn ? 1 : 0) : decimal('temperature', temperature, 100),
    topK: topK === undefined ? null : wholeNumber(values, 'top-k', 1),
    topP: topP === undefined ? null : decimal('top-p', topP, 1),
    seed: seedOf(values) ?? 0,
  };
}

function decimal(name: string, text: string | boolean, most: number): number {
  const value = typeof text === 'string' && /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= most)) throw new UsageError(`--${name} takes a number from 0 to ${most}`);
  return value;
}
