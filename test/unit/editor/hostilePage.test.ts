/**
 * A page that is not ours: the host, bundled as the build does it, answers only what a view offers, for the config that it shows. Nothing
 * that such a page sends changes another document, asks more than one question at a time, or is thrown past the connection.
 */

import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hostCode } from '../support/bundles';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_CONFIG_CHARACTERS } from '../../../src/config/textCost';
import type { createPanelHost } from '../../../src/editor/panel/panelHost';
import { PANEL, type Candidate, type PanelInit } from '../../../src/shared/panelContract';

const root = resolve(import.meta.dirname, '../../..');
const requireHere = createRequire(import.meta.url);

const silent = (): { dispose(): void } => ({ dispose: () => undefined });
class Uri {
  readonly scheme = 'file';
  readonly query = '';
  readonly fragment = '';
  constructor(readonly path: string) {}
  static file = (path: string): Uri => new Uri(path);
  static parse = (text: string): Uri => new Uri(text.replace('file://', ''));
  static joinPath = (uri: Uri, ...parts: string[]): Uri => new Uri(join(uri.path, ...parts));
  get fsPath(): string {
    return this.path;
  }
  with(): Uri {
    return this;
  }
  toString(): string {
    return `file://${this.path}`;
  }
}

interface TextDocument {
  readonly uri: Uri;
  readonly version: number;
  getText(): string;
  positionAt(offset: number): number;
}
const CONFIG = JSON.stringify({ model_type: 'llama', num_key_value_heads: 8 }, null, 2);
const documentAt = (path: string): TextDocument => ({
  uri: new Uri(path),
  version: 3,
  getText: () => CONFIG,
  positionAt: (offset) => offset,
});
const SHOWN = documentAt('/w/shown/config.json');
const OTHER = documentAt('/w/other/config.json');

/** What reached the editor, in words. */
const done: string[] = [];
/** Answers of a person, who takes their time. */
const waiting: (() => void)[] = [];
const person = (what: string): Promise<undefined> => {
  done.push(what);
  return new Promise((answer) => waiting.push(() => answer(undefined)));
};
const vscode = {
  Uri,
  ViewColumn: { Beside: -2 },
  ConfigurationTarget: { Global: 1, Workspace: 2, WorkspaceFolder: 3 },
  EventEmitter: class {
    event = silent;
    fire(): void {
      return undefined;
    }
    dispose(): void {
      return undefined;
    }
  },
  Range: class {
    constructor(
      readonly start: number,
      readonly end: number,
    ) {}
  },
  WorkspaceEdit: class {
    readonly edits: string[] = [];
    replace(uri: Uri, _range: object, content: string): void {
      this.edits.push(`${uri.path}: ${content}`);
    }
  },
  env: { clipboard: { writeText: (text: string) => Promise.resolve(void done.push(`copied ${text.length}`)) } },
  commands: { executeCommand: (command: string, uri: Uri) => person(`ran ${command} ${uri.path}`) },
  window: {
    visibleTextEditors: [],
    activeTextEditor: { document: SHOWN },
    onDidChangeActiveTextEditor: silent,
    onDidChangeVisibleTextEditors: silent,
    onDidChangeTextEditorSelection: silent,
    showOpenDialog: () => person('asked for a file to open'),
    showSaveDialog: ({ defaultUri }: { readonly defaultUri?: Uri }) =>
      person(`asked where to save ${defaultUri?.path}`),
    showTextDocument: ({ uri }: TextDocument) => Promise.resolve(void done.push(`showed ${uri.path}`)),
  },
  workspace: {
    textDocuments: [SHOWN, OTHER],
    workspaceFolders: [{ uri: new Uri('/w') }],
    onDidChangeTextDocument: silent,
    onDidOpenTextDocument: silent,
    onDidCloseTextDocument: silent,
    onDidChangeConfiguration: silent,
    getConfiguration: () => ({
      get: (_key: string, fallback: unknown) => fallback,
      inspect: () => undefined,
      update: (key: string, value: unknown) => Promise.resolve(void done.push(`set ${key} ${String(value)}`)),
    }),
    asRelativePath: ({ path }: Uri) => path,
    getWorkspaceFolder: () => undefined,
    findFiles: () => Promise.resolve([]),
    openTextDocument: ({ path }: Uri) => Promise.reject(new Error(`opened ${path}`)),
    applyEdit: ({ edits }: { readonly edits: readonly string[] }) => {
      done.push(...edits);
      return Promise.resolve(true);
    },
    fs: {
      isWritableFileSystem: () => true,
      readFile: ({ path }: Uri) => readFile(path),
      stat: () => Promise.reject(new Error('not here')),
    },
  },
  l10n: { t: (text: string) => text },
};

