/** Entry of the extension on a machine of its own (desktop, remote): composition only. */

import { createRequire } from 'node:module';
import { type ExtensionContext } from 'vscode';
import { type Bundles } from './editor/bundles';
import { compose, type HeadlightApi } from './editor/compose';

export type { HeadlightApi } from './editor/compose';

export function activate(context: ExtensionContext): HeadlightApi {
  // Paths that the bundler does not know: the files stay bundles of their own.
  const load = createRequire(__filename);
  return compose(context, {
    native: true,
    load: async (name) => load(context.asAbsolutePath(`dist/${name}.js`)) as Bundles[typeof name],
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  });
}
