/** The order of layers, folded: what repeats is said once. */

/** `times` times the same sequence of runs. */
export interface Repeat {
  readonly times: number;
  readonly runs: readonly Run[];
}

/** `count` layers of one kind, one after the other. */
export interface Run {
  readonly kind: number;
  readonly count: number;
}

/** Runs of a repeated sequence at most: longer ones are no pattern that a reader sees. */
const LONGEST_PATTERN = 8;

/**
 * Folds kinds in the order of their layers: `A A B A A B A` is two times (2 A, 1 B), then 1 A. At each place the repetition that covers
 * most is taken, of equals the shortest; one that comes again begins where it began before.
 */
export function foldLayers(kinds: readonly number[]): readonly Repeat[] {
  const runs = runsOf(kinds);
  const found: Repeat[] = [];
  for (let at = 0; at < runs.length; ) {
    const best = begunAsBefore(runs, at, bestAt(runs, at), found);
    const pattern = runs.slice(at, at + best.length);
    const last = found.at(-1);
    if (best.times === 1 && last?.times === 1) found[found.length - 1] = { times: 1, runs: [...last.runs, ...pattern] };
    else found.push({ times: best.times, runs: pattern });
    at += best.length * best.times;
  }
  return found;
}

function runsOf(kinds: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const kind of kinds) {
    const last = runs.at(-1);
    if (last?.kind === kind) runs[runs.length - 1] = { kind, count: last.count + 1 };
    else runs.push({ kind, count: 1 });
  }
  return runs;
}

interface Repetition {
  readonly length: number;
  readonly times: number;
}

/** The runs before it alone, where the same repetition a little later is one that was there before: (M E) × 3, M * E, (M E) × 4. */
function begunAsBefore(runs: readonly Run[], at: number, best: Repetition, found: readonly Repeat[]): Repetition {
  for (let later = 1; best.times > 1 && later < best.length; later++) {
    const { length, times } = bestAt(runs, at + later);
    const isKnown = found.some(
      (known) =>
        known.times > 1 &&
        known.runs.length === length &&
        same([...known.runs, ...runs], 0, length + at + later, length),
    );
    if (length === best.length && times >= best.times && isKnown) return { length: later, times: 1 };
  }
  return best;
}

function bestAt(runs: readonly Run[], at: number): Repetition {
  let best = { length: 1, times: 1 };
  for (let length = 2; length <= LONGEST_PATTERN && at + 2 * length <= runs.length; length++) {
    let times = 1;
    while (same(runs, at, at + times * length, length)) times++;
    if (times > 1 && times * length > best.times * best.length) best = { length, times };
  }
  return best;
}

function same(runs: readonly Run[], from: number, other: number, length: number): boolean {
  if (other + length > runs.length) return false;
  for (let index = 0; index < length; index++) {
    const [a, b] = [runs[from + index], runs[other + index]];
    if (a?.kind !== b?.kind || a?.count !== b?.count) return false;
  }
  return true;
}
