/** Commands, the view of configs, summary documents and tools: registered at activation, loaded at first use. */

import {
  type Disposable,
  EventEmitter,
  type LanguageModelTool,
  lm,
  type TreeItem,
  type TreeView,
  window,
} from 'vscode';
import type { LoadBundle } from './bundles';
import type { Explorer } from './explorer/explorer';
import { EXPLORER_COMMANDS, PALETTE_COMMANDS, TOOLS, VIEWS } from './ids';
import type { Palette } from './palette/palette';
import type { Services } from './services';
import { registerCommand } from './sinks';

/** One bundle, loaded once; what it makes ends with the extension. */
function lazyPart<T extends Disposable>({ context }: Services, create: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () =>
    (loading ??= create().then((part) => {
      context.subscriptions.push(part);
      return part;
    }));
}

/** Command → load the part → its method. */
function lazyCommands<C extends string, T>(
  ids: readonly C[],
  part: () => Promise<T>,
  run: (loaded: T, id: C, first: unknown, second: unknown) => unknown,
): Disposable[] {
  return ids.map((id) =>
    registerCommand(id, async (first?: unknown, second?: unknown) => run(await part(), id, first, second)),
  );
}

export function registerPalette(services: Services, load: LoadBundle): Disposable[] {
  const palette = lazyPart<Palette>(services, async () => (await load('palette')).createPalette(services));
  return lazyCommands(PALETTE_COMMANDS, palette, (loaded, id, uri, argument) => loaded.run(id, uri, argument));
}

export function registerExplorer(services: Services, load: LoadBundle): Disposable[] {
  const refreshed = new EventEmitter<undefined>();
  const explorer = lazyPart<Explorer>(services, async () =>
    (await load('explorer')).createExplorer(services, view, refreshed),
  );
  // The editor asks for children when the view is first seen; nothing is looked for before.
  const view: TreeView<TreeItem> = window.createTreeView(VIEWS.configs, {
    canSelectMany: true,
    treeDataProvider: {
      onDidChangeTreeData: refreshed.event,
      getTreeItem: (item: TreeItem) => item,
      // Only entries without one are ever revealed.
      getParent: () => undefined,
      getChildren: async (parent?: TreeItem) => (await explorer()).children(parent),
    },
  });
  return [
    view,
    refreshed,
    ...lazyCommands(EXPLORER_COMMANDS, explorer, (loaded, id, first, second) => loaded.run(id, first, second)),
    ...registerTools(explorer),
  ];
}

/** Editors that are built without chat have no `lm`. */
function registerTools(explorer: () => Promise<Explorer>): Disposable[] {
  if (typeof lm?.registerTool !== 'function') return [];
  return TOOLS.map((name) => {
    const tool: LanguageModelTool<Readonly<Record<string, unknown>>> = {
      prepareInvocation: async (options) => (await explorer()).prepareTool(name, options),
      invoke: async (options, token) => (await explorer()).invokeTool(name, options, token),
    };
    return lm.registerTool(name, tool);
  });
}
