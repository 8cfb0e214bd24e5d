/**
 * Headlight's tools for assistants that speak the Model Context Protocol, offered to VS Code itself: it lists the server, and starts it when a chat
 * needs it. `headlight mcp`, run by the Node that VS Code runs on.
 *
 * The interface came with VS Code 1.101. Version 1.100 has it as a proposal, which refuses; older types do not name it, so it is described here
 * (vscode.d.ts of 1.101: McpStdioServerDefinition, McpServerDefinitionProvider).
 */

import * as vscode from 'vscode';
import { MCP_PROVIDER } from './ids';
import type { Log } from './sinks';

/** A server that talks over standard input and output. */
export interface StdioServer {
  readonly label: string;
  readonly command: string;
  readonly args: string[];
  /** Null takes a variable away. */
  readonly env: Record<string, string | null>;
  readonly version?: string;
  cwd?: vscode.Uri;
}

interface ServerApi {
  readonly McpStdioServerDefinition: new (
    label: string,
    command: string,
    args: string[],
    env: Record<string, string | null>,
    version: string,
  ) => StdioServer;
  readonly lm: {
    registerMcpServerDefinitionProvider(
      id: string,
      provider: {
        readonly onDidChangeMcpServerDefinitions: vscode.Event<void>;
        provideMcpServerDefinitions(): StdioServer[];
      },
    ): vscode.Disposable;
  };
}

function hasServers(api: unknown): api is ServerApi {
  const { McpStdioServerDefinition: definition, lm } = api as Partial<ServerApi>;
  return typeof definition === 'function' && typeof lm?.registerMcpServerDefinitionProvider === 'function';
}

export function registerMcpServers(context: vscode.ExtensionContext, log: Log): vscode.Disposable[] {
  const api: unknown = vscode;
  if (!hasServers(api)) return [];
  const changed = new vscode.EventEmitter<void>();
  try {
    return [
      api.lm.registerMcpServerDefinitionProvider(MCP_PROVIDER, {
        onDidChangeMcpServerDefinitions: changed.event,
        provideMcpServerDefinitions: () => [ownServer(api, context)],
      }),
      changed,
      // Relative paths are those of the first folder.
      vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    ];
  } catch {
    changed.dispose();
    log.info('this VS Code takes no MCP servers from extensions');
    return [];
  }
}

function ownServer(api: ServerApi, context: vscode.ExtensionContext): StdioServer {
  const { version } = context.extension.packageJSON as { readonly version: string };
  const server = new api.McpStdioServerDefinition(
    'Headlight',
    process.execPath,
    [context.asAbsolutePath('dist/cli.js'), 'mcp'],
    // On the desktop the program is Electron, which is Node when it is told so. Options of the user's own Node are not for it.
    { ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: null },
    version,
  );
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (folder?.scheme === 'file') server.cwd = folder;
  return server;
}
