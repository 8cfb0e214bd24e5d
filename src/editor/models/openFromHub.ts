/** Headlight: Open Model from the Hub…: a name, one question, and its config as a read-only document. What is on this machine opens at once. */

import { l10n, type QuickPickItem, QuickPickItemKind, type Uri, window } from 'vscode';
import { HubError } from '../../hub/hubError';
import { type HubName, HubNameError, hubNameText, parseHubName } from '../../hub/hubName';
import { hubHost } from '../../stores/hubAccess';
import { cachedFile, cachedNames } from '../../stores/huggingFace';
import { modelUri } from '../modelUri';
import type { Services } from '../services';
import { complain, createPicker, pickFrom, withProgress } from '../sinks';
import type { HubModels } from './hubModels';

const MEMORY = 'headlight.hub.recent';
const MOST_RECENT = 10;
/** Names of the cache that are listed. */
const MOST_CACHED = 500;
const CONFIGS = ['config.json', 'params.json'] as const;

export async function openFromHub(services: Services, hub: HubModels, argument: unknown): Promise<Uri | null> {
  const text = textOf(argument) ?? (await askName(services));
  if (text === null) return null;
  try {
    const name = parseHubName(text.trim());
    const uri = (await uriHere(name)) ?? (await fetched(services, hub, name));
    if (uri === null) return null;
    await remember(services, name);
    await window.showTextDocument(uri, { preview: false });
    return uri;
  } catch (error) {
    if (error instanceof HubError && error.kind === 'cancelled') return null;
    if (!(error instanceof HubError || error instanceof HubNameError)) throw error;
    services.log.warn(`${text}: ${error.message}`);
    complain(`${error.message} ${error.fix}`.trim());
    return null;
  }
}

/** Links and keys pass a name; menus pass other things. */
function textOf(argument: unknown): string | null {
  return typeof argument === 'string' && argument.trim() !== '' ? argument : null;
}

/** The config of a name, where it is on this machine. */
export async function uriHere(name: HubName): Promise<Uri | null> {
  for (const path of candidates(name)) {
    const found = { ...name, path };
    if ((await cachedFile(found)) !== null) return uriOf(found);
  }
  return null;
}

/** What may be opened of a name: its file, or the config in it. */
function candidates({ path }: HubName): readonly string[] {
  if (/\.(?:gguf|json)$/i.test(path)) return [path];
  // Of a weight file, the config beside it.
  const folder = /\.safetensors$/i.test(path) ? path.split('/').slice(0, -1).join('/') : path;
  return CONFIGS.map((file) => (folder === '' ? file : `${folder}/${file}`));
}

function uriOf(name: HubName): Uri {
  return modelUri({ store: 'huggingFace', place: hubNameText(name).replace(/^hf:/, '') });
}

async function fetched({ compute }: Services, hub: HubModels, name: HubName): Promise<Uri | null> {
  const host = hubHost(process.env);
  return withProgress(l10n.t('Asking {0} for {1}', host, hubNameText(name)), async (report, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    const folder = await hub.open(name, controller.signal);
    try {
      const here = await uriHere(name);
      if (here !== null) return here;
      const file = await ggufOf(await folder.files(), name);
      if (file === null) return null;
      // The metadata are the config: the header is read now, while it may be.
      report(0, l10n.t('Reading the header of {0}', file));
      const path = `${folder.folder}/${file}`;
      await (await compute?.get())?.call('weights/summary', { path }, { signal: controller.signal });
      return uriOf({ ...name, path: file });
    } finally {
      folder.close();
    }
  });
}

/** The GGUF file that is meant, in a repository without a config. */
async function ggufOf(files: readonly string[], { repo, path }: HubName): Promise<string | null> {
  const found = files.filter(
    (file) => /\.gguf$/i.test(file) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(file) && file.startsWith(path),
  );
  if (found.length === 0)
    throw new HubError('noFile', l10n.t('{0} has no config and no GGUF file.', repo), l10n.t('Name another model.'));
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  const picked = await pickFrom(
    l10n.t('Which file of {0}', repo),
    found.map((label) => ({ label })),
  );
  return picked?.label ?? null;
}

function recent({ context }: Services): readonly string[] {
  const known = context.globalState.get<unknown>(MEMORY);
  return Array.isArray(known) ? known.filter((each) => typeof each === 'string').slice(0, MOST_RECENT) : [];
}

async function remember(services: Services, name: HubName): Promise<void> {
  const text = hubNameText(name).replace(/^hf:/, '');
  const names = [text, ...recent(services).filter((each) => each !== text)].slice(0, MOST_RECENT);
  await services.context.globalState.update(MEMORY, names);
}

interface NameItem extends QuickPickItem {
  readonly name?: string;
}

/** A name that is typed, or one of those that were opened or are here. */
async function askName(services: Services): Promise<string | null> {
  const host = hubHost(process.env);
  const picker = createPicker<NameItem>(
    l10n.t('Open Model from the Hub'),
    l10n.t('org/name, org/name@revision; what is not on this machine is fetched from {0}', host),
  );
  const { widget } = picker;
  widget.matchOnDescription = true;
  const before = recent(services);
  const cached = (await cachedNames(MOST_CACHED)).filter((name) => !before.includes(name));
  const item =
    (description: string) =>
    (name: string): NameItem => ({ label: name, description, name });
  const known: readonly NameItem[] = [
    ...before.map(item(l10n.t('opened before'))),
    ...(cached.length > 0 ? [{ label: l10n.t('On this machine'), kind: QuickPickItemKind.Separator }] : []),
    ...cached.map(item('')),
  ];
  const typed = (text: string): NameItem | null => {
    const trimmed = text.trim();
    if (trimmed === '' || known.some(({ name }) => name === trimmed)) return null;
    try {
      const label = hubNameText(parseHubName(trimmed)).replace(/^hf:/, '');
      return { label, description: l10n.t('ask {0}', host), name: label, alwaysShow: true };
    } catch (error) {
      const detail = error instanceof HubNameError ? error.fix : '';
      return { label: l10n.t('This is not the name of a model on the Hub'), detail, alwaysShow: true };
    }
  };
  try {
    return await new Promise((resolve) => {
      picker.list(known);
      widget.onDidChangeValue((text) => {
        const own = typed(text);
        picker.list(own ? [...known, own] : known);
      });
      widget.onDidAccept(() => {
        const chosen = widget.selectedItems[0]?.name ?? typed(widget.value)?.name;
        if (chosen !== undefined) resolve(chosen);
      });
      widget.onDidHide(() => resolve(null));
      widget.show();
    });
  } finally {
    picker.dispose();
  }
}
