/**
 * The host's side of the panel: the view in the side bar and the same beside the editor. Loaded when one of them is first shown.
 */

import {
  commands,
  type Disposable,
  Uri,
  ViewColumn,
  type WebviewPanel,
  type WebviewView,
  window,
  workspace,
} from 'vscode';
import type { JsonValue } from '../../config/document';
import type { PanelBeside, PanelSettings } from '../../shared/panelContract';
import type { PanelView } from '../../shared/panelViews';
import { besideOf } from '../beside';
import { SETTINGS, VIEWS } from '../ids';
import { Owner } from '../lifecycle';
import { preloadsOf } from '../preloads';
import type { Services } from '../services';
import { engineSettings, gpuSetting, scenarioSetting, unitsSetting, taughtFamilies } from '../settings';
import { type Log, pickFrom } from '../sinks';
import { Candidates } from './candidates';
import { Connection } from './connection';
import { FollowedMemory } from './followedMemory';
import { Following } from './following';
import { HeadSources } from './headSources';
import type { Shown } from './shown';
import { measuredPage, startBeside } from './tradeoffCommands';
import { siblingsAmong, TradeoffRuns } from './tradeoffRuns';
import { configBehind } from '../weightConfigs';
import { Targets } from './targets';
import { MAX_CONFIG_CHARACTERS } from '../../config/textCost';
import { visibleUpTo } from '../../model/visibleText';
import { sourcedDevice } from '../../serving/hardware';

const LONGEST_NAME = 120;

const SAMPLES = [
  { name: 'gqa', label: 'Sample model: GQA, 8 heads in 2 groups of 4' },
  { name: 'mha', label: 'Sample model: MHA, 8 heads' },
  { name: 'mqa', label: 'Sample model: MQA, one K and V for 8 heads' },
  { name: 'mla', label: 'Sample model: MLA, a latent of 56' },
] as const;

export class PanelHost extends Owner implements Shown {
  readonly extension: Uri;
  readonly log: Log;
  readonly targets: Targets;
  readonly following: Following;
  readonly candidates: Candidates;
  readonly heads: HeadSources;
  readonly tradeoff: TradeoffRuns;

  beside: PanelBeside | null = null;

  private readonly connections = new Set<Connection>();
  private side: Connection | null = null;
  private editorPanel: { readonly panel: WebviewPanel; readonly connection: Connection } | null = null;
  /** For a page that is still to come. */
  private wanted: PanelView | null = null;

