/** The config that a command is about: the one it was called on, else the active editor's. */

import { Uri, window, workspace } from 'vscode';
import type { Reading } from '../config/read';
import type { Readings } from './readings';

/** Tells the user and resolves with null where there is none. */
export async function activeReading(readings: Readings, uri: Uri | undefined): Promise<Reading | null> {
  const document = uri instanceof Uri ? await workspace.openTextDocument(uri) : window.activeTextEditor?.document;
  const found = document && readings.of(document);
  if (found) return found.reading;
  void window.showInformationMessage("Open a model's config.json first.");
  return null;
}
