/**
 * Sizes of a plan as text: a number where every layer was understood, else a bound, or that it is not known; never a partial sum alone.
 * And never without its scope: in all and on each device where there are several, short and long context where windows bound layers.
 */

import { type Growth, growthBeyondWindows } from '../cache/growth';
import type { CachePlan, CacheSizes, EverywhereSizes } from '../cache/plan';
import type { ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec } from '../model/spec';
import { formatChange, formatInteger, formatSize } from '../model/units';
import { inexactText } from './words';

export const NOT_KNOWN = 'not known';

/** Sizes that all devices together have, too. */
export type SharedSize = Exclude<keyof EverywhereSizes, 'devices' | 'alike'>;

/** Of one device: "4 GiB"; where layers were not understood "at least 3 GiB", or "not known". */
export function sizeText(
  plan: CachePlan,
  name: keyof CacheSizes,
  format: (bytes: number) => string = formatSize,
): string {
  return boundText(plan, plan.atLeast[name], format);
}

/** Of all devices together: "1,008 GiB". */
export function sizeInAllText(
  plan: CachePlan,
  name: SharedSize = 'totalBytes',
  format: (bytes: number) => string = formatSize,
): string {
  return boundText(plan, plan.everywhere[name], format);
}

function boundText({ known }: CachePlan, bytes: number, format: (bytes: number) => string): string {
  if (known) return format(bytes);
  return bytes > 0 ? `at least ${format(bytes)}` : NOT_KNOWN;
}

/** "126 GiB on each of 8", "43 GiB on the fullest of 3"; empty where one device has all, or nothing is known. */
export function eachDeviceText(
  plan: CachePlan,
  name: SharedSize = 'totalBytes',
  format: (bytes: number) => string = formatSize,
): string {
  const { devices, alike } = plan.everywhere;
  if (devices === 1 || plan.atLeast[name] === 0) return '';
  return `${sizeText(plan, name, format)} on ${alike ? 'each' : 'the fullest'} of ${formatInteger(devices)}`;
}

/** "1,008 GiB · 126 GiB on each of 8"; of one device "4 GiB". */
export function scopedText(
  plan: CachePlan,
  name: SharedSize = 'totalBytes',
  format: (bytes: number) => string = formatSize,
): string {
  const each = eachDeviceText(plan, name);
  return `${sizeInAllText(plan, name, format)}${each === '' ? '' : ` · ${each}`}`;
}

/** Two plans' sizes to compare like with like: of all devices; null where one is not known. */
export function inAllBytes({ known, everywhere }: CachePlan, name: SharedSize = 'totalBytes'): number | null {
  return known ? everywhere[name] : null;
}

/** "128 KiB/token", "496 KiB/token up to 1,024 tokens, then 80 KiB", "at least 4 KiB/token", "not known". */
export function perTokenText(plan: CachePlan, format: (bytes: number) => string = formatSize): string {
  const text = sizeText(plan, 'bytesPerToken', format);
  return text === NOT_KNOWN ? text : `${text}/token${beyondText(plan, format)}`;
}

/**
 * " up to 1,024 tokens, then 80 KiB", " at first, 80 KiB beyond 4,096 tokens" of many windows: what becomes of the growth that a plan states;
 * empty where it stays.
 */
export function beyondText(plan: CachePlan, format: (bytes: number) => string = formatSize): string {
  return growthWords(growthOf(plan), format);
}

/** The same without a plan. @param tokens Of the scenario. */
export function modelBeyondText(spec: ModelSpec, kvDtype: ResolvedKvDtype, tokens: number): string {
  return growthWords(growthIn(spec, kvDtype, tokens), formatSize);
}

/** The same without a plan: bytes beyond the last window that fills; null where none does. @param tokens Of the scenario. */
export function modelLaterBytes(spec: ModelSpec, kvDtype: ResolvedKvDtype, tokens: number): number | null {
  return growthIn(spec, kvDtype, tokens).at(-1)?.bytesPerToken ?? null;
}

function growthWords(growth: readonly Growth[], format: (bytes: number) => string): string {
  const last = growth.at(-1);
  if (!last) return '';
  const then = (bytesPerToken: number): string => (bytesPerToken === 0 ? 'nothing more' : format(bytesPerToken));
  if (growth.length > 2)
    return ` at first, ${then(last.bytesPerToken)} beyond ${formatInteger(last.beyondTokens)} tokens`;
  return growth
    .map(
      ({ beyondTokens, bytesPerToken }) => ` up to ${formatInteger(beyondTokens)} tokens, then ${then(bytesPerToken)}`,
    )
    .join('');
}

/** "496 KiB, then 80 KiB": in columns and big letters. */
export function growthText(plan: CachePlan): string {
  const text = sizeText(plan, 'bytesPerToken');
  const last = growthOf(plan).at(-1);
  return last ? `${text}, then ${last.bytesPerToken === 0 ? 'nothing' : formatSize(last.bytesPerToken)}` : text;
}

/** What a token adds to one sequence beyond every window; null where it is not known. */
export function laterBytesPerToken(plan: CachePlan): number | null {
  return growthOf(plan).at(-1)?.bytesPerToken ?? plan.bytesPerToken;
}

/** Beyond the windows that a context of the model, or of the scenario, fills. */
function growthOf({ known, spec, kvDtype, scenario }: CachePlan): readonly Growth[] {
  return known ? growthIn(spec, kvDtype, scenario.workload.tokens) : [];
}

function growthIn(spec: ModelSpec, kvDtype: ResolvedKvDtype, tokens: number): readonly Growth[] {
  const longest = Math.max(spec.contextLength?.value ?? Number.POSITIVE_INFINITY, tokens);
  return growthBeyondWindows(spec, kvDtype).filter(({ beyondTokens }) => beyondTokens < longest);
}

/** Stands before a number that is a guess. A bound and "not known" say themselves what they are. */
export function guessMark({ known, exact }: Pick<CachePlan, 'known' | 'exact'>): string {
  return exact || !known ? '' : '≈ ';
}

/** Ratio of two sizes, or their difference where it says more; empty where one is not known. */
export function ratioText(from: number | null, to: number | null): string {
  return from === null || to === null ? '' : formatChange(from, to);
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

/** What to do about layers that were not understood: in a known family a value is wrong, and only an unknown one can be taught. */
export function remedyText({ family }: Pick<CachePlan['spec'], 'family'>): string {
  return family === null
    ? 'Describe the family in the setting headlight.families, or update Headlight'
    : 'Correct the values that the notes name, or update Headlight if they are right';
}

/** "The cache is not known: 12 of 40 layers are not understood. Teach the family …". */
export function notKnownText(plan: CachePlan): string {
  return `The cache is not known: ${inexactText(plan)}. ${remedyText(plan.spec)}`;
}