interface Reply {
  readonly kind: string;
  readonly id: number;
  readonly data: unknown;
}
interface Failure {
  readonly code: string;
  readonly message: string;
}

const toHost = new Set<(message: unknown) => void>();
const replies: Reply[] = [];
const lines: string[] = [];
const thrown: unknown[] = [];
const note = (error: unknown): void => void thrown.push(error);
let end = (): void => undefined;
let next = 1;

/** As a page sends it: anything. */
const post = (message: unknown): void => toHost.forEach((tell) => tell(structuredClone(message)));
function answerOf(id: number): Promise<Reply> {
  return vi.waitFor(
    () => {
      const reply = replies.find((each) => each.id === id);
      if (!reply) throw new Error(`no answer to ${id}`);
      return reply;
    },
    { timeout: 20_000, interval: 1 },
  );
}
function request(name: string, data: unknown): Promise<Reply> {
  const id = next++;
  post({ v: 1, kind: 'request', id, name, data });
  return answerOf(id);
}
async function refusal(name: string, data: unknown): Promise<Failure> {
  const { kind, data: failure } = await request(name, data);
  expect(kind, JSON.stringify(failure)).toBe('error');
  return failure as Failure;
}

let focused = 0;
let shown = '';
let other = '';
let preset = '';
const edit = (id: string, value: unknown, path: readonly unknown[] = ['num_key_value_heads']): object => ({
  id,
  version: 3,
  edits: [{ path, value }],
});

beforeAll(async () => {
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  const code = await hostCode('src/editor/panel/panelHost.ts');
  const module = { exports: {} };
  const load = (name: string): unknown => (name === 'vscode' ? vscode : requireHere(name));
  new Function('module', 'require', code)(module, load);
  const bundle = module.exports as { readonly createPanelHost: typeof createPanelHost };
  const panel = await bundle.createPanelHost({
    context: { extensionUri: new Uri(root), workspaceState: { get: () => undefined, update: () => undefined } },
    log: { info: () => undefined, warn: () => undefined, error: (line: string) => lines.push(line) },
    readings: {
      onDidChange: silent,
      onDidChangeFront: silent,
      front: null,
      of: () => ({}),
      quantFile: () => undefined,
    },
    platform: { native: false },
    compute: null,
  } as never);
  end = () => panel.dispose();
  const webview = {
    asWebviewUri: String,
    postMessage: (message: Reply) => replies.push(message),
    onDidReceiveMessage: (listener: (message: unknown) => void) => {
      toHost.add(listener);
      return { dispose: () => toHost.delete(listener) };
    },
  };
  const show = (): void => void focused++;
  await panel.attachView({
    webview,
    visible: true,
    show,
    onDidChangeVisibility: silent,
    onDidDispose: silent,
  } as never);
  const init = (await request('panel/ready', null)).data as PanelInit;
  shown = init.config?.id ?? '';
  const offered = await request('panel/candidates', null);
  expect(offered, JSON.stringify(offered.data)).toMatchObject({ kind: 'result' });
  const candidates = offered.data as readonly Candidate[];
  other = candidates.find(({ origin }) => origin === 'editor')?.id ?? '';
  preset = candidates.find(({ origin }) => origin === 'preset')?.id ?? '';
});
beforeEach(() => {
  done.length = 0;
  focused = 0;
});
afterAll(() => {
  end();
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  expect(thrown).toEqual([]);
});

describe('a page may', () => {
  it('change the config that it shows, and read one that it was offered', async () => {
    expect((await request('panel/apply', edit(shown, 4))).kind).toBe('result');
    expect(done).toEqual(['/w/shown/config.json: 4']);
    expect((await request('panel/candidate', { id: other })).data).toMatchObject({ text: CONFIG });
  });
});

