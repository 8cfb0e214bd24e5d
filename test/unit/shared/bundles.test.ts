/**
 * What crosses from bundle to bundle: the compute client, the panel's part of the editor and the page, each bundled by itself as the build
 * does, on their real connections. Classes of one bundle are strangers to the next; that must not change what users are told.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FAKE_PROCESS } from '../compute/support/fakeProcess';
import type { createComputeHost } from '../../../src/editor/computeHost';
import type { createPanelHost } from '../../../src/editor/panel/panelHost';
import type { PanelEvents, PanelMethods } from '../../../src/shared/panelContract';
import type { NoMethods, RpcPeer } from '../../../src/shared/rpc';
import type { HeadsSession } from '../../../webview/views/heads/session';

const root = resolve(import.meta.dirname, '../../..');
const requireHere = createRequire(import.meta.url);

type Host = RpcPeer<PanelMethods, NoMethods, PanelEvents>;

interface Page {
  readonly host: Host;
  readonly HeadsSession: new (host: Host) => HeadsSession;
}

/** One bundle, run as a CommonJS module; `vscode` is ours. */
async function load<T>(entry: BuildOptions, globals: Readonly<Record<string, unknown>> = {}): Promise<T> {
  const { outputFiles } = await build({
    ...entry,
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['vscode'],
    logLevel: 'silent',
  });
  const module = { exports: {} };
  const names = { module, require: (name: string) => (name === 'vscode' ? vscode : requireHere(name)), ...globals };
  new Function(...Object.keys(names), outputFiles?.[0]?.text ?? '')(...Object.values(names));
  return module.exports as T;
}

const silent = (): { dispose(): void } => ({ dispose: () => undefined });
class Uri {
  readonly scheme = 'file';
  constructor(readonly path: string) {}
  static file = (path: string): Uri => new Uri(path);
  static joinPath = (uri: Uri, ...parts: string[]): Uri => new Uri(join(uri.path, ...parts));
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `file://${this.path}`;
  }
}
/** As much of the editor as a panel needs in which no config is open. */
const vscode = {
  Uri,
  EventEmitter: class {
    event = silent;
    dispose(): void {
      return undefined;
    }
  },
  window: {
    visibleTextEditors: [],
    onDidChangeActiveTextEditor: silent,
    onDidChangeVisibleTextEditors: silent,
    onDidChangeTextEditorSelection: silent,
  },
  workspace: {
    textDocuments: [],
    onDidChangeTextDocument: silent,
    onDidOpenTextDocument: silent,
    onDidCloseTextDocument: silent,
    onDidChangeConfiguration: silent,
    getConfiguration: () => ({ get: (_key: string, fallback: unknown) => fallback }),
    fs: { readFile: () => Promise.reject(new Error('not here')) },
  },
  l10n: { t: (text: string) => text },
};

/** A compute process that knows a model, and fails at whatever is computed with the error that the text of the prompt is. */
const PROCESS = `${FAKE_PROCESS}
const attention = { kind: 'full', queryHeads: 4, kvHeads: 2, keyDim: 8, valueDim: 8 };
const answers = {
  'compute/status': () => ({ pid: process.pid, memoryBytes: 1, memoryCeiling: 1 }),
  'compute/devices': () => [{
    engine: 'onnxruntime-cpu', available: true, kind: 'cpu', device: 'CPU', library: 'none', precision: 'float32', reason: null,
    refused: false, proved: null,
    proof: { size: [1, 1, 1], medianMs: 1, gflops: 1, relativeError: 0, layerError: 0, float16Error: null },
  }],
  'heads/model': () => ({ family: 'llama', hiddenSize: 32, vocabularySize: 9, layers: [attention], tokenizer: true, words: false }),
  'heads/tile': () => ({ type: 'float32', shape: [1, 2, 2], data: new Float32Array(3) }),
};
receive(({ id, name, data, kind }) => {
  if (kind !== 'request') return;
  const answer = answers[name];
  send(answer
    ? { v: 1, kind: 'result', id, data: answer() }
    : { v: 1, kind: 'error', id, data: JSON.parse(data.text) });
});
`;

