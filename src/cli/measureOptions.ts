/** Options that commands share which measure a model: what they compute in, where they keep what they found. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { KEPT_BOUNDS, type KeptBounds } from '../shared/keptBounds';
import type { OptionTable, ParsedArguments } from './arguments';
import { UsageError } from './errors';

type Values = ParsedArguments['values'];

export const MEASURE_OPTIONS: OptionTable = { precision: { type: 'string' }, results: { type: 'string' } };

/** Null: what suits the model. */
export function precisionIn({ precision }: Values): 'float64' | 'float32' | null {
  if (precision === undefined) return null;
  if (precision === 'float64' || precision === 'float32') return precision;
  throw new UsageError('--precision takes float64 or float32');
}

/** Of everything that the command line keeps. */
export function cacheFolder(): string {
  return (
    process.env['HEADLIGHT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'headlight')
  );
}

export interface KeptResults {
  /** Null: nothing is kept. */
  readonly folder: string | null;
  /** Null: a folder that someone named is theirs. */
  readonly bounds: KeptBounds | null;
}

/** `--results DIR`, `--results none`, or a folder of ours. */
export function resultsIn({ results }: Values, kind: 'effects' | 'tradeoff'): KeptResults {
  if (typeof results === 'string') return { folder: results === 'none' ? null : results, bounds: null };
  return { folder: join(cacheFolder(), kind), bounds: KEPT_BOUNDS };
}
