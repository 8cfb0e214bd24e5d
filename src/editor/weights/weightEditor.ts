/** The editor of weight files: read-only, a page for each. Loaded when the first one is opened. */

import { commands, env, l10n, RelativePattern, Uri, type Webview, type WebviewPanel, workspace } from 'vscode';
import { weightFacts, weightsMarkdown } from '../../present/weightsText';
import { visible } from '../../model/visibleText';
import {
  type CallContext,
  type CallOptions,
  type Handlers,
  type MethodName,
  type MethodParams,
  type MethodResult,
  type NoMethods,
  RpcPeer,
} from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import { handlersOf } from '../../shared/schema';
import {
  WEIGHT_EDITOR,
  type WeightAction,
  type WeightEditorEvents,
  type WeightEditorMethods,
  type WeightFacts,
} from '../../shared/weightEditorContract';
import type { WeightsMethods, WeightsSummary } from '../../shared/weightsContract';
import { COMMANDS, SETTINGS } from '../ids';
import { Owner } from '../lifecycle';
import { newNonce, pageHtml } from '../panel/page';
import { preloadsOf } from '../preloads';
import { quantFileBeside } from '../quantFiles';
import type { Services } from '../services';
import { gpuSetting, scenarioSetting, taughtFamilies, unitsSetting } from '../settings';
import { tell } from '../sinks';
import { configOfWeights } from '../weightConfigs';
import { webviewTransport } from '../webviewTransport';

/** For so long headers are read at most. */
const DEADLINE_MS = 60_000;
/** A file that is being written changes all the time: it is read again when that has stopped. */
const REST_MS = 500;
/** Calls of one page that run at once, and lines that it may write into the log. */
const MOST_CALLS = 64;
const MOST_LINES = 100;

type Peer = RpcPeer<NoMethods, WeightEditorMethods, NoMethods, WeightEditorEvents>;

export class WeightEditors extends Owner {
  private readonly folder: Uri;
  private readonly pages = new Set<WeightPage>();

  constructor(
    private readonly services: Services,
    private readonly preloads: readonly string[],
  ) {
    super();
    this.folder = Uri.joinPath(services.context.extensionUri, ...PAGE_FOLDER);
    this.own(
      workspace.onDidChangeConfiguration((event) => {
        if (!event.affectsConfiguration(SETTINGS.section)) return;
        for (const page of this.pages) page.settingsChanged();
      }),
    );
    this.own({
      dispose: () => {
        for (const page of this.pages) page.dispose();
      },
    });
  }

  resolve(file: Uri, panel: WebviewPanel): void {
    const page = new WeightPage(this.services, file, panel);
    this.pages.add(page);
    panel.onDidDispose(() => {
      this.pages.delete(page);
      page.dispose();
    });
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [this.folder], enableCommandUris: false };
    const addressOf = (name: string): string => webview.asWebviewUri(Uri.joinPath(this.folder, name)).toString();
    webview.html = pageHtml({
      element: 'headlight-weights',
      script: addressOf('weights.js'),
      preloads: this.preloads.map(addressOf),
      cspSource: webview.cspSource,
      nonce: newNonce(),
      place: 'editor',
    });
  }
}

const PAGE_FOLDER = ['dist', 'weightPage'] as const;

export async function createWeightEditors(services: Services): Promise<WeightEditors> {
  return new WeightEditors(services, await preloadsOf(services, PAGE_FOLDER));
}

class WeightPage extends Owner {
  private readonly peer: Peer;
  private readonly config: Uri;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private logged = 0;
  /** It is this page's config that is in front. */
  private inFront = false;

  constructor(
    private readonly services: Services,
    private readonly file: Uri,
    private readonly panel: WebviewPanel,
  ) {
    super();
    this.config = configOfWeights(file);
    this.peer = this.connect(panel.webview);
    this.own({ dispose: () => this.peer.dispose() });
    this.own({ dispose: () => clearTimeout(this.timer) });
    this.own(panel.onDidChangeViewState(() => void this.show()));
    this.own({ dispose: () => this.leave() });
    if (this.problem() === null) this.watch();
    void this.show();
  }

  settingsChanged(): void {
    this.peer.send('units', unitsSetting());
  }

  private connect(webview: Webview): Peer {
    return new RpcPeer<NoMethods, WeightEditorMethods, NoMethods, WeightEditorEvents>(
      webviewTransport(webview),
      this.handlers(),
      undefined,
      MOST_CALLS,
    );
  }

  private get name(): string {
    return visible(this.file.path.split('/').at(-1) ?? this.file.path);
  }

  private problem(): string | null {
    if (!this.services.compute)
      return l10n.t(
        'Weight files are read in a separate process, which a browser cannot start: open the folder in desktop VS Code.',
      );
    return this.file.scheme === 'file'
      ? null
      : l10n.t('Weight files are read from disk only: this one is on a virtual file system.');
  }

