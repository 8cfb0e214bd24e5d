/** What every part of the editor's side is given. */

import { type ExtensionContext, Uri } from 'vscode';
import type { Bundles, LoadBundle } from './bundles';
import type { ComputeHost } from './computeHost';
import type { LazyModels } from './lazyModels';
import { Owner } from './lifecycle';
import type { Readings } from './readings';
import type { ResultPages } from './resultPages';
import type { Log } from './sinks';
import type { WeightConfigs } from './weightConfigs';

/** What differs between a desktop (or remote) extension host and the browser's. */
export interface Platform {
  readonly load: LoadBundle;
  /** Whether there is a file system of this machine and processes: no compute in the browser. */
  readonly native: boolean;
  /** Processor time that this host has used, in milliseconds; the clock where that cannot be known. */
  cpuMs(): number;
}

export interface Services {
  readonly context: ExtensionContext;
  readonly log: Log;
  readonly readings: Readings;
  readonly platform: Platform;
  readonly pages: ResultPages;
  readonly weightConfigs: WeightConfigs;
  /** The compute process's side, loaded on first use; null in the browser. */
  readonly compute: LazyCompute | null;
  /** Models in the stores of this machine and on the Hub; in the browser on the Hub alone. */
  readonly models: LazyModels;
}

/** Loads the compute commands at the first of them. */
export class LazyCompute extends Owner {
  private loading: Promise<ComputeHost> | null = null;
  private host: ComputeHost | null = null;

  constructor(
    private readonly context: ExtensionContext,
    private readonly log: Log,
    private readonly load: LoadBundle,
    private readonly pages: ResultPages,
    private readonly models: LazyModels,
  ) {
    super();
  }

  /** Process id of the compute process while it runs. */
  get pid(): number | undefined {
    return this.host?.pid;
  }

  get(): Promise<ComputeHost> {
    return (this.loading ??= this.create());
  }

  private async create(): Promise<ComputeHost> {
    const bundle: Bundles['computeHost'] = await this.load('computeHost');
    this.host = this.own(
      bundle.createComputeHost({
        script: this.context.asAbsolutePath('dist/compute.js'),
        storage: this.context.globalStorageUri.fsPath,
        samples: Uri.joinPath(this.context.extensionUri, 'media', 'samples'),
        log: this.log,
        pages: this.pages,
        models: this.models,
      }),
    );
    return this.host;
  }
}
