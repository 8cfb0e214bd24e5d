/** The readings of open documents: parsed once per version, and only when the text can be a model config. */

import { type Event, EventEmitter, type TextDocument, Uri, workspace } from 'vscode';
import type { ConfigDocument } from '../config/document';
import { follow, type FollowedReading } from '../reading/follow';
import { mayBeModelConfig } from '../config/mayBe';
import type { Reading } from '../reading/read';
import { SETTINGS } from './ids';
import { Owner } from './lifecycle';
import { QuantFiles } from './quantFiles';
import { taughtFamilies } from './settings';

interface Entry {
  readonly version: number;
  readonly result: FollowedReading | null;
  readonly lastGood: Reading | null;
  /** What it was read with. */
  readonly quantFile: ConfigDocument | undefined;
}

export const CONFIG_LANGUAGES: readonly string[] = ['json', 'jsonc'];
/** Any scheme and any name: what counts is the content. */
export const CONFIG_SELECTOR = CONFIG_LANGUAGES.map((language) => ({ language }));

export class Readings extends Owner {
  private readonly entries = new Map<string, Entry>();
  private readonly quantFiles = this.own(new QuantFiles());
  /** A file beside a config was found or has changed: the readings are other ones now. */
  readonly onDidChange: Event<void> = this.quantFiles.onDidChange;
  private readonly frontChanged = this.own(new EventEmitter<void>());
  /** Another config, or none, is `front`. */
  readonly onDidChangeFront = this.frontChanged.event;
  private inFront: TextDocument | null = null;
  /** Versions that were looked at. Only those that speak of a model are parsed. */
  looks = 0;

  constructor() {
    super();
    this.own(workspace.onDidCloseTextDocument((document) => this.forget(document)));
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(`${SETTINGS.section}.${SETTINGS.families}`)) this.entries.clear();
      }),
    );
  }

  /** The config of the weight file whose editor is active, which is no text editor; null where none is. */
  get front(): TextDocument | null {
    return this.inFront;
  }

  setFront(document: TextDocument | null): void {
    if (document === this.inFront) return;
    this.inFront = document;
    this.frontChanged.fire();
  }

  /** The reading of a document, or null when it is not a model config. Never waits: see `settled`. */
  of(document: TextDocument): FollowedReading | null {
    if (!CONFIG_LANGUAGES.includes(document.languageId)) return null;
    const key = document.uri.toString();
    const known = this.entries.get(key);
    if (known?.version === document.version && (!known.result || known.quantFile === this.quantFiles.of(document.uri)))
      return known.result;
    this.looks++;
    const entry = { version: document.version, ...this.read(document, known?.lastGood ?? null) };
    this.entries.set(key, entry);
    return entry.result;
  }

  /** The same, once what lies beside the config is known too: for answers that are given once. */
  async settled(document: TextDocument): Promise<FollowedReading | null> {
    if (this.of(document)) await this.quantFiles.settled(document.uri);
    return this.of(document);
  }

  /** What is known of `hf_quant_config.json` beside a config. Never waits. */
  quantFile(config: Uri): ConfigDocument | undefined {
    return this.quantFiles.of(config);
  }

  private read(document: TextDocument, lastGood: Reading | null): Omit<Entry, 'version'> {
    const text = document.getText();
    if (!mayBeModelConfig(text)) return { result: null, lastGood: null, quantFile: undefined };
    const quantFile = this.quantFiles.of(document.uri);
    return {
      ...follow(text, lastGood, { families: taughtFamilies(), ...(quantFile ? { quantFile } : {}) }),
      quantFile,
    };
  }

  private forget({ uri }: TextDocument): void {
    const closed = this.entries.get(uri.toString());
    this.entries.delete(uri.toString());
    if (!closed?.result) return;
    const folder = (other: Uri): string => Uri.joinPath(other, '..').path;
    // The other side of a diff and its file have one path.
    for (const [key, { result }] of this.entries) if (result && folder(Uri.parse(key)) === folder(uri)) return;
    this.quantFiles.forget(uri);
  }
}