  constructor(
    private readonly services: Services,
    /** Names of the files that the page's entry imports. */
    private readonly preloads: readonly string[],
  ) {
    super();
    const { context, log, readings, compute } = services;
    this.extension = context.extensionUri;
    this.log = log;
    this.targets = new Targets(this.extension);
    this.following = this.own(
      new Following(readings, this.targets, new FollowedMemory(context.workspaceState, this.extension)),
    );
    this.candidates = new Candidates(this.extension, this.targets, readings);
    this.heads = new HeadSources(
      {
        config: () => {
          const { config, current } = this.following;
          return (
            config && {
              text: config.text,
              families: taughtFamilies(),
              folder: current?.uri.scheme === 'file' ? Uri.joinPath(current.uri, '..').fsPath : null,
            }
          );
        },
        beside: () => besideOf(this.following.current?.uri, services.models),
        samples: this.samplePaths(),
      },
      compute && (async () => (await compute.get()).heads),
    );
    this.tradeoff = new TradeoffRuns({
      sources: this.heads,
      config: () => this.following.config,
      siblingsOf: (path) => siblingsAmong(this.samplePaths(), path),
      compute: compute && (async () => (await compute.get()).tradeoff),
      results: compute && Uri.joinPath(context.globalStorageUri, 'tradeoff').fsPath,
    });
    this.own({
      dispose: this.tradeoff.listen(
        (shown) => {
          for (const connection of this.connections) connection.sendTradeoff(shown);
        },
        (running) => {
          for (const connection of this.connections) connection.sendTradeoffRunning(running);
        },
      ),
    });
    this.own(
      this.following.onDidChange((config) => {
        for (const connection of this.connections) connection.sendConfig(config);
      }),
    );
    this.own(
      this.following.onDidMoveCursor((cursor) => {
        for (const connection of this.connections) connection.sendCursor(cursor);
      }),
    );
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (!event.affectsConfiguration(SETTINGS.section)) return;
        for (const connection of this.connections) connection.sendSettings();
      }),
    );
    this.own({
      dispose: () => {
        for (const connection of [...this.connections]) connection.dispose();
        this.editorPanel?.panel.dispose();
      },
    });
  }

  settings(): PanelSettings {
    const scope = this.following.current?.uri;
    const gpu = gpuSetting(scope);
    return {
      scenario: scenarioSetting(scope),
      engineOptions: engineSettings(scope).options,
      gpu,
      device: sourcedDevice(gpu),
      families: workspace.getConfiguration(SETTINGS.section).get<JsonValue>(SETTINGS.families) ?? {},
      units: unitsSetting(),
      native: this.services.platform.native,
    };
  }

  /** The view of the side bar was resolved. */
  attachView(view: WebviewView): Promise<void> {
    const connection = this.connected(
      new Connection(
        {
          webview: view.webview,
          place: 'side',
          column: () => undefined,
          visible: () => view.visible,
          focus: () => view.show(false),
          onVisibility: (listener) => view.onDidChangeVisibility(listener),
        },
        this,
        this.takeWanted(),
        this.preloads,
      ),
      view,
    );
    this.side = connection;
    view.onDidDispose(() => {
      if (this.side === connection) this.side = null;
    });
    return Promise.resolve();
  }

  /** A panel beside the editor: a new one, or one that came back after a reload. */
  attachPanel(panel: WebviewPanel): Promise<void> {
    // A tab shows its icon as an image, in which `currentColor` is black.
    const icon = (theme: string): Uri => Uri.joinPath(this.extension, 'media', 'icons', `headlight-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const connection = this.connected(
      new Connection(
        {
          webview: panel.webview,
          place: 'editor',
          column: () => panel.viewColumn,
          visible: () => panel.visible,
          focus: () => panel.reveal(panel.viewColumn, false),
          onVisibility: (listener) => panel.onDidChangeViewState(listener),
        },
        this,
        this.takeWanted(),
        this.preloads,
      ),
      panel,
    );
    this.editorPanel = { panel, connection };
    panel.onDidDispose(() => {
      if (this.editorPanel?.panel === panel) this.editorPanel = null;
    });
    return Promise.resolve();
  }

  /** Shows the side bar's view; follows `uri` where one is given. */
  async open(uri?: Uri, view?: PanelView): Promise<void> {
    await this.follow(uri);
    if (this.side) this.side.showView(view);
    else this.wanted = view ?? null;
    await commands.executeCommand(`${VIEWS.panel}.focus`);
  }

  /** Shows the panel beside the editor; `other`: the config of before, which the followed one is drawn beside. */
  async openBeside(uri?: Uri, view?: PanelView, other?: unknown): Promise<void> {
    await this.follow(uri);
    const beside = drawnBeside(other);
    if (beside) this.drawBeside(beside);
    if (this.editorPanel) {
      this.editorPanel.connection.showView(view);
      this.editorPanel.panel.reveal(undefined, true);
      return;
    }
    this.wanted = view ?? null;
    await this.attachPanel(
      window.createWebviewPanel(VIEWS.editorPanel, 'Attention', { viewColumn: ViewColumn.Beside, preserveFocus: true }),
    );
  }

  private samplePaths(): { readonly name: string; readonly label: string; readonly path: string }[] {
    return SAMPLES.map((sample) => ({
      ...sample,
      path: Uri.joinPath(this.extension, 'media', 'samples', sample.name).fsPath,
    }));
  }

  /** Shows the trade-off of a config beside the editor, and begins to measure it where its weights are there. */
  async openTradeoff(uri?: Uri): Promise<void> {
    await this.openBeside(uri, 'tradeoff');
    await startBeside(this);
  }

  /** Measures, and shows what was found as a page of text: also what was found until it was stopped. */
  async pageOfTradeoff(uri?: Uri, request?: unknown): Promise<boolean> {
    await this.follow(uri);
    return measuredPage(this, this.services.pages, request);
  }

  get pages(): Services['pages'] {
    return this.services.pages;
  }

  drawAlone(): void {
    this.setBeside(null);
  }

  private drawBeside(other: Omit<PanelBeside, 'of'>): void {
    const { current } = this.following;
    if (current) this.setBeside({ ...other, of: current.id });
  }

  private setBeside(beside: PanelBeside | null): void {
    this.beside = beside;
    for (const connection of this.connections) connection.sendBeside(beside);
  }

  async pickConfig(): Promise<boolean> {
    const found = await this.candidates.list(this.following.current?.uri ?? null);
    const items = found.map(({ id, name, detail, origin }) => ({
      id,
      label: name,
      description: origin === 'preset' ? `preset · ${detail}` : detail,
    }));
    // Asked for where nothing is followed: presets first.
    const first = [
      ...items.filter((_, at) => found[at]?.origin === 'preset'),
      ...items.filter((_, at) => found[at]?.origin !== 'preset'),
    ];
    const picked = await pickFrom('Headlight: Look at a Preset or Config', first);
    if (picked) await this.following.follow(this.targets.byName(picked.id).uri);
    return picked !== undefined;
  }

  private async follow(uri: Uri | undefined): Promise<void> {
    // Commands from menus bring a Uri; anything else is not ours to open.
    if (uri instanceof Uri) await this.following.follow(configBehind(uri), await this.candidates.nameOf(uri));
  }

  private connected(
    connection: Connection,
    frame: { readonly onDidDispose: (listener: () => void) => Disposable },
  ): Connection {
    this.connections.add(connection);
    frame.onDidDispose(() => {
      this.connections.delete(connection);
      connection.dispose();
    });
    return connection;
  }

  private takeWanted(): PanelView | null {
    const view = this.wanted;
    this.wanted = null;
    return view;
  }
}

export async function createPanelHost(services: Services): Promise<PanelHost & Disposable> {
  return new PanelHost(services, await preloadsOf(services, ['dist', 'webview']));
}

/** What a command has drawn beside the config; undefined where it says nothing of the kind. */
function drawnBeside(other: unknown): Omit<PanelBeside, 'of'> | undefined {
  if (typeof other !== 'object' || other === null || !('name' in other) || !('text' in other)) return undefined;
  const { name, text } = other;
  if (typeof name !== 'string' || typeof text !== 'string') return undefined;
  const quantText = 'quantText' in other && typeof other.quantText === 'string' ? other.quantText : undefined;
  return {
    name: visibleUpTo(LONGEST_NAME, name),
    text: text.slice(0, MAX_CONFIG_CHARACTERS + 1),
    ...(quantText === undefined ? {} : { quantText: quantText.slice(0, MAX_CONFIG_CHARACTERS + 1) }),
  };
}
