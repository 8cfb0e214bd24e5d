/** What an edit of a config did to its cache, in one phrase: "131,072 → 32,768 B/token, ÷4". */

import { planCache } from '../cache/plan';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBytes, formatInteger, formatRatio } from '../model/units';

/** The two sides of a diff at one scenario. */
export interface Change {
  readonly before: ChangeSide;
  readonly after: ChangeSide;
}

export interface ChangeSide {
  readonly variant: string;
  /** Null where it is not known. */
  readonly bytesPerToken: number | null;
  /** Cache and state at the scenario. */
  readonly totalBytes: number | null;
  readonly exact: boolean;
}

export function changeBetween(before: ModelSpec, after: ModelSpec, scenario: Scenario): Change {
  return { before: side(before, scenario), after: side(after, scenario) };
}

function side(spec: ModelSpec, scenario: Scenario): ChangeSide {
  const { bytesPerToken, totalBytes, exact } = planCache(spec, scenario);
  return { variant: spec.variant, bytesPerToken, totalBytes, exact };
}

/**
 * Bytes per token where they changed, else the total (a window, or a state, changes only that), else that nothing changed.
 * Plain text: the names in it are ours.
 */
export function changeText({ before, after }: Change): string {
  const guess = before.exact && after.exact ? '' : '≈ ';
  const variant = before.variant === after.variant ? '' : `${before.variant} → ${after.variant}, `;
  const [oldToken, newToken, oldTotal, newTotal] = [
    before.bytesPerToken,
    after.bytesPerToken,
    before.totalBytes,
    after.totalBytes,
  ];
  if (oldToken === null || newToken === null || oldTotal === null || newTotal === null) {
    if (oldToken !== null) return `${variant}${formatInteger(oldToken)} B/token → not known`;
    if (newToken !== null) return `${variant}not known → ${formatInteger(newToken)} B/token`;
    return `${variant}the cache is not known`;
  }
  if (oldToken !== newToken) {
    return `${guess}${variant}${formatInteger(oldToken)} → ${formatInteger(newToken)} B/token, ${ratio(oldToken, newToken)}`;
  }
  if (oldTotal !== newTotal) {
    return `${guess}${variant}${formatBytes(oldTotal)} → ${formatBytes(newTotal)}, ${ratio(oldTotal, newTotal)}`;
  }
  return `${guess}${variant}the cache is the same`;
}

/** "÷4": without the space that a sentence has. */
function ratio(from: number, to: number): string {
  return formatRatio(from, to).replace(' ', '');
}
