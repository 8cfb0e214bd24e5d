/** Entry of the extension on a machine of its own (desktop, remote): composition only. */

import { type ExtensionContext } from 'vscode';
import { type Parts } from './editor/bundles';
import { compose, type HeadlightApi } from './editor/compose';

export type { HeadlightApi } from './editor/compose';

/** Files of their own (esbuild.host.js), loaded at the first use. */
const PARTS: Parts = {
  advice: () => import('./editor/advice/advice'),
  palette: () => import('./editor/palette/palette'),
  explorer: () => import('./editor/explorer/explorer'),
  panel: () => import('./editor/panel/panelHost'),
  models: () => import('./editor/models/models'),
  weightEditor: () => import('./editor/weights/weightEditor'),
  computeHost: () => import('./editor/computeHost'),
};

export function activate(context: ExtensionContext): HeadlightApi {
  return compose(context, {
    native: true,
    load: (name) => PARTS[name](),
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  });
}
