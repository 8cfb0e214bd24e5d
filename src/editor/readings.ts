/** The readings of open documents: parsed once per version, and only when the text can be a model config. */

import { type TextDocument, workspace } from 'vscode';
import { follow, type FollowedReading } from '../config/follow';
import type { Reading } from '../config/read';
import { SETTINGS } from './ids';
import { Owner } from './lifecycle';
import { taughtFamilies } from './settings';

interface Entry {
  readonly version: number;
  readonly result: FollowedReading | null;
  readonly lastGood: Reading | null;
}

export const CONFIG_LANGUAGES: readonly string[] = ['json', 'jsonc'];
/** Any scheme and any name: what counts is the content. */
export const CONFIG_SELECTOR = CONFIG_LANGUAGES.map((language) => ({ language }));

export class Readings extends Owner {
  private readonly entries = new Map<string, Entry>();
  /** Versions that were looked at. Only those that speak of a model are parsed. */
  looks = 0;

  constructor() {
    super();
    this.own(workspace.onDidCloseTextDocument((document) => this.entries.delete(document.uri.toString())));
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(`${SETTINGS.section}.${SETTINGS.families}`)) this.entries.clear();
      }),
    );
  }

  /** The reading of a document, or null when it is not a model config. */
  of(document: TextDocument): FollowedReading | null {
    if (!CONFIG_LANGUAGES.includes(document.languageId)) return null;
    const key = document.uri.toString();
    const known = this.entries.get(key);
    if (known?.version === document.version) return known.result;
    this.looks++;
    const entry = { version: document.version, ...follow(document.getText(), known?.lastGood ?? null, { families: taughtFamilies() }) };
    this.entries.set(key, entry);
    return entry.result;
  }
}
