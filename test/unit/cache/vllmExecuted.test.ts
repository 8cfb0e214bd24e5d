/** What vLLM's own code reserves and holds, by executing it: every row of the reference. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { knownPlan as planCache } from '../support/plans';
import { readModelConfig } from '../../../src/reading/read';
import type { EngineOptions } from '../../../src/model/scenario';
import type { ModelSpec } from '../../../src/model/spec';
import { scenario } from '../support';
import { tally } from '../support/accuracy';
import { describeAll, eachOrSkip } from '../support/cases';
import { referenceConfig, vendored } from '../support/reference';

interface Row {
  readonly tp: number;
  readonly kvDtype: 'auto' | 'fp8';
  readonly tokens: number;
  readonly reserved: number;
  readonly reservedDefault: number;
  readonly held?: number;
}

const ONE_BATCH: EngineOptions = {
  'max-num-batched-tokens': 8_192,
  'async-scheduling': false,
  'enable-prefix-caching': false,
};

function specOf(name: string): ModelSpec {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(`${name}: not a config`);
  return reading.spec;
}

/** "tp 2 fp8 4096 reserved: 3 for 4", for each number that differs. */
function differences(spec: ModelSpec, row: Row): string[] {
  const at = (options: EngineOptions) =>
    planCache(
      spec,
      scenario(1, row.tokens, {
        engine: 'vllm',
        release: '2026-08',
        options,
        kvDtype: row.kvDtype,
        sharding: { tp: row.tp, pp: 1, dcp: 1, dpAttention: false },
      }),
    );
  const [small, usual] = [at(ONE_BATCH), at({})];
  const pairs: [string, number, number | undefined][] = [
    ['reserved', small.reservedBytes, row.reserved],
    ['default', usual.reservedBytes, row.reservedDefault],
    ['held', small.steadyBytes, row.held],
  ];
  return pairs
    .filter(([, ours, theirs]) => theirs !== undefined && ours !== theirs)
    .map(([what, ours, theirs]) => `tp ${row.tp} ${row.kvDtype} ${row.tokens} ${what}: ${ours} for ${theirs ?? ''}`);
}

/** Numbers that do not hold, with the reason. */
const MISSES: Readonly<Record<string, { readonly numbers: number; readonly why: string }>> = {
  'whisper-tiny': {
    numbers: 4,
    why: 'held: the executed request carried no audio; a request of Whisper has its 1,500 encoder positions in the cross layers',
  },
};

const models = JSON.parse(readFileSync(join(vendored, 'engines', 'vllm-executed.json'), 'utf8')) as Readonly<
  Record<string, readonly Row[]>
>;

const counted = tally(
  {
    id: 'vllm-executed',
    part: 'engine',
    what: 'Bytes that vLLM reserves (with one batch in flight, and as `vllm serve` starts) and holds',
    against: "vLLM's own cache code at 073c510c916 (2026-08-09), executed",
    unit: 'model',
    off: 'none',
    differences: Object.entries(MISSES).map(([name, { numbers, why }]) => `${name}, ${numbers} numbers: ${why}.`),
  },
  Object.keys(models).length,
);

describeAll('vLLM, executed', () => {
  eachOrSkip(Object.entries(models), 'no models', ([name, rows]) => {
    it(name, () => {
      const spec = specOf(name);
      const wrong = rows.flatMap((row) => differences(spec, row));
      const known = MISSES[name]?.numbers ?? 0;
      expect(wrong.length, wrong.slice(0, 4).join('; ')).toBe(known);
      const numbers = rows.reduce((sum, { held }) => sum + (held === undefined ? 2 : 3), 0);
      counted.add({ compared: numbers, equal: numbers - known });
    });
  });
});
