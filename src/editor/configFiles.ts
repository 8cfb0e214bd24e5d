/** Files that may be model configs: where they are looked for, how large they get, and the bundled ones. */

import { Uri, workspace } from 'vscode';
import { boundedText } from './boundedText';

/** Folders in which nobody keeps configs. */
export const NOT_CONFIGS = '**/{node_modules,.git,.venv,venv,site-packages,__pycache__,dist,out,build,.cache}/**';
/** No model config comes near it. */
const MAX_BYTES = 1_000_000;

/** The text of a file; null for what is too large for a config, gone or unreadable. */
export function configText(uri: Uri): Promise<string | null> {
  return boundedText(uri, MAX_BYTES);
}

/** A config of media/presets. */
export interface Preset {
  readonly uri: Uri;
  readonly file: string;
  readonly name: string;
  readonly detail: string;
}

/** In the order of their index. */
export async function presets(extension: Uri): Promise<readonly Preset[]> {
  const root = Uri.joinPath(extension, 'media', 'presets');
  const bytes = await workspace.fs.readFile(Uri.joinPath(root, 'index.json'));
  const index = JSON.parse(new TextDecoder().decode(bytes)) as readonly Omit<Preset, 'uri'>[];
  return index.map((preset) => ({ ...preset, uri: Uri.joinPath(root, preset.file) }));
}
