/** Entry of the extension in a browser: the same, in one bundle, without native code. */

import { type ExtensionContext, l10n } from 'vscode';
import { type Parts } from './editor/bundles';
import { compose, type HeadlightApi } from './editor/compose';

/** Evaluated at the first use, though they lie in this file: a web extension cannot load another. */
const PARTS: Parts = {
  advice: () => import('./editor/advice/advice'),
  palette: () => import('./editor/palette/palette'),
  explorer: () => import('./editor/explorer/explorer'),
  panel: () => import('./editor/panel/panelHost'),
  models: () => import('./editor/models/webModels'),
  weightEditor: () => import('./editor/weights/weightEditor'),
  computeHost: () =>
    Promise.reject(
      new Error(l10n.t('Nothing can be computed in the browser. Open the folder in desktop VS Code to run layers.')),
    ),
};

export function activate(context: ExtensionContext): HeadlightApi {
  return compose(context, {
    native: false,
    load: (name) => PARTS[name](),
    cpuMs: () => performance.now(),
  });
}
