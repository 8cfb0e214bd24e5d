/** How `generate` chooses its tokens. */

import type { Sampling } from '../insight/lens/sampling';
import { decimalOf, type OptionTable, type ParsedArguments } from './arguments';
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
    temperature: decimalOf(values, 'temperature', 100) ?? (drawn ? 1 : 0),
    topK: topK === undefined ? null : wholeNumber(values, 'top-k', 1),
    topP: decimalOf(values, 'top-p', 1) ?? null,
    seed: seedOf(values) ?? 0,
  };
}
