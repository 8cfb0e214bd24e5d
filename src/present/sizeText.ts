/** Sizes of a plan as text: a number where every layer was understood, else a bound, or that it is not known. Never a partial sum alone. */

import type { CachePlan, CacheSizes } from '../cache/plan';
import { formatBinary, formatRatio } from '../model/units';
import { inexactText } from './words';

export const NOT_KNOWN = 'not known';

/** "4 GiB"; where layers were not understood "at least 3 GiB", or "not known". */
export function sizeText(
  plan: CachePlan,
  name: keyof CacheSizes,
  format: (bytes: number) => string = formatBinary,
): string {
  const size = plan[name];
  if (size !== null) return format(size);
  const least = plan.atLeast[name];
  return least > 0 ? `at least ${format(least)}` : NOT_KNOWN;
}

/** "128 KiB/token", "at least 4 KiB/token", "not known". */
export function perTokenText(plan: CachePlan, format: (bytes: number) => string = formatBinary): string {
  const text = sizeText(plan, 'bytesPerToken', format);
  return text === NOT_KNOWN ? text : `${text}/token`;
}

/** Stands before a number that is a guess. A bound and "not known" say themselves what they are. */
export function guessMark({ known, exact }: Pick<CachePlan, 'known' | 'exact'>): string {
  return exact || !known ? '' : '≈ ';
}

/** Ratio of two sizes; empty where one is not known. */
export function ratioText(from: number | null, to: number | null): string {
  return from === null || to === null ? '' : formatRatio(from, to);
}

/** Bounds of a plan whose sizes are not known; null where nothing was understood: a bound of 0 says nothing. */
export function knownPart({ atLeast }: Pick<CachePlan, 'atLeast'>): CacheSizes | null {
  return atLeast.totalBytes > 0 ? atLeast : null;
}

/** True where a plan has recurrent state, as far as its layers were understood. */
export function hasState({ atLeast }: Pick<CachePlan, 'atLeast'>): boolean {
  return atLeast.stateBytes > 0;
}

/** True where a plan keeps state alone: nothing grows with the context. */
export function onlyState(plan: CachePlan): boolean {
  return plan.known && plan.bytesPerToken === 0 && plan.stateBytes > 0;
}

/** What to do about layers that were not understood. In a known family a wrong value may be the reason. */
export function remedyText({ family }: Pick<CachePlan['spec'], 'family'>): string {
  const mend = family === null ? '' : 'Mend the values that the notes name, ';
  return `${mend}${mend === '' ? 'Teach' : 'teach'} the family with the setting headlight.families, or update Headlight`;
}

/** "The cache is not known: 12 of 40 layers not understood. Teach the family …". */
export function notKnownText(plan: CachePlan): string {
  return `The cache is not known: ${inexactText(plan)}. ${remedyText(plan.spec)}`;
}
