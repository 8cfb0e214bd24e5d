/** The models that other programs keep on this machine, as entries of the view below those of the workspace. Looked for on request alone. */

import { l10n, ThemeIcon, type TreeItem, TreeItemCollapsibleState, type Uri } from 'vscode';
import { planCache } from '../../cache/plan';
import { formatSize } from '../../model/units';
import { joined, sentenceText } from '../../present/markdown';
import { stateText, storeName } from '../../present/storeText';
import { follow } from '../../reading/follow';
import type { Reading } from '../../reading/read';
import { type LocalModel, type LocalModels, type StoreId, STORES } from '../../shared/storesContract';
import { modelUri } from '../modelUri';
import type { Services } from '../services';
import { scenarioSetting, taughtFamilies } from '../settings';
import { tell, ViewItem, withProgress } from '../sinks';
import { ConfigItem } from './configItem';

/** Entries of the view at most; the others are named by a number. */
const MOST_ENTRIES = 1_000;

/** What a look found, for those who asked by command. */
export interface FoundModel {
  readonly store: StoreId;
  readonly name: string;
  readonly description: string;
  /** Null where it cannot be opened. */
  readonly uri: Uri | null;
  readonly problem: string | null;
}

/** Null where it was cancelled, or cannot be done here. */
export async function lookForLocalModels({ models, platform }: Services): Promise<LocalModels | null> {
  if (!platform.native) {
    void tell(l10n.t('The models on this machine are listed in desktop VS Code only.'));
    return null;
  }
  return withProgress(l10n.t('Looking for models on this machine'), async (_report, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    const found = await (await models.get()).list(controller.signal);
    if (found?.models.length === 0 && found.problems.length === 0)
      void tell(
        l10n.t(
          'No models were found in the folders of Hugging Face, Ollama, LM Studio and llama.cpp ({0}).',
          found.places.map(({ path }) => path).join(', ') || l10n.t('none of these folders exists'),
        ),
      );
    return found;
  });
}

export function foundModels({ models }: LocalModels): readonly FoundModel[] {
  return models.map((model) => {
    const item = itemOf(model);
    const uri = item instanceof ConfigItem ? item.uri : null;
    const { store, name, problem } = model;
    return { store, name, description: String(item.description), uri, problem };
  });
}

/** A program, with what it keeps below it. */
export class StoreItem extends ViewItem {
  constructor(
    readonly store: StoreId | 'problems',
    title: string,
    description: string,
    where: string,
  ) {
    super(title, description, sentenceText(where));
    this.id = `store:${store}`;
    this.collapsibleState =
      store === 'problems' ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.Expanded;
    this.iconPath = new ThemeIcon(store === 'problems' ? 'warning' : 'database');
    this.contextValue = 'headlightStore';
  }
}

/** Programs that keep something here, and what could not be read. */
export function storeItems(found: LocalModels | null): readonly StoreItem[] {
  if (found === null) return [];
  const stores = STORES.flatMap((store) => {
    const models = found.models.filter((model) => model.store === store);
    if (models.length === 0) return [];
    const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
    const places = found.places.filter((place) => place.store === store).map(({ path }) => path);
    const count = models.length === 1 ? l10n.t('1 model') : l10n.t('{0} models', models.length);
    return [new StoreItem(store, storeName(store), `${count} · ${formatSize(bytes)}`, places.join(', '))];
  });
  const problems = problemsOf(found);
  if (problems.length === 0) return stores;
  const title = l10n.t('Not read');
  return [...stores, new StoreItem('problems', title, String(problems.length), problems.slice(0, 3).join(' '))];
}

export function localItems(found: LocalModels | null, store: StoreItem['store']): readonly TreeItem[] {
  if (found === null) return [];
  if (store !== 'problems')
    return found.models
      .filter((model) => model.store === store)
      .slice(0, MOST_ENTRIES)
      .map(itemOf);
  return problemsOf(found)
    .slice(0, MOST_ENTRIES)
    .map((problem, at) => {
      const item = new ViewItem(problem, '', sentenceText(problem));
      item.id = `problem:${at}`;
      return item;
    });
}

function problemsOf({ problems, cut }: LocalModels): readonly string[] {
  return cut ? [...problems, l10n.t('There are too many folders to search at once: not all were searched.')] : problems;
}

function itemOf(model: LocalModel): ViewItem {
  const { store, name, place, path, bytes, state, problem } = model;
  const reading = readingOf(model);
  const size = l10n.t('{0} on disk', formatSize(bytes));
  const tail = [size, ...(state === 'whole' ? [] : [stateText(state)])];
  const id = `local:${store}:${place}`;
  if (reading) {
    const uri = modelUri({ store, place });
    const item = new ConfigItem(uri, name, planCache(reading.spec, scenarioSetting(uri)), { tail, where: path });
    item.id = id;
    return item;
  }
  const why = problem ?? l10n.t('Its config is not that of a language model.');
  const item = new ViewItem(name, [...tail, why].join(' · '), joined([path, why].map(sentenceText), '\n\n'));
  item.id = id;
  item.iconPath = new ThemeIcon(state === 'incomplete' ? 'cloud-download' : 'question');
  return item;
}

function readingOf({ config }: LocalModel): Reading | null {
  return config === null ? null : (follow(config, null, { families: taughtFamilies() }).result?.reading ?? null);
}
