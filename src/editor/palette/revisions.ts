/** Earlier versions of a file, from VS Code's own git extension; none where it is off or the file is in no repository. */

import { extensions, type TextDocument, Uri, workspace } from 'vscode';
import type { Log } from '../sinks';

/** What we use of the API of `vscode.git` (extensions/git/src/api/git.d.ts, version 1). */
interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): GitApi;
}

interface GitApi {
  getRepository(uri: Uri): GitRepository | null;
  /** Of the repository that holds a folder; it is looked for. */
  openRepository(folder: Uri): Promise<GitRepository | null>;
  toGitUri(uri: Uri, ref: string): Uri;
}

interface GitRepository {
  log(options: { readonly maxEntries: number; readonly path: string }): Promise<readonly GitCommit[]>;
}

interface GitCommit {
  readonly hash: string;
  readonly message: string;
  readonly authorDate?: Date;
}

export interface Revision {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly text: string;
}

const MOST_REVISIONS = 10;

/** The versions in which the text differs from the next newer one, newest first. */
export async function revisionsOf(document: TextDocument, log: Log): Promise<Revision[]> {
  if (document.uri.scheme !== 'file') return [];
  try {
    const extension = extensions.getExtension<GitExtension>('vscode.git');
    const git = extension && (extension.isActive ? extension.exports : await extension.activate());
    if (!git?.enabled) return [];
    const api = git.getAPI(1);
    const repository = api.getRepository(document.uri) ?? (await api.openRepository(Uri.joinPath(document.uri, '..')));
    const commits = await repository?.log({ maxEntries: MOST_REVISIONS, path: document.uri.fsPath });
    const found: Revision[] = [];
    let newer = document.getText();
    for (const { hash, message, authorDate } of commits ?? []) {
      const text = (await workspace.openTextDocument(api.toGitUri(document.uri, hash))).getText();
      if (text === newer) continue;
      newer = text;
      const [subject = ''] = message.split('\n', 1);
      found.push({
        id: `${hash}:${document.uri.path}`,
        label: hash.slice(0, 8),
        detail: [authorDate?.toISOString().slice(0, 10), subject.slice(0, 80)].filter(Boolean).join(' · '),
        text,
      });
    }
    return found;
  } catch (error) {
    // Another version of the API, a shallow clone, a file that was not there: no revisions is the honest answer.
    log.info(`no revisions of ${document.uri.path}: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}
