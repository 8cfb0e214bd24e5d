/**
 * Configs in a diff: what the change does to the cache. Hover and lens ask `changeOf(document)`; it answers at once with null for a
 * document that no diff shows, and the second reading is kept per version, so a keystroke costs one reading of one side.
 */

import { TabInputTextDiff, type TextDocument, type Uri, window, workspace } from 'vscode';
import { type Change, changeBetween, changedKeys } from '../present/change';
import type { Readings } from './readings';
import { scenarioSetting } from './settings';

/** Original and modified side of the diff that shows a document, newest group first; null where none does. No I/O. */
function sidesOf(uri: Uri): { readonly original: Uri; readonly modified: Uri } | null {
  const text = uri.toString();
  for (const { tabs } of window.tabGroups.all) {
    for (const { input } of tabs) {
      if (!(input instanceof TabInputTextDiff) || !isRevisionOf(input)) continue;
      if (input.original.toString() === text || input.modified.toString() === text) return input;
    }
  }
  return null;
}

/** A diff of one file with itself at another time (git names revisions by scheme and query), not of two files. */
function isRevisionOf({ original, modified }: TabInputTextDiff): boolean {
  return original.path === modified.path || original.scheme === 'git' || modified.scheme === 'git';
}

/** A change, and where it can be told. */
export interface ShownChange extends Change {
  /** Keys that it changed or added; none on the side of the old text. */
  readonly keys: readonly string[];
  /** The two documents, left and right. */
  readonly original: Uri;
  readonly modified: Uri;
}

/** Whether a diff shows the document: cheap, to be asked before `changeOf`. */
export function isInDiff(document: TextDocument): boolean {
  return sidesOf(document.uri) !== null;
}

/**
 * The change that a diff shows, from its left side to its right, whichever side `document` is; null where no diff shows it, or a side
 * is no complete model config. The scenario is that of the settings.
 */
export async function changeOf(document: TextDocument, readings: Readings): Promise<ShownChange | null> {
  const sides = sidesOf(document.uri);
  if (!sides) return null;
  const [before, after] = await Promise.all([opened(sides.original, document), opened(sides.modified, document)]);
  const [left, right] = await Promise.all([before && readings.settled(before), after && readings.settled(after)]);
  if (!left || !right || left.stale || right.stale) return null;
  const { path } = right.reading.location;
  const isNew = document.uri.toString() === sides.modified.toString();
  return {
    ...changeBetween(left.reading.spec, right.reading.spec, scenarioSetting(sides.modified)),
    keys: isNew ? changedKeys(left.document, right.document, path) : [],
    original: sides.original,
    modified: sides.modified,
  };
}

/** Both sides are open while the diff is; a side that does not exist (a new file) has no document. */
async function opened(uri: Uri, known: TextDocument): Promise<TextDocument | null> {
  if (known.uri.toString() === uri.toString()) return known;
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return open;
  try {
    return await workspace.openTextDocument(uri);
  } catch {
    return null;
  }
}
