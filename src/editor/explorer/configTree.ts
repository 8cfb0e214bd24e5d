/** The view of the workspace's model configs: found when the view is first seen, kept up to date while it is, sortable, comparable. */

import {
  CancellationTokenSource,
  commands,
  Disposable,
  type EventEmitter,
  l10n,
  ThemeIcon,
  type TreeItem,
  type TreeView,
  Uri,
  workspace,
} from 'vscode';
import { type CachePlan, planCache } from '../../cache/plan';
import { QUANT_FILE } from '../../config/quantFile';
import { joined, sentenceText } from '../../present/markdown';
import { costText } from '../../present/lensText';
import { notKnownText, scopedText, sizeInAllText } from '../../present/sizeText';
import { contextText, designText } from '../../present/words';
import { COMMANDS, CONTEXTS, SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { configName } from '../names';
import type { Services } from '../services';
import { scenarioSetting, taughtFamilies } from '../settings';
import { setViewMessage, tell, ViewItem } from '../sinks';
import { type FoundConfig, readConfig, type Scan, scanConfigs } from './scan';

export type SortOrder = 'name' | 'bytes';

const SORT_MEMORY = 'headlight.configs.sort';
const DEBOUNCE_MS = 400;
/** More changes at once (a checkout) are a reason to look anew. */
const MANY_CHANGES = 50;

export class ConfigItem extends ViewItem {
  constructor(
    readonly uri: Uri,
    name: string,
    readonly plan: CachePlan,
  ) {
    const sentences = [
      workspace.asRelativePath(uri),
      designText(plan.spec),
      `${scopedText(plan)} at ${contextText(plan)}`,
      costText(plan),
      ...(plan.known ? [] : [notKnownText(plan)]),
    ];
    // The number at the scenario first, by which the view sorts: a narrow one cuts the end.
    super(
      name,
      `${sizeInAllText(plan)} · ${plan.spec.variant} · ${costText(plan)}`,
      joined(sentences.map(sentenceText), '\n\n'),
      { command: 'vscode.open', title: l10n.t('Open'), arguments: [uri] },
    );
    this.id = uri.toString();
    this.iconPath = new ThemeIcon('symbol-structure');
    this.contextValue = 'headlightConfig';
  }
}

export class ConfigTree extends Owner {
  private scan: Promise<Scan> | null = null;
  private found = new Map<string, FoundConfig>();
  private cancel: CancellationTokenSource | null = null;
  private watcher: Disposable | null = null;
  private readonly changed = new Map<string, Uri>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly services: Services,
    private readonly view: TreeView<TreeItem>,
    private readonly refreshed: EventEmitter<undefined>,
  ) {
    super();
    this.own(
      view.onDidChangeVisibility(({ visible }) => {
        // What is not seen is not looked for.
        if (!visible && this.cancel) this.forget();
      }),
    );
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(`${SETTINGS.section}.${SETTINGS.families}`)) this.forget();
        if (event.affectsConfiguration(SETTINGS.section)) this.refreshed.fire(undefined);
      }),
    );
    this.own({ dispose: () => this.forget() });
  }

  async children(): Promise<ConfigItem[]> {
    await (this.scan ??= this.look(false));
    return this.items();
  }

  /** Looks again; however many files there are. Resolves with what was found. */
  async find(): Promise<readonly ConfigItem[]> {
    this.forget();
    this.scan = this.look(true);
    this.refreshed.fire(undefined);
    await this.scan;
    return this.items();
  }

  sort(order: SortOrder): void {
    void this.services.context.workspaceState.update(SORT_MEMORY, order);
    this.refreshed.fire(undefined);
  }

  /** Compares what is selected, the item that was clicked first. */
  compareSelected(item: unknown, selection: unknown): Thenable<unknown> {
    const selected = (Array.isArray(selection) && selection.length > 0 ? selection : this.view.selection).filter(
      (each): each is ConfigItem => each instanceof ConfigItem,
    );
    const first = item instanceof ConfigItem ? item : selected[0];
    const others = selected.filter((each) => each !== first).map(({ uri }) => uri);
    if (!first) return Promise.resolve(void tell(l10n.t('Select model configs in the view first.')));
    // One alone: the question with what.
    return commands.executeCommand(COMMANDS.compareWith, first.uri, others.length > 0 ? { with: others } : undefined);
  }

  private items(): ConfigItem[] {
    const items = [...this.found.values()].map(
      ({ uri, reading }) => new ConfigItem(uri, configName(uri), planCache(reading.spec, scenarioSetting(uri))),
    );
    const order = this.services.context.workspaceState.get<SortOrder>(SORT_MEMORY, 'name');
    const byName = (a: ConfigItem, b: ConfigItem): number =>
      String(a.label).localeCompare(String(b.label)) || a.uri.path.localeCompare(b.uri.path);
    return items.sort(
      order === 'name'
        ? byName
        : // What is not known comes last, by what is known of it.
          (a, b) =>
            Number(b.plan.known) - Number(a.plan.known) ||
            b.plan.everywhere.totalBytes - a.plan.everywhere.totalBytes ||
            byName(a, b),
    );
  }

  private async look(asked: boolean): Promise<Scan> {
    const source = (this.cancel = new CancellationTokenSource());
    const started = performance.now();
    const cpu = this.services.platform.cpuMs();
    const scan = await scanConfigs(
      { folder: null, asked, read: { families: taughtFamilies() }, cpuMs: () => this.services.platform.cpuMs() },
      source.token,
    );
    if (this.cancel !== source) return scan;
    this.cancel = null;
    source.dispose();
    this.found = new Map(scan.configs.map((found) => [found.uri.toString(), found]));
    const [ms, cpuMs] = [performance.now() - started, this.services.platform.cpuMs() - cpu];
    this.services.log.info(
      `looked for model configs: ${scan.state}, ${scan.configs.length} found, ${ms.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of CPU`,
    );
    setViewMessage(
      this.view,
      scan.cut && scan.configs.length > 0
        ? l10n.t('Not all JSON files were looked at. Select Find Model Configs to look at more.')
        : '',
    );
    void commands.executeCommand(
      'setContext',
      CONTEXTS.scan,
      scan.configs.length > 0 ? 'some' : scan.state === 'many' || scan.cut ? 'many' : 'none',
    );
    if (scan.state === 'done') this.watch();
    return scan;
  }

  private forget(): void {
    this.cancel?.cancel();
    this.cancel?.dispose();
    this.cancel = null;
    this.scan = null;
    this.found.clear();
    this.watcher?.dispose();
    this.watcher = null;
    clearTimeout(this.timer);
    this.changed.clear();
  }

  /** From now on only what changes is read. */
  private watch(): void {
    const watcher = workspace.createFileSystemWatcher('**/*.json');
    const note = (uri: Uri): void => {
      if (/\/(?:node_modules|\.git|site-packages)\//.test(uri.path)) return;
      this.changed.set(uri.toString(), uri);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.update(), DEBOUNCE_MS);
    };
    watcher.onDidChange(note);
    watcher.onDidCreate(note);
    watcher.onDidDelete(note);
    // A folder that is deleted or moved away is one event, its own.
    const folders = workspace.createFileSystemWatcher('**', true, true, false);
    folders.onDidDelete((gone) => {
      for (const [key, { uri }] of this.found) if (key.startsWith(`${gone.toString()}/`)) note(uri);
    });
    this.watcher?.dispose();
    this.watcher = Disposable.from(watcher, folders);
  }

  private async update(): Promise<void> {
    const changed = new Map(this.changed);
    this.changed.clear();
    // What lies beside configs says how they are cached: those are read again.
    const beside = [...changed.values()].filter(({ path }) => path.endsWith(`/${QUANT_FILE}`)).map(folderOf);
    for (const [key, { uri }] of this.found) if (beside.includes(folderOf(uri))) changed.set(key, uri);
    if (changed.size > MANY_CHANGES) {
      this.forget();
      this.refreshed.fire(undefined);
      return;
    }
    const { watcher } = this;
    let differs = false;
    for (const [key, uri] of changed) {
      const found = await readConfig(uri, { families: taughtFamilies() });
      if (this.watcher !== watcher) return;
      if (!found && !this.found.has(key)) continue;
      differs = true;
      if (found) this.found.set(key, found);
      else this.found.delete(key);
    }
    if (!differs) return;
    void commands.executeCommand('setContext', CONTEXTS.scan, this.found.size === 0 ? 'none' : 'some');
    this.refreshed.fire(undefined);
  }
}

function folderOf(uri: Uri): string {
  return Uri.joinPath(uri, '..').toString();
}