describe('an error of the compute process', () => {
  let folder: string;
  let page: Page;
  const ends: { dispose(): void }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headlight-'));
    const script = join(folder, 'compute.js');
    await writeFile(script, PROCESS);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

    const computeBundle = await load<{ createComputeHost: typeof createComputeHost }>({
      entryPoints: ['src/editor/computeHost.ts'],
      platform: 'node',
    });
    const panelBundle = await load<{ createPanelHost: typeof createPanelHost }>({
      entryPoints: ['src/editor/panel/panelHost.ts'],
      platform: 'node',
    });
    const compute = computeBundle.createComputeHost({
      script,
      storage: folder,
      log,
      models: { loaded: null },
    } as never);
    const panel = await panelBundle.createPanelHost({
      context: {
        extensionUri: new Uri(root),
        globalStorageUri: new Uri(folder),
        workspaceState: { get: () => undefined, update: () => undefined },
      },
      log,
      readings: { onDidChange: silent, onDidChangeFront: silent, front: null, of: () => undefined },
      platform: { native: true },
      compute: { get: () => Promise.resolve(compute) },
    } as never);
    ends.push(compute, panel);

    const toHost = new Set<(message: unknown) => void>();
    const toPage = new Set<(event: { readonly data: unknown }) => void>();
    const webview = {
      asWebviewUri: String,
      postMessage: (message: unknown) => toPage.forEach((tell) => tell({ data: structuredClone(message) })),
      onDidReceiveMessage: (listener: (message: unknown) => void) => {
        toHost.add(listener);
        return { dispose: () => toHost.delete(listener) };
      },
    };
    await panel.attachView({ webview, visible: true, onDidChangeVisibility: silent, onDidDispose: silent } as never);

    const contents = "export * from './webview/platform/host'; export * from './webview/views/heads/session';";
    page = await load<Page>(
      { stdin: { contents, resolveDir: root, loader: 'ts' }, platform: 'browser' },
      {
        acquireVsCodeApi: () => ({
          postMessage: (message: unknown) => toHost.forEach((tell) => tell(structuredClone(message))),
        }),
        window: {
          addEventListener: (_name: string, listener: (event: { readonly data: unknown }) => void) =>
            toPage.add(listener),
          removeEventListener: () => toPage.clear(),
        },
      },
    );
  });
  afterAll(async () => {
    page.host.dispose();
    for (const end of ends) end.dispose();
    await rm(folder, { recursive: true });
  });

  it.each([
    { code: 'tooLarge', message: 'this run would take 9.0 GiB', detail: { bytes: 9_663_676_416 } },
    { code: 'unavailable', message: 'the device is gone', detail: ['webgpu'] },
    { code: 'cancelled', message: 'the run was cancelled' },
    { code: 'invalidInput', message: 'there is no layer 40' },
  ])('keeps its code and detail up to the page: $code', async (error) => {
    const call = page.host.call('heads/tokens', { source: 'sample:gqa', text: JSON.stringify(error) });
    const caught = await call.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(caught).toMatchObject(error);
  });

  it('of another kind is internal, without anything but its message', async () => {
    const error = { code: 'ENOENT', message: 'no such file', detail: { stack: '/somewhere' } };
    const call = page.host.call('heads/tokens', { source: 'sample:gqa', text: JSON.stringify(error) });
    await expect(call).rejects.toMatchObject({ code: 'internal', message: 'no such file', detail: undefined });
  });

  it('takes the place of an answer that the contract does not allow', async () => {
    await expect(page.host.call('heads/tile', { capture: 1, what: 'weights' })).rejects.toMatchObject({
      code: 'internal',
      message: 'the answer to heads/tile must be a tensor with as many elements as its shape has',
    });
  });

  it('is shown with the advice of its code, and not at all where the run was cancelled', async () => {
    const session = new page.HeadsSession(page.host);
    await session.start(null);
    expect(session.state.source?.id).toBe('sample:gqa');
    const shown = async (error: object): Promise<HeadsSession['state']['failure']> => {
      session.setPrompt(JSON.stringify(error));
      await session.run();
      await vi.waitFor(() => expect(session.state.running).toBeNull());
      return session.state.failure;
    };
    expect(await shown({ code: 'tooLarge', message: 'this run would take 9.0 GiB' })).toEqual({
      where: 'Layer 0 of Sample model: GQA, 8 heads in 2 groups of 4',
      what: 'This run would take 9.0 GiB',
      then: 'Use a shorter prompt or a smaller layer, or raise headlight.compute.memoryCeilingGiB in the settings.',
    });
    expect((await shown({ code: 'unavailable', message: 'gone' }))?.then).toMatch(/^Choose another device/);
    expect(await shown({ code: 'cancelled', message: 'the run was cancelled' })).toBeNull();
  });
});
