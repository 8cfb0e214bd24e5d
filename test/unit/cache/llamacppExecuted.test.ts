/**
 * What llama.cpp allocated for real models, by executing it: 78 models under 21 settings of tokens, sequences, cache types and options.
 * The engine pads each tensor, hence 8 KiB; lines that it printed are rounded to a hundredth of a MiB.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KnownPlan } from '../../../src/cache/plan';
import { isKvDtype } from '../../../src/model/dtype';
import { type EngineOptions, UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import { tally } from '../support/accuracy';
import { describeAll, eachOrSkip } from '../support/cases';
import { knownPlan } from '../support/plans';
import { besideFile, itWith, referenceConfig } from '../support/reference';

interface Setting {
  readonly tokens: number;
  readonly batch: number;
  readonly typeK: string;
  readonly typeV: string;
  readonly options: EngineOptions;
}

interface Sizes {
  readonly bytes?: readonly (number | null)[];
  readonly aboutBytes?: readonly (number | null)[];
}

interface Executed {
  readonly settings: readonly Setting[];
  readonly models: Readonly<Record<string, Sizes>>;
}

type Row = Setting & { readonly bytes?: number; readonly aboutBytes?: number };

const PADDING = 8192;

const executed = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../fixtures/engines/llamacpp-executed.json'), 'utf8'),
) as Executed;

function planOf(name: string, { tokens, batch, typeK, typeV, options }: Setting): KnownPlan {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading || !isKvDtype(typeK)) throw new Error(name);
  return knownPlan(reading.spec, {
    workload: { batch, tokens },
    engine: 'llamacpp',
    options: { ...options, 'cache-type-k': typeK, 'cache-type-v': typeV },
    kvDtype: 'auto',
    sharding: UNSHARDED,
  });
}

/** How far off a size may be. */
const within = (row: { readonly bytes?: number | undefined }, want: number): number =>
  row.bytes === undefined ? Math.max(PADDING, want * 0.001) : PADDING;

const counted = tally(
  {
    id: 'llamacpp-executed',
    part: 'engine',
    what: 'Bytes that llama.cpp allocates for published models; set-ups that it refuses',
    against: 'llama.cpp v0.5.0 (2026-09-28), executed',
    unit: 'model',
    off: 'bytes',
    differences: [
      `llama.cpp pads each tensor: up to ${PADDING.toLocaleString('en-US')} B count as equal; where only its printed lines are known, a thousandth.`,
    ],
  },
  Object.keys(executed.models).length,
);

describeAll('llama.cpp, executed', () => {
  eachOrSkip(Object.entries(executed.models), 'no models', ([name, sizes]) => {
    it(name, () => {
      let farthest = 0;
      const wrong = executed.settings.flatMap((setting, index): readonly object[] => {
        const bytes = sizes.bytes?.[index] ?? undefined;
        const want = bytes ?? sizes.aboutBytes?.[index] ?? null;
        const plan = planOf(name, setting);
        // What was not run is what llama.cpp refused: a block of the cache type does not divide the head.
        if (want === null) return plan.refused === null ? [{ ...setting, plan: 'not refused' }] : [];
        const off = plan.reservedBytes - want;
        if (bytes !== undefined && bytes !== null) farthest = Math.max(farthest, Math.abs(off));
        return Math.abs(off) <= within({ bytes }, want) && plan.refused === null && plan.exact
          ? []
          : [{ ...setting, off, refused: plan.refused, notes: plan.notes.map(({ text }) => text) }];
      });
      expect(wrong).toEqual([]);
      counted.add({ compared: executed.settings.length, equal: executed.settings.length, difference: farthest });
    });
  });

  describe('the reference beside the checkout', () => {
    itWith(besideFile('engines/llamacpp-executed.json'), 'says the same, row by row', (file) => {
      const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, readonly Row[]>;
      expect(Object.keys(executed.models)).toEqual(Object.keys(all));
      const off = Object.entries(all).flatMap(([name, rows]) =>
        rows.flatMap((row) => {
          const { reservedBytes } = planOf(name, row);
          const want = row.bytes ?? row.aboutBytes ?? Number.NaN;
          return Math.abs(reservedBytes - want) <= within(row, want)
            ? []
            : [`${name} ${JSON.stringify(row)}: ${reservedBytes}`];
        }),
      );
      expect(off).toEqual([]);
    });
  });
});
