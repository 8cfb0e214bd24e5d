// The panel's page in a headless browser, without an editor: VS Code's colours, a strict policy, a scripted host.
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { type Browser, type Page } from 'playwright-core';
import { pageHtml } from '../../src/editor/panel/page';
import type { Transport } from '../../src/shared/rpc';
import type { HostPeer, ScriptedHost } from './scriptedHost';
import { DEFAULT_SHEET, THEME_CLASSES, type ThemeKind, THEMES } from './themes';

const NONCE = 'look';

/** What esbuild.page.js has. */
interface PageBuild {
  readonly page: BuildOptions;
  readonly weightPage: BuildOptions;
  preloadsOf(metafile: Metafile): string[];
}

export interface PageFiles {
  /** Name -> text. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of what the entry imports. */
  readonly preloads: readonly string[];
  /** File -> modules in it. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
}

/** The page's files, built from the sources as they are now (esbuild.js builds the same for the editor). */
export async function buildPage(root: string, which: 'page' | 'weightPage' = 'page'): Promise<PageFiles> {
  const outdir = join(root, 'dist', 'webview');
  // The checkout's own, wherever this file was bundled to.
  const { preloadsOf, ...builds } = createRequire(join(root, 'package.json'))('./esbuild.page.js') as PageBuild;
  const { outputFiles, metafile } = await build({
    ...builds[which],
    outdir,
    write: false,
    metafile: true,
    logLevel: 'error',
    absWorkingDir: root,
  });
  return {
    files: new Map(outputFiles.map(({ path, text }) => [basename(path), text])),
    preloads: preloadsOf(metafile),
    modules: new Map(
      Object.entries(metafile.outputs).map(([path, { inputs }]) => [basename(path), Object.keys(inputs)]),
    ),
  };
}

export interface Look {
  readonly theme: ThemeKind;
  readonly width: number;
  readonly height: number;
  readonly place: 'side' | 'editor';
  readonly reducedMotion?: boolean;
  readonly scale?: number;
}

/** Serves pages to one browser. */
export class PanelPages {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly address: string,
  ) {}

