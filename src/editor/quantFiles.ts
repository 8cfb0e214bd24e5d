/**
 * `hf_quant_config.json` beside configs. Hovers and lenses do not wait for a file: the first question about a folder is answered with
 * nothing and begins the reading, and who showed numbers is told when the file turns out to be there, and when it changes.
 */

import { type Disposable, EventEmitter, RelativePattern, Uri, workspace } from 'vscode';
import { boundedText } from './boundedText';
import { ConfigDocument } from '../config/document';
import { QUANT_FILE } from '../config/quantFile';
import { Owner } from './lifecycle';

/** A larger one is something else. Bytes. */
const MAX_BYTES = 1_000_000;

interface Folder {
  text: string | null;
  document: ConfigDocument | undefined;
  loading: Promise<void>;
  readonly watcher: Disposable;
}

export class QuantFiles extends Owner {
  private readonly folders = new Map<string, Folder>();
  private readonly changed = this.own(new EventEmitter<void>());
  readonly onDidChange = this.changed.event;

  constructor() {
    super();
    this.own({ dispose: () => this.folders.forEach(({ watcher }) => watcher.dispose()) });
  }

  /** What is known of the file beside a config: at once, undefined while it is read. */
  of(config: Uri): ConfigDocument | undefined {
    return this.folder(config)?.document;
  }

  /** The same, read to the end. */
  async settled(config: Uri): Promise<ConfigDocument | undefined> {
    const folder = this.folder(config);
    await folder?.loading;
    return folder?.document;
  }

  /** The last config of a folder was closed: nothing is watched for it any more. */
  forget(config: Uri): void {
    const key = folderOf(config)?.toString();
    if (key === undefined) return;
    this.folders.get(key)?.watcher.dispose();
    this.folders.delete(key);
  }

  private folder(config: Uri): Folder | null {
    const uri = folderOf(config);
    if (!uri || this.disposed) return null;
    const key = uri.toString();
    const known = this.folders.get(key);
    if (known) return known;
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(uri, QUANT_FILE));
    const folder: Folder = { text: null, document: undefined, loading: Promise.resolve(), watcher };
    const read = (): void => {
      folder.loading = folder.loading.then(() => this.read(uri, folder));
    };
    watcher.onDidChange(read);
    watcher.onDidCreate(read);
    watcher.onDidDelete(read);
    this.folders.set(key, folder);
    read();
    return folder;
  }

  private async read(uri: Uri, folder: Folder): Promise<void> {
    const text = await readQuantFile(uri);
    if (text === folder.text) return;
    folder.text = text;
    folder.document = text === null ? undefined : ConfigDocument.parse(text);
    if (!this.disposed) this.changed.fire();
  }
}

/** The file beside a config that nobody has open. */
export async function quantFileBeside(config: Uri): Promise<ConfigDocument | undefined> {
  const folder = folderOf(config);
  const text = folder && (await readQuantFile(folder));
  return text == null ? undefined : ConfigDocument.parse(text);
}

/** Where the file would be; null where there are no files (untitled texts, pages of other extensions). */
function folderOf(config: Uri): Uri | null {
  // Revisions are compared for what the config's own change did: both sides are read with the file as it is now.
  const uri = config.scheme === 'git' ? Uri.file(config.path) : config;
  return workspace.fs.isWritableFileSystem(uri.scheme) === undefined
    ? null
    : Uri.joinPath(uri, '..').with({ query: '', fragment: '' });
}

function readQuantFile(folder: Uri): Promise<string | null> {
  return boundedText(Uri.joinPath(folder, QUANT_FILE), MAX_BYTES);
}
