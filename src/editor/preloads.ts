/** The files that the entry of a page imports, so that its HTML can ask for all of them at once. */

import { Uri, workspace } from 'vscode';
import type { Services } from './services';

/** As the build listed them (esbuild.page.js). A page without them opens, only later. */
export async function preloadsOf({ context, log }: Services, folder: readonly string[]): Promise<readonly string[]> {
  try {
    const bytes = await workspace.fs.readFile(Uri.joinPath(context.extensionUri, ...folder, 'preload.json'));
    return JSON.parse(new TextDecoder().decode(bytes)) as string[];
  } catch (error) {
    log.warn(
      `The panel opens more slowly, because its list of files to load early cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
    return [];
  }
}
