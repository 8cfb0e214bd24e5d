/** Which family a config was read as, and what of its numbers is a guess. Plain text. */

import type { CachePlan } from '../cache/plan';
import { remedyText } from './sizeText';

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
  const name = inert(spec.modelType.slice(0, 60));
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
    detail: inert(
      [
        ...guesses.slice(0, MAX_NOTES),
        ...(more > 0 ? [`and ${more} more`] : []),
        ...(plan.known ? [] : [remedyText(spec)]),
      ].join('; '),
    ),
    exact,
  };
}

/** The editor makes links of `[text](command:…)` and icons of `$(name)` in a status; names of the file must become neither. */
function inert(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replaceAll('](', '] (')
    .replaceAll('$(', '$ (');
}
