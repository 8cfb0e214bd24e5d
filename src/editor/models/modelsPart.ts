/** What opens models that lie elsewhere: in the stores of this machine and on the Hub; in the browser on the Hub alone. */

import type { Disposable, FileStat, Uri } from 'vscode';
import type { WeightBytes } from '../../serving/weights';
import type { LocalModels } from '../../shared/storesContract';
import type { WeightsSummary } from '../../shared/weightsContract';
import type { Beside } from '../panel/headSources';
import type { HubModels } from './hubModels';

export interface ModelsPart extends Disposable {
  /** Who fetches parts of weights for the compute process; null where there is none. */
  readonly hub: HubModels | null;
  /** Looks into the stores of other programs. */
  readonly looks: number;
  /** Whom models are asked of. @throws HubError where what names it is no address */
  readonly host: string;
  /** What other programs keep on this machine; null where it was cancelled, or where there is no machine. */
  list(signal: AbortSignal): Promise<LocalModels | null>;
  stat(uri: Uri): Promise<FileStat>;
  readFile(uri: Uri): Promise<Uint8Array>;
  /** The folder, or the weight file, of a config. Null for an address that means nothing here. */
  beside(uri: Uri): Promise<Beside | null>;
  /** Whether the config of a name is here. */
  hasConfig(name: string): Promise<boolean>;
  /** Headlight: Open Model from the Hub…; `argument`: its name, where a link or a key says it. */
  openFromHub(argument: unknown): Promise<Uri | null>;
  /**
   * What the headers of a model's weights say, fetched after a question where they are not here.
   * Null where the weights of the model are not known. @throws Error in words
   */
  summary(uri: Uri, signal: AbortSignal): Promise<WeightsSummary | null>;
  /** Bytes of a model's weights as far as that is here already; null where it is not known. Fetches nothing. */
  weights(uri: Uri): Promise<WeightBytes | null>;
  /** Headlight: Set Hub Token…, where no environment says it. */
  setToken(): Promise<void>;
}
