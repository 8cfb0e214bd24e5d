/** What every part of the editor's side is given. It knows no part that loads late: those are made elsewhere (compose.ts). */

import type { ExtensionContext } from 'vscode';
import type { LazyCompute } from './lazyCompute';
import type { LazyModels } from './lazyModels';
import type { Readings } from './readings';
import type { ResultPages } from './resultPages';
import type { Log } from './sinks';
import type { WeightConfigs } from './weightConfigs';

/** What differs between a desktop (or remote) extension host and the browser's. */
export interface Platform {
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
