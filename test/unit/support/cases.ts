/** Lists of cases: never an empty one that nobody sees, and of one family where `npm test -- --family NAME` asks for it. */

import { afterEach, describe, it, type TestFunction } from 'vitest';

/** The model type that this run is about; null: all. */
export const wantedFamily: string | null = process.env['HEADLIGHT_FAMILY'] || null;

/**
 * Registers a test (or several) for each case; where there is none, one that is skipped and says why. `it.each([])` would run nothing
 * and count nothing; lint allows it over tables only that are written out.
 */
export function eachOrSkip<T>(cases: readonly T[], why: string, register: (one: T) => void): void {
  if (cases.length === 0) it.skip(why, () => undefined);
  else cases.forEach(register);
}

/** The same list, for `each`: one that is empty is a mistake, and fails the file. */
export function someOf<T>(cases: readonly T[]): readonly T[] {
  if (cases.length === 0) throw new Error('no cases where there must be some');
  return cases;
}

/** The cases that concern the wanted family: all where none is wanted. A case may name several types (text inside a multimodal model). */
export function casesOf<T>(cases: readonly T[], modelTypesOf: (one: T) => string | readonly string[]): readonly T[] {
  return wantedFamily === null ? cases : cases.filter((one) => [modelTypesOf(one)].flat().includes(wantedFamily));
}

/** The model types that a config names: its own, and those of the configs in it. */
export function modelTypesIn(config: unknown): string[] {
  if (config === null || typeof config !== 'object') return [];
  const own = 'model_type' in config && typeof config.model_type === 'string' ? [config.model_type] : [];
  return [...own, ...Object.values(config).flatMap(modelTypesIn)];
}

/** `describe` for what concerns no family by itself: skipped where one is wanted. */
export const describeAll = describe.skipIf(wantedFamily !== null);

/** Why a list has no case, as a title. */
export const noCases = wantedFamily === null ? 'no cases' : `no case of ${wantedFamily} here`;

/**
 * Tests that write their configs down themselves, instead of walking a list. They call `met` with each; where a family is wanted, those
 * that met none of it are skipped.
 */
export function testsByConfig(): {
  readonly met: (config: unknown) => void;
  readonly it: (title: string, body: TestFunction) => void;
} {
  const seen = new Set<string>();
  afterEach(() => {
    seen.clear();
  });
  return {
    met: (config) => {
      for (const type of modelTypesIn(config)) seen.add(type);
    },
    it: (title, body) =>
      void it(title, async (context) => {
        try {
          await body(context);
        } finally {
          if (wantedFamily !== null && !seen.has(wantedFamily)) context.skip(noCases);
        }
      }),
  };
}
