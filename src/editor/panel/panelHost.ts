/**
 * The host's side of the panel: the view in the side bar and the same beside the editor. Loaded when one of them is first shown.
 */

import { type Disposable, type Uri, type WebviewPanel, type WebviewView } from 'vscode';
import type { PanelView } from '../../shared/panelContract';
import { Owner } from '../lifecycle';
import type { Services } from '../services';

export class PanelHost extends Owner {
  constructor(protected readonly services: Services) {
    super();
  }

  /** The view of the side bar was resolved. */
  attachView(_view: WebviewView): Promise<void> {
    return Promise.resolve();
  }

  /** A panel beside the editor came back after a reload. */
  attachPanel(_panel: WebviewPanel): Promise<void> {
    return Promise.resolve();
  }

  /** Shows the side bar's view; follows `uri` where one is given. */
  open(_uri?: Uri, _view?: PanelView): Promise<void> {
    return Promise.resolve();
  }

  /** Shows the panel beside the editor. */
  openBeside(_uri?: Uri, _view?: PanelView): Promise<void> {
    return Promise.resolve();
  }
}

export function createPanelHost(services: Services): PanelHost & Disposable {
  return new PanelHost(services);
}
