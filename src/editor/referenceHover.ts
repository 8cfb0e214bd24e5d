/**
 * Hovers on names of models: they offer to open what is meant. Only what is pointed at is looked at, and nothing is fetched or read but for
 * whether the name is in Hugging Face's cache.
 *
 * Python and JSON activate the extension anyhow. Shell scripts do not: a script alone is no reason to run, so the hover is there once a config,
 * a Python source or a view of Headlight was opened in the window.
 */

import {
  type CancellationToken,
  type Hover,
  type HoverProvider,
  l10n,
  type Position,
  Range,
  type TextDocument,
  Uri,
  workspace,
} from 'vscode';
import { type ReferenceLanguage, referenceAt } from '../hub/references';
import { commandLink, joined, md } from '../present/markdown';
import { COMMANDS, SETTINGS } from './ids';
import type { LazyModels } from './lazyModels';
import { isEnabled } from './settings';
import { hover } from './sinks';

const LANGUAGES: Readonly<Record<string, ReferenceLanguage>> = {
  json: 'json',
  jsonc: 'json',
  python: 'python',
  shellscript: 'shell',
};
export const REFERENCE_SELECTOR = Object.keys(LANGUAGES).map((language) => ({ language }));

/** Text around the place that is pointed at. Characters. */
const AROUND = 500;

export class ReferenceHovers implements HoverProvider {
  constructor(private readonly models: LazyModels) {}

  async provideHover(document: TextDocument, position: Position, token: CancellationToken): Promise<Hover | null> {
    const language = LANGUAGES[document.languageId];
    if (language === undefined || !isEnabled(SETTINGS.hoverEnabled)) return null;
    const offset = document.offsetAt(position);
    const from = Math.max(0, offset - AROUND);
    const text = document.getText(new Range(document.positionAt(from), document.positionAt(offset + AROUND)));
    const found = referenceAt(text, offset - from, language);
    if (!found || (await isFolderHere(document, found.name)) || token.isCancellationRequested) return null;
    const models = await this.models.get();
    const isHere = await models.hasConfig(found.name);
    const link = commandLink(
      isHere ? l10n.t('Open its config') : l10n.t('Open its config from {0}…', models.host),
      COMMANDS.openFromHub,
      found.name,
    );
    const where = isHere ? l10n.t('on this machine') : l10n.t('asks before files are fetched');
    const range = new Range(document.positionAt(from + found.start), document.positionAt(from + found.end));
    return hover(joined([md`**${found.name}**`, link, where], ' · '), range, [COMMANDS.openFromHub]);
  }
}

/** A name may be a folder beside the file, or in the workspace. */
async function isFolderHere({ uri }: TextDocument, name: string): Promise<boolean> {
  if (uri.scheme !== 'file') return false;
  const roots = [Uri.joinPath(uri, '..'), ...(workspace.workspaceFolders ?? []).map((folder) => folder.uri)];
  const found = await Promise.all(
    roots.map(async (root) => {
      try {
        await workspace.fs.stat(Uri.joinPath(root, name));
        return true;
      } catch {
        return false;
      }
    }),
  );
  return found.includes(true);
}
