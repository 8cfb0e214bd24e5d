/**
 * How deep the tests go. `.ci/run` runs every case (`HEADLIGHT_DEPTH=full`); `npm test` at a desk takes a fixed sample of
 * the long grids and fuzzers, and skips (visibly, in the count) most of what needs a window, so that it stays short enough to be
 * run before every commit. Titles say which it was.
 */
export const thorough = process.env['HEADLIGHT_DEPTH'] === 'full';

/** Cases of a fuzzer: all, or a tenth. `HEADLIGHT_FUZZ` names a number. */
export function fuzzCases(all: number): number {
  const asked = Number(process.env['HEADLIGHT_FUZZ']);
  return asked > 0 ? asked : thorough ? all : Math.ceil(all / 10);
}

/** Every case, or every third (`every` names another distance). The first is always among them. */
export function sampled<T>(cases: readonly T[], every = 3): readonly T[] {
  return thorough ? cases : cases.filter((_, index) => index % every === 0);
}

/** For titles of tests that take a sample. */
export const depthNote = thorough ? '' : ' (a sample; all with HEADLIGHT_DEPTH=full)';
