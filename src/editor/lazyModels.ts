/** Models in the stores of this machine and on the Hub: registered at activation, loaded when one is first opened or asked for. */

import { type FileStat, type FileSystemProvider, type FileType, l10n, type Uri, workspace } from 'vscode';
import type { LoadBundle } from './bundles';
import { MODEL_SCHEME } from './ids';
import { ReadOnlyFiles } from './readOnlyFiles';
import type { ModelsPart } from './models/modelsPart';
import type { Services } from './services';

export class LazyModels extends ReadOnlyFiles implements FileSystemProvider {
  private loading: Promise<ModelsPart> | null = null;
  /** Null until it was needed. */
  loaded: ModelsPart | null = null;
  private services: Services | null = null;

  constructor(private readonly load: LoadBundle) {
    super();
    this.own(workspace.registerFileSystemProvider(MODEL_SCHEME, this, { isCaseSensitive: true, isReadonly: true }));
  }

  /** What it works with: put together after it. */
  useFor(services: Services): void {
    this.services = services;
  }

  get(): Promise<ModelsPart> {
    return (this.loading ??= this.create());
  }

  private async create(): Promise<ModelsPart> {
    const { services } = this;
    if (!services) throw new Error(l10n.t('The list of models is still loading. Try again in a moment.'));
    this.loaded = this.own((await this.load('models')).createModels(services));
    return this.loaded;
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
