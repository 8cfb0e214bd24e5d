/** "Ignore this rule": entries of `headlight.lint.ignore`, `rule` or `rule@path`. */

import { ConfigurationTarget, type Uri, workspace } from 'vscode';
import { SETTINGS } from '../ids';

export function isIgnored(ignored: readonly string[], rule: string, path: string): boolean {
  return ignored.includes(rule) || ignored.includes(`${rule}@${path}`);
}

/** Adds a rule for one file, or for all: to the workspace folder's settings where there is a folder, else to the user's. */
export async function ignoreRule(rule: string, uri: Uri, everywhere: boolean): Promise<void> {
  const entry = everywhere ? rule : `${rule}@${workspace.asRelativePath(uri, false)}`;
  const settings = workspace.getConfiguration(SETTINGS.section, uri);
  const inFolder = workspace.getWorkspaceFolder(uri) !== undefined;
  const known = settings.inspect<readonly string[]>(SETTINGS.lintIgnore);
  const before = (inFolder ? known?.workspaceFolderValue : known?.globalValue) ?? [];
  if (before.includes(entry)) return;
  await settings.update(
    SETTINGS.lintIgnore,
    [...before, entry],
    inFolder ? ConfigurationTarget.WorkspaceFolder : ConfigurationTarget.Global,
  );
}
