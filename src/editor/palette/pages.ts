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

/** As Markdown for elsewhere. */
async function textOf({ pages }: Services, page: Uri): Promise<string> {
  return pages.forms(page).plain ?? (await workspace.openTextDocument(page)).getText();
}

/** What the page shows, pictures included, for a browser. The renderer is loaded when it is first needed. */
async function htmlOf({ context }: Services, page: Uri): Promise<string> {
  const { htmlPage } = await import('../../present/htmlPage');
  const { version } = context.extension.packageJSON as { readonly version: string };
  const markdown = (await workspace.openTextDocument(page)).getText();
  return htmlPage({ title: page.path.slice(1).replace(/\.md$/, ''), markdown, madeBy: `Headlight ${version}.` });
}

/** The Markdown, into the clipboard. */
export async function copyResult(services: Services, uri: unknown): Promise<boolean> {
  const page = pageOf(uri);
  if (!page) return false;
  await env.clipboard.writeText(await textOf(services, page));
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

/** As a file: Markdown, a page in one file, or its table or picture where it has one. `argument`: the target, for tests and key bindings. */
export async function exportResult(services: Services, uri: unknown, argument: unknown): Promise<Uri | null> {
  const page = pageOf(uri);
  if (!page) return null;
  const { csv, picture } = services.pages.forms(page);
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const name = page.path.slice(1);
  const target =
    argument instanceof Uri
      ? argument
      : await window.showSaveDialog({
          title: l10n.t('Export Result'),
          filters: {
            Markdown: ['md'],
            HTML: ['html'],
            ...(csv === undefined ? {} : { CSV: ['csv'] }),
            ...(picture === undefined ? {} : { SVG: ['svg'] }),
          },
          ...(folder ? { defaultUri: Uri.joinPath(folder, name) } : {}),
        });
  if (!target) return null;
  const form = /\.csv$/i.test(target.path)
    ? csv
    : /\.svg$/i.test(target.path)
      ? picture
      : /\.html?$/i.test(target.path)
        ? await htmlOf(services, page)
        : undefined;
  await writeWhole(target, new TextEncoder().encode(form ?? (await textOf(services, page))));
  void tell(l10n.t('The result was written to {0}.', workspace.asRelativePath(target)));
  return target;
}
