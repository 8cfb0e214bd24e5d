/** Configs of the workspace, weight files, tools for chat assistants. Loaded when one of them is first asked for. */

import {
  CancellationTokenSource,
  type CancellationToken,
  type EventEmitter,
  type LanguageModelToolInvocationOptions,
  type LanguageModelToolResult,
  type PreparedToolInvocation,
  type TreeItem,
  type TreeView,
  Uri,
} from 'vscode';
import { COMMANDS, type ExplorerCommand, type ToolName } from '../ids';
import { Owner } from '../lifecycle';
import type { Services } from '../services';
import { taughtFamilies } from '../settings';
import { ConfigTree } from './configTree';
import { scanConfigs } from './scan';
import { invokeTool, prepareTool, type ToolInput } from './tools';
import { estimateWeights } from './weightFiles';

export interface ScanReport {
  readonly state: string;
  readonly found: number;
}

export class Explorer extends Owner {
  private readonly tree: ConfigTree;

  constructor(
    private readonly services: Services,
    view: TreeView<TreeItem>,
    refreshed: EventEmitter<undefined>,
  ) {
    super();
    this.tree = this.own(new ConfigTree(services, view, refreshed));
  }

  children(parent?: TreeItem): Promise<TreeItem[]> {
    return this.tree.children(parent);
  }

  prepareTool(tool: ToolName, options: { readonly input: ToolInput }): PreparedToolInvocation {
    return prepareTool(tool, options);
  }

  invokeTool(
    tool: ToolName,
    options: LanguageModelToolInvocationOptions<ToolInput>,
    token: CancellationToken,
  ): Promise<LanguageModelToolResult> {
    return invokeTool(this.services, tool, options, token);
  }

  async run(command: ExplorerCommand, first: unknown, second: unknown): Promise<unknown> {
    switch (command) {
      case COMMANDS.findConfigs:
        return folderOf(first)
          ? this.scan(first)
          : (await this.tree.find()).map(({ uri, label, description }) => ({ uri, label, description }));
      case COMMANDS.sortConfigsByName:
        return this.tree.sort('name');
      case COMMANDS.sortConfigsByBytes:
        return this.tree.sort('bytes');
      case COMMANDS.compareSelected:
        return this.tree.compareSelected(first, second);
      case COMMANDS.findLocalModels:
        return this.tree.findLocal();
      case COMMANDS.estimateWeights:
        return estimateWeights(this.services, first);
    }
  }

  /** One folder, without the view: `{ folder, asked }`. */
  private async scan(request: unknown): Promise<ScanReport | null> {
    const folder = folderOf(request);
    const asked = typeof request === 'object' && request !== null && 'asked' in request && request.asked === true;
    const source = new CancellationTokenSource();
    try {
      const { state, configs } = await scanConfigs(
        { folder, asked, read: { families: taughtFamilies() }, cpuMs: () => this.services.platform.cpuMs() },
        source.token,
      );
      return { state, found: configs.length };
    } finally {
      source.dispose();
    }
  }
}

function folderOf(request: unknown): Uri | null {
  return typeof request === 'object' && request !== null && 'folder' in request && request.folder instanceof Uri
    ? request.folder
    : null;
}

export function createExplorer(
  services: Services,
  view: TreeView<TreeItem>,
  refreshed: EventEmitter<undefined>,
): Explorer {
  return new Explorer(services, view, refreshed);
}