describe('a page may not', () => {
  it('change, open or measure a config that it does not show, though it was offered to be compared with', async () => {
    expect(new Set([shown, other, preset, '']).size).toBe(4);
    for (const id of [other, preset]) {
      expect((await refusal('panel/apply', edit(id, 4))).code).toBe('conflict');
      expect((await refusal('panel/reveal', { id, offset: 0, length: 1 })).code).toBe('conflict');
      expect((await refusal('panel/measureConversion', { id })).code).toBe('conflict');
      expect((await refusal('panel/measureDecode', { id })).code).toBe('conflict');
    }
    expect(done).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a relative path', '../../etc/passwd'],
    ['an address', 'file:///etc/passwd'],
    ['a path of the workspace', '/w/other/config.json'],
    ['a number to come', 'config-999'],
    ['a prototype', '__proto__'],
    ['a constructor', 'constructor'],
    ['nothing', ''],
    ['a number', 0],
    ['null', null],
    ['a list', ['config-1']],
    ['an object', { toString: 'config-1' }],
    ['a long text', 'x'.repeat(5000)],
  ])('name a file: %s', async (_, id) => {
    for (const [name, rest] of [
      ['panel/candidate', {}],
      ['panel/reveal', { offset: 0, length: 0 }],
      ['panel/measureConversion', {}],
      ['panel/measureDecode', {}],
      ['panel/apply', { version: 3, edits: [] }],
    ] as const)
      expect((await refusal(name, { id, ...rest })).code).toBe('invalidInput');
    expect(done).toEqual([]);
  });

  it.each(['../../w', 'beside/../..', 'chosen:0', 'chosen:-1', 'chosen:__proto__', 'sample:../mla', 'sample:', '/w'])(
    'name a folder of weights: %s',
    async (source) => {
      expect((await refusal('heads/model', { source })).code).toMatch(/^(?:invalidInput|unavailable)$/);
    },
  );

  it('write more than a config may be long, nor have it looked through for long', async () => {
    const long = Array.from({ length: 4096 }, () => 'x'.repeat(9_000));
    expect(long.length * 9_000).toBeGreaterThan(MAX_CONFIG_CHARACTERS);
    expect((await refusal('panel/apply', edit(shown, long))).code).toBe('tooLarge');
    // Four lists, each of which holds the next 4,096 times: few bytes, 2.8e14 values.
    let nested: unknown = 1;
    for (let depth = 0; depth < 4; depth++) nested = Array.from({ length: 4096 }, () => nested);
    const began = performance.now();
    expect((await refusal('panel/apply', edit(shown, nested))).message).toMatch(/at most 16384 parts/);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect((await refusal('panel/apply', edit(shown, cycle))).code).toBe('invalidInput');
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(done).toEqual([]);
  });

  it.each([
    ['an object', { a: 1 }, ['k']],
    ['no path', 1, []],
    ['a path of numbers', 1, [0]],
    ['NaN', Number.NaN, ['k']],
    ['a long key', 1, ['k'.repeat(1001)]],
    ['a deep path', 1, Array.from({ length: 33 }, () => 'k')],
  ])('write %s', async (_, value, path) => {
    expect((await refusal('panel/apply', edit(shown, value, path))).code).toBe('invalidInput');
    expect((await refusal('panel/apply', { ...edit(shown, 1), version: 2.5 })).code).toBe('invalidInput');
    expect((await refusal('panel/apply', { ...edit(shown, 1), uri: '/w/other' })).message).toMatch(/unknown key/);
    expect(done).toEqual([]);
  });

  it('write for a version that has passed', async () => {
    expect((await refusal('panel/apply', { ...edit(shown, 4), version: 2 })).code).toBe('conflict');
    expect(done).toEqual([]);
  });

  it('copy or save more than 64 MiB', async () => {
    const text = 'x'.repeat(64 * 2 ** 20 + 1);
    expect((await refusal('panel/copy', { text })).code).toBe('invalidInput');
    expect((await refusal('panel/save', { name: 'x', content: text })).code).toBe('invalidInput');
    expect((await refusal('panel/save', { name: 'x', content: { length: 3 } })).code).toBe('invalidInput');
    expect(done).toEqual([]);
  });

  it('propose a place: a name stays a name', async () => {
    const names = ['..', '../../.bashrc', '.vscode', '', '. .', '/etc/passwd', 'a\\..\\b', 'ok.png'];
    for (const name of names) {
      const call = request('panel/save', { name, content: 'x' });
      await expect.poll(() => waiting.length).toBe(1);
      waiting.splice(0).forEach((answer) => answer());
      expect((await call).data).toBe(false);
    }
    const places = done.map((line) => line.replace('asked where to save ', ''));
    expect(places).toHaveLength(names.length);
    for (const place of places) expect(place).toMatch(/^\/w\/[\w-][\w. -]*$/);
    expect(places.at(-1)).toBe('/w/ok.png');
    // Whoever was asked is back in the page, once for each answer.
    expect(focused).toBe(names.length);
  });

  it('set what is no choice', async () => {
    for (const change of [
      { gpu: 'evil' },
      { gpu: '' },
      { engine: 'evil' },
      { release: '../x' },
      { options: { evil: 1 } },
      { tokens: -1 },
      { tokens: 1.5 },
      { 'compute.tensorflowPath': '/tmp' },
      [],
    ])
      expect((await refusal('panel/setScenario', change)).code, JSON.stringify(change)).toBe('invalidInput');
    expect(done).toEqual([]);
    await request('panel/setScenario', { gpu: 'h100-sxm' });
    expect(done).toEqual(['set scenario.gpu h100-sxm']);
  });

  it('call what is not offered', async () => {
    for (const name of [
      '',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'panel/showMarkdown',
      'compute/status',
      'heads/convert',
      'heads/close',
      'workbench.action.quit',
      'x'.repeat(100_000),
    ]) {
      const { code, message } = await refusal(name, {});
      expect(code).toBe('unknownMethod');
      expect(message.length).toBeLessThan(5_000);
    }
  });

  it('ask a second question before the first is answered', async () => {
    const ids = Array.from({ length: 100 }, () => next++);
    const names = ['panel/save', 'panel/chooseHeadSource', 'panel/measureConversion', 'panel/measureDecode'];
    for (const [at, id] of ids.entries()) {
      const name = names[at % names.length];
      const data = [{ name: 'x', content: 'x' }, null, { id: shown }, { id: shown }][at % names.length];
      post({ v: 1, kind: 'request', id, name, data });
    }
    expect(done).toEqual(['asked where to save /w/x']);
    waiting.splice(0).forEach((answer) => answer());
    const answers = await Promise.all(ids.map(answerOf));
    // Measuring is answered at once, and then is not begun.
    expect(answers.filter(({ kind }) => kind === 'result')).toHaveLength(1 + 50);
    expect(answers.flatMap(({ kind, data }) => (kind === 'error' ? [(data as Failure).code] : []))).toEqual(
      Array.from({ length: 49 }, () => 'busy'),
    );
    expect(done).toHaveLength(1);
    // One that is refused takes the focus from nobody.
    expect(focused).toBe(1);
  });

  it('fill the log', async () => {
    for (let line = 0; line < 500; line++)
      post({ v: 1, kind: 'request', id: next++, name: 'panel/log', data: { text: 'x' } });
    await answerOf(next - 1);
    expect(lines).toHaveLength(100);
  });

  it('have more than 256 calls run at once, nor two of one number', async () => {
    const before = next;
    for (let call = 0; call < 1000; call++)
      post({ v: 1, kind: 'request', id: next++, name: 'panel/candidates', data: null });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, at) => answerOf(before + at)));
    const busy = answers.filter(({ data }) => (data as Partial<Failure>).code === 'busy');
    expect(busy).toHaveLength(1000 - 256);
    const id = next++;
    for (let call = 0; call < 10; call++) post({ v: 1, kind: 'request', id, name: 'panel/candidates', data: null });
    await answerOf(id);
    await request('panel/candidates', null);
    expect(replies.filter((reply) => reply.id === id)).toHaveLength(1);
  });

  it('break the connection by what is no message', async () => {
    for (const message of [
      null,
      0,
      'x',
      [],
      {},
      { v: 2, kind: 'request', id: 1 },
      { v: 1, kind: 'request' },
      { v: 1, kind: 'request', id: 'x', name: 'panel/copy', data: { text: 'x' } },
      { v: 1, kind: 'request', id: Number.NaN, name: 'panel/devices' },
      { v: 1, kind: 'cancel', id: 1e9 },
      { v: 1, kind: 'result', id: 1, data: {} },
      { v: 1, kind: 'error', id: 1, data: {} },
      { v: 1, kind: 'progress', id: 1, data: { message: {} } },
      { v: 1, kind: 'event', name: '__proto__', data: {} },
      new Map([['v', 1]]),
    ])
      post(message);
    expect((await request('panel/devices', null)).kind).toBe('result');
    expect(done).toEqual([]);
  });
});

it('every method of the contract was tried or takes no parameters', async () => {
  const source = await readFile(import.meta.filename, 'utf8');
  const untried = Object.keys(PANEL).filter((name) => !source.includes(`'${name}'`));
  for (const name of untried) {
    for (const data of [{ evil: 1 }, [], 'x', 0]) expect((await refusal(name, data)).code, name).toBe('invalidInput');
  }
});
