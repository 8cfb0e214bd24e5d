// What the integration tests share: the extension, the sample files, and asking the editor for hovers.
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import * as vscode from 'vscode';

export function headlight(): vscode.Extension<unknown> {
  const extension = vscode.extensions.getExtension('headlight.headlight');
  assert.ok(extension, 'headlight.headlight is not installed');
  return extension;
}

/** A file of the folder that is open: a copy of media/sample-configs, free to be changed. */
export function sample(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'no folder is open');
  return vscode.Uri.joinPath(folder.uri, path);
}

/** Writes a file into the folder that is open. */
export async function write(path: string, text: string): Promise<vscode.Uri> {
  const uri = sample(path);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return uri;
}

/** Tells, from now on, which share of all processors other processes than this host have taken. */
export function othersSince(): () => number {
  const busyMs = (): number =>
    cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const [busy, own, start] = [busyMs(), process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(own);
    return Math.max(0, busyMs() - busy - (user + system) / 1000) / ((performance.now() - start) * cpus().length);
  };
}

/** Everything that hovers say at the first occurrence of a text in a file. */
export async function hoverText(uri: vscode.Uri, at: string): Promise<string> {
  // Without this the first request finds no provider and comes back empty.
  await headlight().activate();
  const document = await vscode.workspace.openTextDocument(uri);
  const offset = document.getText().indexOf(at);
  assert.notEqual(offset, -1, `${uri.path} has no "${at}"`);
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
    'vscode.executeHoverProvider',
    uri,
    document.positionAt(offset + 1),
  );
  return hovers
    .flatMap((hover) => hover.contents)
    .map((content) => (typeof content === 'string' ? content : content.value))
    .join('\n');
}

/** The result in front: rendered, in the editor's own preview. */
export function pageInFront(): vscode.Uri | null {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && input.viewType === 'vscode.markdown.preview.editor'
    ? input.uri
    : null;
}

/** Its text. */
export async function pageText(): Promise<string> {
  const page = pageInFront();
  assert.ok(page, 'no page is in front');
  return new TextDecoder().decode(await vscode.workspace.fs.readFile(page));
}

/** Waits for what providers and timers bring; the test's own limit is the limit. */
export async function until<T>(
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