  private handlers(): Handlers<WeightEditorMethods> {
    return handlersOf(WEIGHT_EDITOR, {
      'editor/ready': () => ({ name: this.name, units: unitsSetting(), problem: this.problem() }),
      'editor/open': async (_, context) => {
        const contents = await this.ask('weights/open', {}, context, DEADLINE_MS);
        // What was followed before the file changed is followed again.
        void this.show();
        return { contents, facts: await this.facts(contents) };
      },
      'editor/marks': (asked, context) =>
        this.ask('weights/marks', { ...asked, families: taughtFamilies() }, context, DEADLINE_MS),
      'editor/metadata': (asked, context) => this.ask('weights/metadata', asked, context),
      'editor/tile': (asked, context) => this.ask('weights/tile', asked, context),
      'editor/statistics': (asked, context) => this.ask('weights/statistics', asked, context),
      'editor/act': async ({ action }) => {
        await this.act(action);
        return null;
      },
      'editor/log': ({ text }) => {
        if (this.logged < MOST_LINES) this.services.log.error(`${this.name}: ${text}`);
        this.logged++;
        return null;
      },
    });
  }

  private async ask<K extends MethodName<WeightsMethods>>(
    method: K,
    params: Omit<MethodParams<WeightsMethods, K>, 'path'>,
    { signal }: CallContext,
    deadlineMs?: number,
  ): Promise<MethodResult<WeightsMethods, K>> {
    const { compute } = this.services;
    const problem = this.problem();
    if (!compute || problem !== null) throw new RpcError('unavailable', problem ?? '');
    const options: CallOptions = { signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
    return (await compute.get()).call(
      method,
      { ...params, path: this.file.fsPath } as MethodParams<WeightsMethods, K>,
      options,
    ) as Promise<MethodResult<WeightsMethods, K>>;
  }

  private async facts(contents: Pick<WeightsSummary, 'config' | 'format'>): Promise<WeightFacts> {
    const quantFile = await quantFileBeside(this.file);
    return weightFacts(contents, scenarioSetting(this.file), {
      families: taughtFamilies(),
      ...(quantFile ? { quantFile } : {}),
    });
  }

  private async act(action: WeightAction): Promise<void> {
    const { config } = this;
    switch (action) {
      case 'heads':
      case 'compare':
        return void (await commands.executeCommand(COMMANDS.openPanel, config, action));
      case 'panel':
        return void (await commands.executeCommand(COMMANDS.openPanel, config));
      case 'fit':
        return void commands.executeCommand(COMMANDS.fitToGpu, config);
      case 'config':
        return void (await commands.executeCommand('vscode.open', config));
      case 'copy': {
        const text = await this.summary();
        await env.clipboard.writeText(text);
        return void tell(l10n.t('Copied as Markdown.'));
      }
    }
  }

  /** As the command that describes a file has it. */
  private async summary(): Promise<string> {
    const { compute } = this.services;
    if (!compute) return '';
    const summary = await (await compute.get()).call(
      'weights/summary',
      { path: this.file.fsPath, families: taughtFamilies() },
      { deadlineMs: DEADLINE_MS },
    );
    const quantFile = await quantFileBeside(this.file);
    return weightsMarkdown(this.name, summary, scenarioSetting(this.file), gpuSetting(), {
      families: taughtFamilies(),
      ...(quantFile ? { quantFile } : {}),
    }).source;
  }

  /** The file, its parts, and the config that belongs to it; nothing below the folder. */
  private watch(): void {
    const watcher = this.own(
      workspace.createFileSystemWatcher(new RelativePattern(Uri.joinPath(this.file, '..'), '*')),
    );
    const isOurs = (uri: Uri): boolean =>
      uri.path === this.file.path || /\/config\.json$|\.(?:safetensors|gguf)$/i.test(uri.path);
    const note = (uri: Uri): void => {
      if (!isOurs(uri)) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.services.weightConfigs.refresh(this.file);
        this.peer.send('changed', null);
      }, REST_MS);
    };
    this.own(watcher.onDidChange(note));
    this.own(watcher.onDidCreate(note));
    this.own(watcher.onDidDelete(note));
  }

  /** While its editor is active, its config is what commands and the panel are about. */
  private async show(): Promise<void> {
    const { readings } = this.services;
    if (!this.panel.active || this.problem() !== null) return this.leave();
    this.inFront = true;
    try {
      const document = await workspace.openTextDocument(this.config);
      if (this.inFront && !this.disposed) readings.setFront(document);
    } catch {
      // There is no config beside it, or none in it: the page says so.
      if (this.inFront) readings.setFront(null);
    }
  }

  private leave(): void {
    if (!this.inFront) return;
    this.inFront = false;
    this.services.readings.setFront(null);
  }
}
