/** A difference for programs: each pair of kinds and each value that is not the same, with both. */

import { formatRanges } from '../model/units';
import type { Anatomy } from '../serving/anatomy/anatomy';
import { type AnatomyDifference, type FactChange, isSame } from '../serving/anatomy/difference';
import { type Names, summaryText } from './differenceText';
import { kindLetter, kindName } from './figure';

interface JsonKind {
  readonly kind: string;
  readonly title: string;
  readonly layers: string;
  readonly count: number;
}

/** A value that a side does not have is absent; null is one that is not known. */
export interface DifferenceJson {
  readonly before: { readonly name: string; readonly modelType: string };
  readonly after: { readonly name: string; readonly modelType: string };
  readonly same: boolean;
  readonly summary: string;
  readonly model: readonly FactChange[];
  readonly kinds: readonly {
    readonly letter: string;
    readonly before: JsonKind | null;
    readonly after: JsonKind | null;
    readonly changes: readonly FactChange[];
  }[];
}

export function differenceJson(difference: AnatomyDifference, names: Names): DifferenceJson {
  const { before, after, pairs, changes } = difference;
  return {
    before: { name: names.before, modelType: before.spec.modelType },
    after: { name: names.after, modelType: after.spec.modelType },
    same: isSame(difference),
    summary: summaryText(difference, names),
    model: changes,
    kinds: pairs.map((pair, place) => ({
      letter: kindLetter(place),
      before: jsonKind(before, pair.before),
      after: jsonKind(after, pair.after),
      changes: pair.changes,
    })),
  };
}

function jsonKind({ kinds }: Anatomy, place: number | null): JsonKind | null {
  const kind = place === null ? undefined : kinds[place];
  if (!kind) return null;
  return {
    kind: kind.attention.kind,
    title: kindName(kind, kinds),
    layers: formatRanges(kind.indexes),
    count: kind.indexes.length,
  };
}
