/** What an edit of a config did to its cache, in one phrase: "4 GiB → 1 GiB, ÷ 4, at 1 × 32,768 tokens; 131,072 → 32,768 B/token". */

import { type CachePlan, planCache } from '../cache/plan';
import type { ConfigDocument } from '../config/document';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBytes, formatInteger } from '../model/units';
import { beyondText, inAllBytes, NOT_KNOWN, ratioText, sizeInAllText, sizeText } from './sizeText';
import { workloadText } from './words';

/** The two sides of a diff at one scenario. */
export interface Change {
  readonly before: CachePlan;
  readonly after: CachePlan;
}

export function changeBetween(before: ModelSpec, after: ModelSpec, scenario: Scenario): Change {
  return { before: planCache(before, scenario), after: planCache(after, scenario) };
}

/**
 * The total at the scenario first, which windows, states and growth all enter; then the growth where it changed.
 * Plain text: the names in it are ours.
 */
export function changeText(change: Change): string {
  const { before, after } = change;
  const from = sizeInAllText(before, 'totalBytes', formatBytes);
  const to = sizeInAllText(after, 'totalBytes', formatBytes);
  if (from === NOT_KNOWN && to === NOT_KNOWN) return `${leadText(change)}the cache is not known`;
  const growth = growthChange(change);
  const { devices } = after.everywhere;
  const where = `${devices > 1 ? 'in total ' : ''}at ${workloadText(after.scenario)}`;
  if (before.known && after.known && before.everywhere.totalBytes === after.everywhere.totalBytes)
    return `${leadText(change)}${growth === '' ? 'the cache is the same' : `${to} as before, ${where}; ${growth}`}`;
  const ratio = ratioOf(change);
  return `${leadText(change)}${from} → ${to}${ratio === '' ? '' : `, ${ratio}`}, ${where}${growth === '' ? '' : `; ${growth}`}`;
}

/** For a place with little room: "→ 1 GiB of cache, ÷ 4", "→ the same cache". */
export function changeBrief(change: Change): string {
  const ratio = ratioOf(change);
  if (ratio === 'same') return '→ the same cache';
  const to = sizeInAllText(change.after);
  return to === NOT_KNOWN ? '→ cache not known' : `→ ${to} of cache${ratio === '' ? '' : `, ${ratio}`}`;
}

function ratioOf({ before, after }: Change): string {
  return ratioText(inAllBytes(before), inAllBytes(after));
}

/** "≈ ", "MHA → MQA, ". */
function leadText({ before, after }: Change): string {
  const guess = (before.exact || !before.known) && (after.exact || !after.known) ? '' : '≈ ';
  const [old, now] = [before.spec.variant, after.spec.variant];
  return `${guess}${old === now ? '' : `${old} → ${now}, `}`;
}

/** "131,072 → 32,768 B/token"; with a window on a side, that this is so at short context. Empty where it stayed, or is not known. */
function growthChange({ before, after }: Change): string {
  if (!before.known || !after.known || before.bytesPerToken === after.bytesPerToken) return '';
  const short = beyondText(before) === '' && beyondText(after) === '' ? '' : ' at short context';
  return `${formatInteger(before.bytesPerToken)} → ${sizeText(after, 'bytesPerToken', formatInteger)} B/token${short}`;
}

/** Dotted paths of the keys of an object that a diff changed or added, as they stand in the new text. */
export function changedKeys(before: ConfigDocument, after: ConfigDocument, path: readonly string[]): readonly string[] {
  const [old, now] = [before.objectAt(path), after.objectAt(path)];
  if (!now) return [];
  const earlier = old ? before.propertiesOf(old) : new Map<string, never>();
  return [...after.propertiesOf(now)].flatMap(([key, { valueNode }]) => {
    const was = earlier.get(key)?.valueNode;
    const same = valueNode && was && JSON.stringify(before.valueOf(was)) === JSON.stringify(after.valueOf(valueNode));
    return same ? [] : [[...path, key].join('.')];
  });
}
