/** What the panel shows, wherever it is shown: one for all its pages. */

import type { Uri } from 'vscode';
import type { PanelBeside, PanelSettings } from '../../shared/panelContract';
import type { ResultPages } from '../resultPages';
import type { Log } from '../sinks';
import type { Candidates } from './candidates';
import type { Following } from './following';
import type { HeadSources } from './headSources';
import type { Targets } from './targets';
import type { TradeoffRuns } from './tradeoffRuns';

export interface Shown {
  readonly extension: Uri;
  readonly log: Log;
  readonly pages: ResultPages;
  readonly targets: Targets;
  readonly following: Following;
  readonly candidates: Candidates;
  readonly heads: HeadSources;
  readonly tradeoff: TradeoffRuns;
  /** Beside which config the followed one is drawn; null: alone. */
  readonly beside: PanelBeside | null;
  settings(): PanelSettings;
  drawAlone(): void;
  /** False when the user changed their mind. */
  pickConfig(): Promise<boolean>;
}
