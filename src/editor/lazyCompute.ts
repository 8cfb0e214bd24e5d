/** Loads the compute commands at the first of them, from a bundle of their own. */

import { createRequire } from 'node:module';
import { type ExtensionContext, type LogOutputChannel } from 'vscode';
import type { ComputeHost, createComputeHost } from './computeHost';
import { Owner } from './lifecycle';

interface ComputeBundle {
  readonly createComputeHost: typeof createComputeHost;
}

export class LazyCompute extends Owner {
  private host: ComputeHost | null = null;

  constructor(
    private readonly context: ExtensionContext,
    private readonly log: LogOutputChannel,
  ) {
    super();
  }

  /** Process id of the compute process while it runs. */
  get pid(): number | undefined {
    return this.host?.pid;
  }

  get(): ComputeHost {
    if (this.host) return this.host;
    // A path that the bundler does not know: the file stays a bundle of its own.
    const load = createRequire(__filename);
    const bundle = load(this.context.asAbsolutePath('dist/computeHost.js')) as ComputeBundle;
    this.host = this.own(
      bundle.createComputeHost({
        script: this.context.asAbsolutePath('dist/compute.js'),
        storage: this.context.globalStorageUri.fsPath,
        log: this.log,
      }),
    );
    return this.host;
  }
}
