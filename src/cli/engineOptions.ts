/** Start-up options of serving engines that change what they allocate, under the engines' own names. */

import type { RuleOptions } from '../cache/engines/allocationRule';
import type { EngineRule } from '../model/scenario';
import { count, type OptionTable, type ParsedArguments } from './arguments';
import { UsageError } from './errors';

interface EngineOption {
  readonly engine: EngineRule;
  readonly sets: keyof RuleOptions;
}

const OPTIONS: Readonly<Record<string, EngineOption>> = {
  'block-size': { engine: 'vllm', sets: 'pageTokens' },
  'max-num-batched-tokens': { engine: 'vllm', sets: 'batchedTokens' },
  'num-speculative-tokens': { engine: 'vllm', sets: 'speculativeTokens' },
  'page-size': { engine: 'sglang', sets: 'pageTokens' },
  'tokens-per-block': { engine: 'trtllm', sets: 'pageTokens' },
  'ubatch-size': { engine: 'llamacpp', sets: 'microBatchTokens' },
  'kv-unified': { engine: 'llamacpp', sets: 'unified' },
};

export const ENGINE_OPTIONS: OptionTable = Object.fromEntries(
  Object.entries(OPTIONS).map(([name, { sets }]) => [name, { type: sets === 'unified' ? 'boolean' : 'string' }]),
);

/** @throws UsageError for an option of another engine. */
export function engineOptionsOf(values: ParsedArguments['values'], chosen: EngineRule): RuleOptions {
  const given = Object.entries(OPTIONS).filter(([name]) => values[name] !== undefined);
  for (const [name, { engine }] of given)
    if (engine !== chosen) throw new UsageError(`--${name} is an option of ${engine}: give --engine ${engine}`);
  return Object.fromEntries(
    given.map(([name, { sets }]) => [sets, sets === 'unified' ? values[name] === true : count(values, name)]),
  );
}
