/** Which family a config was read as, and what of its numbers is a guess. Plain text. */

import type { CachePlan } from '../cache/plan';
import { remedyText } from './sizeText';
import { sentencesText } from './words';

const MAX_NOTES = 3;

export interface FamilyStatus {
  /** "llama · exact", "my_model · not exact". */
  readonly text: string;
  /** "GQA, read by the rules of llama", or what was guessed. */
  readonly detail: string;
  readonly exact: boolean;
}

export function familyStatus(plan: CachePlan): FamilyStatus {
  const { spec, exact, notes } = plan;
  const name = spec.modelType.slice(0, 60);
  if (exact)
    return {
      text: `${name} · exact`,
      detail: `${spec.variant}, read by the rules of ${spec.family ?? 'common key names'}`,
      exact,
    };
  const guesses = notes.filter((note) => note.inexact).map((note) => note.text);
  const more = guesses.length - MAX_NOTES;
  return {
    text: `${name} · ${plan.known ? 'not exact' : 'cache not known'}`,
    detail: sentencesText([
      ...guesses.slice(0, MAX_NOTES),
      ...(more > 0 ? [`and ${more} more`] : []),
      ...(plan.known ? [] : [remedyText(spec)]),
    ]),
    exact,
  };
}
