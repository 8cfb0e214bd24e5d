/** What an edit of a config did to its cache, in one phrase: "4 GiB → 1 GiB, ÷ 4, at 1 × 32,768 tokens; 131,072 → 32,768 B/token". */

import { type CachePlan, planCache } from '../cache/plan';
import type { ConfigDocument } from '../config/document';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBytes, formatInteger, formatSize } from '../model/units';
import { codeSpan, documentOf, heading, list, type Markdown, md, sentenceText, table } from './markdown';
import {
  beyondText,
  eachDeviceText,
  inAllBytes,
  NOT_KNOWN,
  notKnownText,
  perTokenText,
  ratioText,
  sizeInAllText,
  sizeText,
} from './sizeText';
import { contextText, designText, sentence, workloadText } from './words';

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
  return changedValues(before, after, path).flatMap((each) => (each.after === null ? [] : [each.key]));
}

/** A key that is not the same on both sides: where it stands, and its value as it is written; null where it does not stand. */
export interface ChangedKey {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Keys of an object that were changed, added or removed, in the order of the new text, removed ones last. */
export function changedValues(
  before: ConfigDocument,
  after: ConfigDocument,
  path: readonly string[],
  pathBefore: readonly string[] = path,
): readonly ChangedKey[] {
  const textOf = (document: ConfigDocument, home: readonly string[], name: string): string | null => {
    const object = document.objectAt(home);
    const node = object && document.propertiesOf(object).get(name)?.valueNode;
    return node ? JSON.stringify(document.valueOf(node)) : null;
  };
  const namesOf = (document: ConfigDocument, home: readonly string[]): string[] => {
    const object = document.objectAt(home);
    return object ? [...document.propertiesOf(object).keys()] : [];
  };
  return [...new Set([...namesOf(after, path), ...namesOf(before, pathBefore)])].flatMap((name): ChangedKey[] => {
    const [old, now] = [textOf(before, pathBefore, name), textOf(after, path, name)];
    return old === now ? [] : [{ key: [...path, name].join('.'), before: old, after: now }];
  });
}

/** What a change does, as a document: for a pull request. */
export function changeDocument(name: string, change: Change, keys: readonly ChangedKey[]): Markdown {
  const { before, after } = change;
  const row = (what: string, of: (plan: CachePlan) => string): readonly string[] => [what, of(before), of(after)];
  const devices = after.everywhere.devices > 1 || before.everywhere.devices > 1;
  const rows = [
    row('design', ({ spec }) => designText(spec)),
    row('per token', (plan) => perTokenText(plan)),
    row(`in total at ${contextText(after)}`, (plan) => sizeInAllText(plan, 'totalBytes', formatBytes)),
    ...(devices
      ? [row('on each device', (plan) => eachDeviceText(plan) || sizeText(plan, 'totalBytes', formatSize))]
      : []),
    row('exact', ({ exact }) => (exact ? 'yes' : 'no')),
  ];
  const value = (text: string | null): Markdown => (text === null ? md`absent` : codeSpan(text, 120));
  const notes = [
    ...new Set(
      [before, after].flatMap((plan) =>
        plan.known ? plan.notes.filter(({ inexact }) => inexact).map(({ text }) => text) : [notKnownText(plan)],
      ),
    ),
  ];
  return documentOf([
    heading(3, md`KV cache of ${name}`),
    md`**${sentenceText(sentence(changeText(change)))}.**`,
    table(['', 'before', 'after'], rows),
    ...(keys.length === 0
      ? [md`No key of the language model changed.`]
      : [
          table(
            ['key', 'before', 'after'],
            keys.map(({ key, before: old, after: now }) => [codeSpan(key), value(old), value(now)]),
          ),
        ]),
    ...(notes.length > 0 ? [md`Not exact:`, list(notes.slice(0, 10))] : []),
  ]);
}