  /** `latencyMs`: how long each file is on its way. */
  static async start(
    browser: Browser,
    { files, preloads }: Pick<PageFiles, 'files' | 'preloads'>,
    latencyMs = 0,
  ): Promise<PanelPages> {
    const server = createServer(async (request, response) => {
      if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
      const url = new URL(request.url ?? '/', 'http://localhost');
      const theme = url.searchParams.get('theme') as ThemeKind;
      const place = url.searchParams.get('place') === 'editor' ? 'editor' : 'side';
      const [type, body] =
        url.pathname === '/'
          ? ['text/html', pageOf(theme, place, preloads)]
          : url.pathname === '/editor.js'
            ? ['text/javascript', editorScript(theme, place)]
            : ['text/javascript', files.get(url.pathname.slice(1))];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` });
      response.end(body ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PanelPages(browser, server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A page that talks to `host`, once its app is there. */
  async open(
    host: ScriptedHost,
    { theme, place, width, height, reducedMotion = true, scale = 1 }: Look,
  ): Promise<PanelPage> {
    const context = await this.browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: scale,
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
    await page.exposeBinding('headlightToHost', (_, message: unknown) => receive?.(unpack(message)));
    let receive: ((message: unknown) => void) | undefined;
    const transport: Transport = {
      post: (message) => {
        // A page that is gone hears nothing.
        void page
          .evaluate(
            (packed) => (window as unknown as { headlightFromHost(message: unknown): void }).headlightFromHost(packed),
            pack(message),
          )
          .catch(() => undefined);
      },
      onMessage: (listener) => {
        receive = listener;
        return () => (receive = undefined);
      },
    };
    const peer = host.connect(transport);
    await page.goto(`${this.address}/?theme=${theme}&place=${place}`);
    await page.locator('headlight-app').waitFor();
    return new PanelPage(page, peer, complaints);
  }
}

export class PanelPage {
  constructor(
    readonly page: Page,
    readonly peer: HostPeer,
    /** Errors and warnings of the console, violations of the policy among them. */
    readonly complaints: readonly string[],
  ) {}

  /** Waits until the view that is shown has drawn what it knows: no busy part, fonts there, two frames passed. */
  async settled(): Promise<void> {
    await this.page.waitForFunction(() => {
      const roots: (Document | ShadowRoot)[] = [document];
      for (let root = roots.pop(); root; root = roots.pop()) {
        if (root.querySelector('[aria-busy="true"]')) return false;
        for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
      }
      return document.querySelector('headlight-app')?.shadowRoot?.querySelector('.view > *') !== null;
    });
    await this.page.evaluate(() =>
      document.fonts.ready.then(
        () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
      ),
    );
  }

  /** Milliseconds from the beginning of the document to the frame that shows the first numbers. */
  async firstNumbers(): Promise<number> {
    const mark = await this.page.waitForFunction(() => performance.getEntriesByName('headlight:first')[0]?.startTime);
    return Number(await mark.jsonValue());
  }

  async close(): Promise<void> {
    this.peer.dispose();
    await this.page.context().close();
  }
}

function pageOf(theme: ThemeKind, place: 'side' | 'editor', preloads: readonly string[]): string {
  const html = pageHtml({
    element: 'headlight-app',
    script: '/main.js',
    preloads: preloads.map((name) => `/${name}`),
    cspSource: `'self'`,
    nonce: NONCE,
    place,
  });
  return html.replace(
    '<headlight-app>',
    `<script nonce="${NONCE}" src="/editor.js?theme=${theme}&place=${place}"></script><headlight-app>`,
  );
}

/** What VS Code does to a webview before its own scripts run. */
function editorScript(theme: ThemeKind, place: 'side' | 'editor'): string {
  const variables = THEMES[theme];
  const background = variables[place === 'side' ? 'sideBar-background' : 'editor-background'];
  const set = { theme, classes: THEME_CLASSES[theme], sheet: DEFAULT_SHEET, variables, background };
  return `(${inPage.toString()})(${JSON.stringify(set)});`;
}

function inPage(set: {
  theme: string;
  classes: string;
  sheet: string;
  variables: Readonly<Record<string, string>>;
  background: string | undefined;
}): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(set.sheet);
  document.adoptedStyleSheets = [sheet];
  for (const [name, value] of Object.entries(set.variables))
    document.documentElement.style.setProperty(`--vscode-${name}`, value);
  document.documentElement.style.setProperty('--place-background', set.background ?? '');
  document.body.classList.add(...set.classes.split(' '));
  document.body.dataset['vscodeThemeKind'] = set.classes.split(' ')[0] ?? '';
  document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
  );
  const packed = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      let text = '';
      for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
      return { $array: value.constructor.name, data: btoa(text) };
    }
    if (Array.isArray(value)) return value.map(packed);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, packed(item)]));
    return value === undefined ? { $undefined: true } : value;
  };
  const unpacked = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unpacked);
    if (typeof value !== 'object' || value === null) return value;
    const { $array, data } = value as { $array?: string; data?: string };
    if ($array !== undefined && data !== undefined) {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const Type = (globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => unknown>)[$array];
      return Type ? new Type(bytes.buffer) : null;
    }
    return '$undefined' in value
      ? undefined
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpacked(item)]));
  };
  const page = window as unknown as {
    acquireVsCodeApi: unknown;
    headlightFromHost: unknown;
    headlightToHost(message: unknown): Promise<void>;
  };
  page.headlightFromHost = (message: unknown) =>
    window.dispatchEvent(new MessageEvent('message', { data: unpacked(message) }));
  page.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => void page.headlightToHost(packed(message)),
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
}

/** Typed arrays and undefined survive the way to the page and back, as they do in VS Code. */
function pack(value: unknown): unknown {
  if (ArrayBuffer.isView(value))
    return {
      $array: value.constructor.name === 'Buffer' ? 'Uint8Array' : value.constructor.name,
      data: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
    };
  if (Array.isArray(value)) return value.map(pack);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item)]));
  return value === undefined ? { $undefined: true } : value;
}

const ARRAYS = { Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array, BigInt64Array } as const;

function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (typeof value !== 'object' || value === null) return value;
  const { $array, data } = value as { $array?: keyof typeof ARRAYS; data?: string };
  if ($array !== undefined && data !== undefined) {
    const bytes = new Uint8Array(Buffer.from(data, 'base64'));
    return new ARRAYS[$array](bytes.buffer);
  }
  return '$undefined' in value
    ? undefined
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item)]));
}
