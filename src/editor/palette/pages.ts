/** What the title bar of a result's page offers. */

import { env, l10n, Uri, window, workspace } from 'vscode';
import { RESULT_SCHEME } from '../ids';
import { pageInFront } from '../resultPages';
import type { Services } from '../services';
import { tell } from '../sinks';
import { writeWhole } from '../writing';

/** The page that a button belongs to, or the one in front. */
function pageOf(uri: unknown): Uri | null {
  return uri instanceof Uri && uri.scheme === RESULT_SCHEME ? uri : pageInFront();
}

async function textOf(page: Uri): Promise<string> {
  return (await workspace.openTextDocument(page)).getText();
}

/** The Markdown, into the clipboard. */
export async function copyResult(uri: unknown): Promise<boolean> {
  const page = pageOf(uri);
  if (!page) return false;
  await env.clipboard.writeText(await textOf(page));
  void tell(l10n.t('Copied as Markdown.'));
  return true;
}

/** The page's text, so that it can be searched and copied from. */
export async function openResultSource(uri: unknown): Promise<boolean> {
  const page = pageOf(uri);
  if (!page) return false;
  await window.showTextDocument(page, { preview: true });
  return true;
}

/** As a file: Markdown, or its table where it has one. `argument`: the target, for tests and key bindings. */
export async function exportResult({ pages }: Services, uri: unknown, argument: unknown): Promise<Uri | null> {
  const page = pageOf(uri);
  if (!page) return null;
  const csv = pages.csv(page);
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const name = page.path.slice(1);
  const target =
    argument instanceof Uri
      ? argument
      : await window.showSaveDialog({
          title: l10n.t('Export Result'),
          filters: { Markdown: ['md'], ...(csv === null ? {} : { CSV: ['csv'] }) },
          ...(folder ? { defaultUri: Uri.joinPath(folder, name) } : {}),
        });
  if (!target) return null;
  const asTable = csv !== null && /\.csv$/i.test(target.path);
  await writeWhole(target, new TextEncoder().encode(asTable ? csv : await textOf(page)));
  void tell(l10n.t('The result was written to {0}.', workspace.asRelativePath(target)));
  return target;
}
