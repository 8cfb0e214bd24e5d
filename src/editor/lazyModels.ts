/** Models in the stores of this machine and on the Hub: registered at activation, loaded when one is first opened or asked for. */

import { type FileStat, type FileSystemProvider, type FileType, type Uri, workspace } from 'vscode';
import { MODEL_SCHEME } from './ids';
import { ReadOnlyFiles } from './readOnlyFiles';
import type { ModelsPart } from './models/modelsPart';

export class LazyModels extends ReadOnlyFiles implements FileSystemProvider {
  private loading: Promise<ModelsPart> | null = null;
  /** Null until it was needed. */
  loaded: ModelsPart | null = null;

  constructor(private readonly create: () => Promise<ModelsPart>) {
    super();
    this.own(workspace.registerFileSystemProvider(MODEL_SCHEME, this, { isCaseSensitive: true, isReadonly: true }));
  }

  get(): Promise<ModelsPart> {
    return (this.loading ??= this.create().then((part) => (this.loaded = this.own(part))));
  }

  async stat(uri: Uri): Promise<FileStat> {
    return (await this.get()).stat(uri);
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    return (await this.get()).readFile(uri);
  }

  readDirectory(): [string, FileType][] {
    return [];
  }
}
