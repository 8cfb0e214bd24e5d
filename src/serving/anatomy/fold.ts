/** The order of layers, folded: what repeats is said once. */

import { elementAt } from '../../model/elementAt';

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

/** Runs of a repeated sequence at most: longer ones are no pattern that a reader sees. Nemotron-H repeats 11. */
const LONGEST_PATTERN = 12;
/** A reader sees a repetition as its runs, and as one thing more. */
const OF_A_REPETITION = 1;

/**
 * Folds kinds in the order of their layers: `A A B A A B A` is two times (2 A, 1 B), then 1 A. Of all ways to fold them that one is taken
 * which leaves least to read; of equals the one whose repetitions begin with the kind that came first, and early.
 */
export function foldLayers(kinds: readonly number[]): readonly Repeat[] {
  const runs = runsOf(kinds);
  const found: Repeat[] = [];
  const folds = bestFolds(runs);
  for (let at = 0; at < runs.length; ) {
    const { length, times } = elementAt(folds, at);
    const pattern = runs.slice(at, at + length);
    const last = found.at(-1);
    if (times === 1 && last?.times === 1) found[found.length - 1] = { times: 1, runs: [...last.runs, ...pattern] };
    else found.push({ times, runs: pattern });
    at += length * times;
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

interface Fold {
  /** Runs of what is repeated. */
  readonly length: number;
  readonly times: number;
  /** What there is to read from here on. */
  readonly toRead: number;
  /** Repetitions from here on that begin within what a reader takes for one: "B A" where the first layers were "A B". */
  readonly shifted: number;
}

const END: Fold = { length: 0, times: 0, toRead: 0, shifted: 0 };

/** The best fold that begins at each run, from the last run backwards. */
function bestFolds(runs: readonly Run[]): readonly Fold[] {
  const best: Fold[] = [];
  const alike = Array.from({ length: LONGEST_PATTERN + 1 }, (): number => 0);
  for (let at = runs.length - 1; at >= 0; at--) {
    const from = (length: number, times: number): Fold => {
      const rest = best[at + length * times] ?? END;
      const repeated = times > 1;
      return {
        length,
        times,
        toRead: rest.toRead + length + (repeated ? OF_A_REPETITION : 0),
        shifted: rest.shifted + (repeated && !beginsFirst(runs.slice(at, at + length)) ? 1 : 0),
      };
    };
    let fold = from(1, 1);
    for (let length = 2; length <= LONGEST_PATTERN; length++) {
      // How many runs from here on are as those `length` later.
      const matching = same(runs[at], runs[at + length]) ? elementAt(alike, length) + 1 : 0;
      alike[length] = matching;
      const most = Math.floor(matching / length) + 1;
      // What follows may begin with the last one of them.
      for (const times of [most, most - 1]) {
        if (times < 2) continue;
        const other = from(length, times);
        if (isBetter(other, fold)) fold = other;
      }
    }
    best[at] = fold;
  }
  return best;
}

/** Kinds are numbered as they come. */
function beginsFirst(runs: readonly Run[]): boolean {
  return runs[0]?.kind === Math.min(...runs.map(({ kind }) => kind));
}

function isBetter(one: Fold, other: Fold): boolean {
  if (one.toRead !== other.toRead) return one.toRead < other.toRead;
  if (one.shifted !== other.shifted) return one.shifted < other.shifted;
  return other.times === 1;
}

function same(one: Run | undefined, other: Run | undefined): boolean {
  return one !== undefined && other !== undefined && one.kind === other.kind && one.count === other.count;
}
