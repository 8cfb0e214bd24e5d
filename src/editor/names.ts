/** What a config is called in front of people. */

import { type Uri, workspace } from 'vscode';
import { visible } from '../model/visibleText';

const COMMON_NAMES: readonly string[] = ['config.json', 'params.json'];

/** The folder's name where the file is called as everyone's; else the file's. */
export function configName(uri: Uri): string {
  const segments = uri.path.split('/').filter((segment) => segment !== '');
  const file = segments.at(-1) ?? uri.path;
  return visible(COMMON_NAMES.includes(file) ? (segments.at(-2) ?? file) : file);
}

/** Where a file is, as seen from the workspace. */
export function shownPath(uri: Uri): string {
  return visible(workspace.asRelativePath(uri));
}
