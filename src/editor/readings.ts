/** The readings of open documents: parsed once per version, and only when the text can be a model config. */

import { type TextDocument, workspace } from 'vscode';
import { ConfigDocument } from '../config/document';
import { type Reading, readDocument } from '../config/read';
import { SETTINGS } from './ids';
import { Owner } from './lifecycle';
import { taughtFamilies } from './settings';

export interface DocumentReading {
  /** The text as it is now. */
  readonly document: ConfigDocument;
  /** Reading of the text as it is now, or, while that is not complete JSON, of the last version that was. */
  readonly reading: Reading;
  readonly stale: boolean;
}

interface Entry {
  readonly version: number;
  readonly result: DocumentReading | null;
  readonly lastGood: Reading | null;
}

const LANGUAGES: readonly string[] = ['json', 'jsonc'];
/** A model config has one of these; every other JSON is told apart by a text search and never parsed. */
const TELLTALE = /"(?:model_type|architectures|n_heads)"/;

export class Readings extends Owner {
  private readonly entries = new Map<string, Entry>();

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
  of(document: TextDocument): DocumentReading | null {
    if (!LANGUAGES.includes(document.languageId)) return null;
    const key = document.uri.toString();
    const known = this.entries.get(key);
    if (known?.version === document.version) return known.result;
    const entry = read(document, known?.lastGood ?? null);
    this.entries.set(key, entry);
    return entry.result;
  }
}

function read(document: TextDocument, lastGood: Reading | null): Entry {
  const text = document.getText();
  if (!TELLTALE.test(text)) return { version: document.version, result: null, lastGood: null };
  const parsed = ConfigDocument.parse(text);
  const reading = readDocument(parsed, { families: taughtFamilies() });
  const complete = parsed.errors.length === 0;
  if (!complete && lastGood) {
    return { version: document.version, result: { document: parsed, reading: lastGood, stale: true }, lastGood };
  }
  const result = reading && { document: parsed, reading, stale: false };
  return { version: document.version, result, lastGood: complete ? reading : lastGood };
}
