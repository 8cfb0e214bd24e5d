/** One page (the side bar's or an editor panel's) and what it may ask. */

import {
  commands,
  type Disposable,
  env,
  l10n,
  Range,
  Uri,
  type Webview,
  window,
  workspace,
  type ViewColumn,
} from 'vscode';
import { parseEngine } from '../../cache/engines/choose';
import { readEngineOptions } from '../../cache/engines/parseOptions';
import { allocationRule } from '../../cache/engines/register';
import type { EngineRule } from '../../model/scenario';
import {
  PANEL,
  type PanelBeside,
  type PanelConfig,
  type PanelCursor,
  type PanelEvents,
  type PanelMethods,
  type SaveParams,
  type ScenarioChange,
} from '../../shared/panelContract';
import type { PanelView } from '../../shared/panelViews';
import { type Handlers, type NoMethods, RpcPeer } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import { handlersOf } from '../../shared/schema';
import { sourcedDevice, sourcedDevices } from '../../serving/hardware';
import { COMMANDS, SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { quantFileBeside } from '../quantFiles';
import { engineSettings, writeEngine, writeEngineOptions, writeScenario } from '../settings';
import { switchUnits } from '../sizeUnits';
import { webviewTransport } from '../webviewTransport';
import { writeWhole } from '../writing';
import { visible } from '../../model/visibleText';
import { MAX_CONFIG_CHARACTERS } from '../../config/textCost';
import { textEdits } from '../../config/textEdits';
import { workspaceEdit } from '../configEdit';
import { newNonce, pageHtml } from './page';
import type { Shown } from './shown';
import type { TradeoffRunning, TradeoffShown } from '../../shared/tradeoffState';
import { chooseText, exportTradeoff, showTradeoffPage } from './tradeoffCommands';
import { configOf, documentOf, type Target } from './targets';

export interface PageFrame {
  readonly webview: Webview;
  readonly place: 'side' | 'editor';
  /** Where the panel stands among editors; undefined in the side bar. */
  column(): ViewColumn | undefined;
  visible(): boolean;
  /** Keys go to it from now on. */
  focus(): void;
  /** Fires when it is hidden or shown again. */
  onVisibility(listener: () => void): Disposable;
}

/** Lines that one page may write into the log. */
const MOST_LINES = 100;
/** Calls of one page that run at once. */
const MOST_CALLS = 256;

type Peer = RpcPeer<NoMethods, PanelMethods, NoMethods, PanelEvents>;

export class Connection extends Owner {
  private peer: Peer;
  private shown: boolean;
  /** What the page should show when it asks next. */
  private wanted: PanelView | null;
  private asking = false;
  private logged = 0;

  constructor(
    private readonly frame: PageFrame,
    private readonly panel: Shown,
    view: PanelView | null,
    preloads: readonly string[],
  ) {
    super();
    this.wanted = view;
    this.shown = frame.visible();
    this.peer = this.connect();
    this.own({ dispose: () => this.peer.dispose() });
    this.own(frame.onVisibility(() => this.visibilityChanged()));
    const { webview } = frame;
    const files = Uri.joinPath(panel.extension, 'dist', 'webview');
    webview.options = { enableScripts: true, localResourceRoots: [files], enableCommandUris: false };
    const addressOf = (name: string): string => webview.asWebviewUri(Uri.joinPath(files, name)).toString();
    webview.html = pageHtml({
      element: 'headlight-app',
      script: addressOf('main.js'),
      preloads: preloads.map(addressOf),
      cspSource: webview.cspSource,
      nonce: newNonce(),
      place: frame.place,
    });
  }

  sendConfig(config: PanelConfig | null): void {
    if (this.shown) this.peer.send('config', config);
  }

  sendCursor(cursor: PanelCursor | null): void {
    if (this.shown) this.peer.send('cursor', cursor);
  }

  sendBeside(beside: PanelBeside | null): void {
    if (this.shown) this.peer.send('beside', beside);
  }

  sendSettings(): void {
    if (this.shown) this.peer.send('settings', this.panel.settings());
  }

  sendTradeoff(shown: TradeoffShown): void {
    if (this.shown) this.peer.send('tradeoff', shown);
  }

  sendTradeoffRunning(running: TradeoffRunning | null): void {
    if (this.shown) this.peer.send('tradeoffRunning', running);
  }

  showView(view: PanelView | undefined): void {
    if (view === undefined) return;
    this.wanted = view;
    if (this.shown) this.peer.send('view', view);
  }

  private connect(): Peer {
    const { webview } = this.frame;
    return new RpcPeer<NoMethods, PanelMethods, NoMethods, PanelEvents>(
      webviewTransport(webview),
      this.handlers(),
      undefined,
      MOST_CALLS,
    );
  }

  /** A hidden page is gone: what runs for it ends. One that comes back asks for all it needs; events bridge the time until then. */
  private visibilityChanged(): void {
    const visible = this.frame.visible();
    if (visible === this.shown) return;
    this.shown = visible;
    if (!visible) {
      this.peer.dispose();
      if (!this.disposed) this.peer = this.connect();
      return;
    }
    this.sendSettings();
    this.sendConfig(this.panel.following.config);
    this.sendCursor(this.panel.following.cursor);
    this.sendBeside(this.panel.beside);
    this.sendTradeoff(this.panel.tradeoff.shown);
  }

  private handlers(): Handlers<PanelMethods> {
    const { panel } = this;
    const { heads } = panel;
    return handlersOf(PANEL, {
      'panel/ready': async () => {
        await panel.following.restored;
        const view = this.wanted;
        this.wanted = null;
        const { config, cursor } = panel.following;
        return { config, cursor, beside: panel.beside, settings: panel.settings(), view };
      },
      'panel/reveal': ({ id, offset, length }) => this.reveal(this.shownConfig(id), offset, length),
      'panel/setScenario': setScenario,
      'panel/switchUnits': async () => {
        await switchUnits();
        return null;
      },
      'panel/devices': sourcedDevices,
      'panel/apply': async ({ id, version, edits }) => {
        const target = this.shownConfig(id);
        const document = await documentOf(target);
        const { text, editable } = configOf(target, document);
        if (!editable) throw new RpcError('invalidInput', `${target.name} cannot be changed here.`);
        // A document that was closed and opened again counts from one: then the text decides.
        const seen = panel.following.config;
        const same = document.version === version || (seen?.version === version && seen.text === text);
        if (!same)
          throw new RpcError('conflict', `${target.name} has changed since; look at the new numbers and apply again.`);
        const changes = textEdits(text, edits);
        const added = changes.reduce((sum, edit) => sum + edit.content.length - edit.length, 0);
        if (text.length + added > MAX_CONFIG_CHARACTERS)
          throw new RpcError('tooLarge', `${target.name} would be longer than ${MAX_CONFIG_CHARACTERS} characters.`);
        if (!(await workspace.applyEdit(workspaceEdit(document, changes))))
          throw new RpcError('conflict', `${target.name} could not be changed.`);
        return { version: document.version };
      },
      'panel/candidates': () => panel.candidates.list(panel.following.current?.uri ?? null),
      'panel/candidate': async ({ id }) => {
        const target = panel.targets.byName(id);
        return configOf(target, await documentOf(target), await quantFileBeside(target.uri));
      },
      'panel/pickConfig': () => this.pageQuestion(() => panel.pickConfig()),
      'panel/chooseBeside': () => {
        const uri = panel.following.current?.uri;
        void this.pageQuestion(() => commands.executeCommand(COMMANDS.drawDifference, uri)).catch(() => undefined);
        return null;
      },
      'panel/drawAlone': () => {
        panel.drawAlone();
        return null;
      },
      'panel/copy': async ({ text }) => {
        await env.clipboard.writeText(text);
        return null;
      },
      'panel/save': (params) => this.pageQuestion(() => save(params)),
      'panel/measureConversion': ({ id }) => {
        const { uri } = this.shownConfig(id);
        void this.oneQuestion(() => commands.executeCommand(COMMANDS.measureConversion, uri)).catch(() => undefined);
        return null;
      },
      'panel/measureDecode': ({ id }) => {
        const { uri } = this.shownConfig(id);
        void this.oneQuestion(() => commands.executeCommand(COMMANDS.measureDecode, uri)).catch(() => undefined);
        return null;
      },
      ...heads.answers,
      'tradeoff/look': async (ask) => {
        if (ask !== null) await panel.tradeoff.look(ask);
        return panel.tradeoff.shown;
      },
      'tradeoff/methods': ({ typed }) => panel.tradeoff.typed(typed),
      'tradeoff/start': (ask) => {
        void panel.tradeoff.start(ask);
        return null;
      },
      'tradeoff/stop': () => {
        panel.tradeoff.stop();
        return null;
      },
      'tradeoff/budget': ({ sweep, share, methods }) => {
        void panel.tradeoff.budget(sweep, share, methods);
        return null;
      },
      'tradeoff/export': ({ sweep, method }) => this.pageQuestion(() => exportTradeoff(panel.tradeoff, sweep, method)),
      'tradeoff/chooseText': () => this.pageQuestion(() => chooseText(panel.tradeoff)),
      'tradeoff/page': async () => {
        await showTradeoffPage(panel.tradeoff, panel.pages, panel.following.current?.uri);
        return null;
      },
      'panel/chooseHeadSource': () =>
        this.pageQuestion(async () => {
          const [chosen] =
            (await window.showOpenDialog({
              canSelectFiles: true,
              canSelectFolders: true,
              title: l10n.t('Model folder or weight file'),
              openLabel: l10n.t('Look at its heads'),
            })) ?? [];
          return chosen ? heads.add(chosen.fsPath, visible(chosen.path.split('/').at(-1) ?? chosen.path)) : null;
        }),
      'panel/log': ({ text }) => {
        if (this.logged < MOST_LINES) panel.log.error(text);
        this.logged++;
        return null;
      },
    });
  }

  /** The config that the page shows. Others it may read, to compare; what changes or opens is about this one. */
  private shownConfig(id: string): Target {
    const target = this.panel.targets.byName(id);
    if (target !== this.panel.following.current)
      throw new RpcError('conflict', `${target.name} is not shown any more; look at the new numbers and try again.`);
    return target;
  }

  /** People answer one question after the other, whatever a page asks. */
  private async oneQuestion<T>(ask: () => PromiseLike<T>): Promise<T> {
    if (this.asking) throw new RpcError('busy', 'First answer the question that is already open.');
    this.asking = true;
    try {
      return await ask();
    } finally {
      this.asking = false;
    }
  }

  /** Whoever was asked by the page is back in it afterwards, also where nothing was chosen: VS Code would leave them in the text. */
  private pageQuestion<T>(ask: () => PromiseLike<T>): Promise<T> {
    return this.oneQuestion(async () => {
      try {
        return await ask();
      } finally {
        if (this.frame.visible()) this.frame.focus();
      }
    });
  }

  private async reveal(target: Target, offset: number, length: number): Promise<null> {
    const document = await documentOf(target);
    const key = document.uri.toString();
    const open = window.visibleTextEditors.find((editor) => editor.document.uri.toString() === key);
    // Beside a panel that stands among the editors, never on top of it.
    const column = open?.viewColumn ?? (this.frame.column() === 1 ? 2 : 1);
    const selection = new Range(document.positionAt(offset), document.positionAt(offset + length));
    await window.showTextDocument(document, { viewColumn: column, selection, preserveFocus: false });
    return null;
  }
}

type PlainChange = Omit<ScenarioChange, 'engine' | 'release' | 'options'>;

const SCENARIO_SETTINGS: Readonly<Record<keyof PlainChange, string>> = {
  batch: SETTINGS.batch,
  tokens: SETTINGS.tokens,
  kvDtype: SETTINGS.kvDtype,
  weights: SETTINGS.weights,
  gpu: SETTINGS.gpu,
  tp: SETTINGS.tp,
};

async function setScenario({ engine, release, options, ...values }: ScenarioChange): Promise<null> {
  const now = engineSettings();
  const chosen = parseEngine(
    engineText(engine ?? now.engine, release ?? (engine === undefined ? now.release : undefined)),
  );
  if (chosen.engine === null) throw new RpcError('invalidInput', chosen.problem);
  const given = readEngineOptions(allocationRule(chosen.engine), options ?? {});
  if (given.problems.length > 0) throw new RpcError('invalidInput', given.problems.join('. '));
  if (values.gpu !== undefined && sourcedDevice(values.gpu) === null)
    throw new RpcError('invalidInput', `${values.gpu} is not a known device.`);
  if (engine !== undefined || release !== undefined) await writeEngine(chosen);
  if (options) await writeEngineOptions(chosen.engine, given.options);
  for (const [key, value] of Object.entries(values))
    await writeScenario(SCENARIO_SETTINGS[key as keyof PlainChange], value);
  return null;
}

function engineText(engine: EngineRule, release: string | undefined): string {
  return release === undefined ? engine : `${engine}@${release}`;
}

async function save({ name, content }: SaveParams): Promise<boolean> {
  // A plain name: no folder, no file that is hidden, nothing that stands for a folder above.
  const safe =
    name
      .replace(/[^\w. -]+/g, '_')
      .replace(/^[. ]+|[. ]+$/g, '')
      .slice(0, 100) || 'headlight';
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const target = await window.showSaveDialog({ ...(folder ? { defaultUri: Uri.joinPath(folder, safe) } : {}) });
  if (!target) return false;
  await writeWhole(target, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  return true;
}
