/** The config that a command is about: the one it was called on, else the active editor's, else the only one in sight. */

import { l10n, type TextDocument, Uri, window, workspace } from 'vscode';
import type { FollowedReading } from '../reading/follow';
import type { Reading } from '../reading/read';
import type { Readings } from './readings';
import { tell } from './sinks';
import { configBehind } from './weightConfigs';

export interface ActiveConfig extends FollowedReading {
  readonly source: TextDocument;
}

/** Null where there is none. */
export function configInSight(readings: Readings): ActiveConfig | null {
  const inFront = window.activeTextEditor?.document ?? readings.front;
  const active = inFront && config(readings, inFront);
  if (active) return active;
  // Beside a result document, a panel or a diff: one visible config is what people mean.
  const visible = new Set(window.visibleTextEditors.map(({ document }) => document));
  const [only, ...others] = [...visible].flatMap((document) => config(readings, document) ?? []);
  return only && others.length === 0 ? only : null;
}

function config(readings: Readings, source: TextDocument): ActiveConfig | null {
  const found = readings.of(source);
  return found && { ...found, source };
}

/** Tells the user and resolves with null where there is none. */
export async function activeConfig(readings: Readings, uri: unknown): Promise<ActiveConfig | null> {
  const asked = uri instanceof Uri ? await documentAt(uri) : null;
  const seen = uri instanceof Uri ? asked && config(readings, asked) : configInSight(readings);
  const settled = seen && (await readings.settled(seen.source));
  const found = seen && settled && { ...settled, source: seen.source };
  if (!found) void tell(l10n.t("Open a model's config.json first."));
  return found;
}

/** Null where a weight file has no config. */
async function documentAt(uri: Uri): Promise<TextDocument | null> {
  const behind = configBehind(uri);
  try {
    return await workspace.openTextDocument(behind);
  } catch (error) {
    if (behind === uri) throw error;
    return null;
  }
}

export async function activeReading(readings: Readings, uri: Uri | undefined): Promise<Reading | null> {
  return (await activeConfig(readings, uri))?.reading ?? null;
}
