/** Headlight: Open Model from the Hub…: a name, one question, and its config as a read-only document. What is here opens at once. */

import { l10n, type QuickPickItem, QuickPickItemKind, type Uri, window } from 'vscode';
import { HubError } from '../../hub/hubError';
import { type HubName, HubNameError, hubNameText, parseHubName } from '../../hub/hubName';
import { modelUri } from '../modelUri';
import type { Services } from '../services';
import { complain, createPicker, withProgress } from '../sinks';

/** Where what is fetched is kept, and how. */
export interface HubShelf {
  /** Whom models are asked of. */
  readonly host: string;
  /** Below the field that takes a name. */
  readonly hint: string;
  /** The config of a name, where it is here. */
  here(name: HubName): Promise<Uri | null>;
  /** Other names that are here. */
  names(): Promise<readonly string[]>;
  /** Fetches the config of a name, after a question. Null where the answer to another one was no. @throws HubError */
  bring(name: HubName, report: (message: string) => void, signal: AbortSignal): Promise<Uri | null>;
}

const MEMORY = 'headlight.hub.recent';
const MOST_RECENT = 10;
const CONFIGS = ['config.json', 'params.json'] as const;

/** @param shelfOf Where the endpoint is no address, it says so. */
export async function openFromHub(services: Services, shelfOf: () => HubShelf, argument: unknown): Promise<Uri | null> {
  let text = textOf(argument);
  try {
    const shelf = shelfOf();
    text ??= await askName(services, shelf);
    if (text === null) return null;
    const name = parseHubName(text.trim());
    const uri = (await shelf.here(name)) ?? (await fetched(shelf, name));
    if (uri === null) return null;
    await remember(services, name);
    await window.showTextDocument(uri, { preview: false });
    return uri;
  } catch (error) {
    if (error instanceof HubError && error.kind === 'cancelled') return null;
    if (!(error instanceof HubError || error instanceof HubNameError)) throw error;
    services.log.warn(`${text ?? 'the Hub'}: ${error.message}`);
    complain(`${error.message} ${error.fix}`.trim());
    return null;
  }
}

/** Links and keys pass a name; menus pass other things. */
function textOf(argument: unknown): string | null {
  return typeof argument === 'string' && argument.trim() !== '' ? argument : null;
}

/** What may be opened of a name: its file, or the config in it. */
export function configsOf({ path }: HubName): readonly string[] {
  if (/\.(?:gguf|json)$/i.test(path)) return [path];
  // Of a weight file, the config beside it.
  const folder = /\.safetensors$/i.test(path) ? path.split('/').slice(0, -1).join('/') : path;
  return CONFIGS.map((file) => (folder === '' ? file : `${folder}/${file}`));
}

export function uriOf(name: HubName): Uri {
  return modelUri({ store: 'huggingFace', place: hubNameText(name).replace(/^hf:/, '') });
}

function fetched(shelf: HubShelf, name: HubName): Thenable<Uri | null> {
  return withProgress(l10n.t('Asking {0} for {1}', shelf.host, hubNameText(name)), async (report, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    return shelf.bring(name, (message) => report(0, message), controller.signal);
  });
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
async function askName(services: Services, shelf: HubShelf): Promise<string | null> {
  const { host } = shelf;
  const picker = createPicker<NameItem>(l10n.t('Open Model from the Hub'), shelf.hint);
  const { widget } = picker;
  widget.matchOnDescription = true;
  const before = recent(services);
  const cached = (await shelf.names()).filter((name) => !before.includes(name));
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
