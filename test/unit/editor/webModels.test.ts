/**
 * Models of the Hub in the browser, built as the web extension is, with an editor that notes its questions and a Hub on loopback. That a browser
 * does the same is tried in test/e2e/web.e2e.ts.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { summarize } from '../../../src/compute/weights/summary';
import { LoopbackHub, type Repo } from '../hub/support/loopbackHub';
import { webCode } from '../support/bundles';
import { f32, safetensors, withHeader } from '../weights/files';
import type * as Host from './support/webModelsHost';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');
const CONFIG = readFileSync(join(SAMPLE, 'config.json'), 'utf8');
const TOKEN = 'hf_secret';
const signal = new AbortController().signal;
/** Of a file whose header claims 30 MB. */
const LONG = withHeader('', new Uint8Array(40_000_000), 30_000_000n);

/** As much of a `Uri` as is used. */
class FakeUri {
  private constructor(
    readonly scheme: string,
    readonly authority: string,
    readonly path: string,
  ) {}
  static from({ scheme, authority = '', path }: { scheme: string; authority?: string; path: string }): FakeUri {
    return new FakeUri(scheme, authority, path);
  }
  static joinPath({ scheme, authority, path }: FakeUri, ...names: string[]): FakeUri {
    return new FakeUri(scheme, authority, [path, ...names].join('/'));
  }
  toString(): string {
    return `${this.scheme}://${this.authority}${this.path}`;
  }
}

class FileSystemError extends Error {
  static FileNotFound(uri: FakeUri): FileSystemError {
    return new FileSystemError(`not found: ${uri.toString()}`);
  }
}

let code = '';
beforeAll(async () => {
  code = await webCode('test/unit/editor/support/webModelsHost.ts');
}, 60_000);

let hub: LoopbackHub;
let questions: { readonly message: string; readonly detail: string }[] = [];
let complaints: string[] = [];
let said: string[] = [];
let log: string[] = [];
let answer: string | null = null;
let typed: string | undefined;
let settings: Record<string, { globalValue?: unknown; workspaceValue?: unknown }> = {};
let secrets = new Map<string, string>();
/** The extension's storage; null: it takes nothing. */
let storage: Map<string, Uint8Array> | null = new Map();
let models: ReturnType<typeof Host.createModels>;

function vscode(): object {
  const fill = (text: string, ...given: unknown[]): string =>
    text.replace(/\{(\d)\}/g, (_, at: string) => String(given[Number(at)]));
  const gone = (): Promise<never> => Promise.reject(new Error('not there'));
  const tells = (message: string): Promise<undefined> => Promise.resolve(void said.push(message));
  return {
    l10n: { t: fill },
    Uri: FakeUri,
    FileSystemError,
    FileType: { File: 1 },
    QuickPickItemKind: { Separator: -1 },
    ConfigurationTarget: { Global: 1 },
    ProgressLocation: { Notification: 15 },
    workspace: {
      getConfiguration: () => ({
        get: (name: string, fallback: unknown) => settings[name]?.globalValue ?? fallback,
        inspect: (name: string) => settings[name] ?? {},
        update: (name: string, value: unknown, target: number) => {
          if (target === 1) settings[name] = { globalValue: value };
          return Promise.resolve();
        },
      }),
      fs: {
        stat: ({ path }: FakeUri) => {
          const bytes = storage?.get(path);
          return bytes ? Promise.resolve({ type: 1, size: bytes.byteLength, mtime: 0 }) : gone();
        },
        readFile: ({ path }: FakeUri) => storage?.get(path) ?? gone(),
        writeFile: ({ path }: FakeUri, bytes: Uint8Array) =>
          storage ? Promise.resolve(void storage.set(path, bytes)) : gone(),
        createDirectory: () => Promise.resolve(),
        readDirectory: () => Promise.resolve([...(storage?.keys() ?? [])].map((path) => [path.split('/').at(-1), 1])),
        delete: ({ path }: FakeUri) => Promise.resolve(void storage?.delete(path)),
      },
    },
    window: {
      showInformationMessage: (message: string, options?: { readonly detail: string }) => {
        if (!options) return tells(message);
        questions.push({ message, detail: options.detail });
        return Promise.resolve(answer ?? undefined);
      },
      showErrorMessage: (message: string) => Promise.resolve(void complaints.push(message)),
      showInputBox: () => Promise.resolve(typed),
      showTextDocument: () => Promise.resolve(),
      withProgress: (_: object, work: (progress: object, token: object) => unknown) =>
        work({ report: () => undefined }, { onCancellationRequested: () => ({ dispose: () => undefined }) }),
    },
  };
}

/** As in a new window of the same browser. */
function newWindow(): ReturnType<typeof Host.createModels> {
  const module = { exports: {} };
  new Function('module', 'require', code)(module, (name: string) => {
    if (name === 'vscode') return vscode();
    throw new Error(`a browser has no ${name}`);
  });
  const note = (text: string): void => void log.push(text);
  const memory = new Map<string, unknown>();
  return (module.exports as typeof Host).createModels({
    context: {
      globalStorageUri: FakeUri.from({ scheme: 'vscode-userdata', path: '/storage' }),
      globalState: {
        get: (key: string) => memory.get(key),
        update: (key: string, value: unknown) => Promise.resolve(void memory.set(key, value)),
      },
      secrets: {
        get: (key: string) => Promise.resolve(secrets.get(key)),
        store: (key: string, value: string) => Promise.resolve(void secrets.set(key, value)),
        delete: (key: string) => Promise.resolve(void secrets.delete(key)),
      },
    },
    log: { info: note, warn: note, error: note },
  } as never);
}

function sample(): Repo {
  return {
    files: Object.fromEntries(
      readdirSync(SAMPLE).map((name) => {
        const content = new Uint8Array(readFileSync(join(SAMPLE, name)));
        return [name, name.endsWith('.safetensors') ? { content, large: true } : content];
      }),
    ),
  };
}

beforeEach(async () => {
  hub = await LoopbackHub.start({
    'org/name': sample(),
    'org/gated': { files: { 'config.json': CONFIG }, gatedTo: [TOKEN] },
    'org/gguf': { files: { 'model.gguf': 'GGUF' } },
  });
  [questions, complaints, said, log, answer, typed] = [[], [], [], [], 'Fetch', undefined];
  settings = { 'hub.endpoint': { globalValue: `${hub.endpoint}/` } };
  [secrets, storage] = [new Map(), new Map()];
  models = newWindow();
});
afterEach(() => hub.close());

const text = async (uri: unknown): Promise<string> => new TextDecoder().decode(await models.readFile(uri as never));
const open = async (name: string): Promise<never> => (await models.openFromHub(name)) as never;
const stored = (): number => hub.seen.filter(({ port }) => port === 'store').reduce((sum, { bytes }) => sum + bytes, 0);

describe('a model of the Hub, in the browser', () => {
  test('opens after one question: what, from where, how much, and where it stays', async () => {
    const uri = await open('org/name');
    expect(complaints).toEqual([]);
    expect(String(uri)).toBe('headlight-model://huggingface/org/name/config.json');
    expect(await text(uri)).toBe(CONFIG);
    expect(questions).toHaveLength(1);
    const [{ message, detail } = { message: '', detail: '' }] = questions;
    expect(message).toMatch(/^Fetch \d+ B of hf:org\/name from 127\.0\.0\.1:\d+\?$/);
    expect(detail).toContain(`config.json · ${Buffer.byteLength(CONFIG).toLocaleString('en')} B`);
    expect(detail).toMatch(/Its weights \(1\.\d+ MiB\) stay there\.\n.* about 64 KiB, at most 1\.\d+ MiB\./);
    expect(detail).toContain("stay in VS Code's storage in this browser");
    // No tokenizer: nothing computes here.
    expect(hub.seen.filter(({ path }) => path.includes('/resolve/')).map(({ path }) => path)).toEqual([
      expect.stringMatching(/config\.json$/),
    ]);
  });

  test('is not fetched after a no', async () => {
    answer = null;
    expect(await open('org/name')).toBeNull();
    expect(hub.seen.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
    expect([storage?.size, complaints]).toEqual([0, []]);
  });

  test('opens in the next window without a question and without a request; without a storage it is asked for again', async () => {
    const uri = await open('org/name');
    hub.forget();
    models = newWindow();
    expect(await text(uri)).toBe(CONFIG);
    expect(await models.hasConfig('org/name')).toBe(true);
    expect(await open('org/name')).toEqual(uri);
    expect([hub.seen, questions.length]).toEqual([[], 1]);
    storage = null;
    models = newWindow();
    const again = await open('org/name');
    expect(await text(again)).toBe(CONFIG);
    expect(questions).toHaveLength(2);
    expect(log.join()).toContain('is kept until the window closes');
  });

  test('is asked for by name alone: a document that is not here is not fetched', async () => {
    const address = { scheme: 'headlight-model', authority: 'huggingface', path: '/org/name/config.json' };
    for (const path of [address.path, '/../../x', '/org/name', '/org/name/__proto__', '//x/config.json'])
      await expect(models.readFile(FakeUri.from({ ...address, path }) as never), path).rejects.toThrow('not found');
    expect(await models.summary(FakeUri.from(address) as never, signal)).toBeNull();
    expect([hub.seen, questions]).toEqual([[], []]);
  });

  test('what its storage holds is checked before it is believed', async () => {
    const uri = await open('org/name');
    const [key = ''] = storage?.keys() ?? [];
    for (const broken of ['', '{', '{"commit":"x","fetched":1,"files":{}}', '{"commit":1}']) {
      storage?.set(key, new TextEncoder().encode(broken));
      models = newWindow();
      await expect(models.readFile(uri), broken).rejects.toThrow('not found');
    }
  });

  test.each([
    ['org/none', /was not found\..*Set Hub Token/],
    ['org/gated', /is gated.*Ask for access at .*Set Hub Token/],
    ['org/name@v9', /no such revision\./],
    ['no name', /not the name of a model.*Write it as/],
    ['org/gguf', /has no config\..*desktop VS Code/],
    ['org/gguf/model.gguf', /has no config\..*desktop VS Code/],
  ])('%s: a sentence that says what to do', async (name, message) => {
    expect(await open(name)).toBeNull();
    expect(complaints.join('\n')).toMatch(message);
    expect(complaints.join('\n')).not.toMatch(/HF_|hf auth/);
  });

  test.each([
    ['429', { status: 429, headers: { 'Retry-After': '3600' } }, /no more requests.*Try again later/],
    ['503', { status: 503 }, /has a problem \(status 503\).*Try again in a few minutes/],
    [
      'offline',
      { dead: true },
      /cannot be reached\. Check the network, the proxy and the setting headlight\.hub\.endpoint/,
    ],
  ] as const)(
    '%s: a sentence that says what to do',
    async (_, fault, message) => {
      hub.fault = () => fault;
      expect(await open('org/name')).toBeNull();
      expect(complaints.join('\n')).toMatch(message);
    },
    20_000,
  );

  test('whom is asked is the user to say, and no workspace', async () => {
    settings = { 'hub.endpoint': { workspaceValue: hub.endpoint } };
    expect(models.host).toBe('huggingface.co');
    settings = { 'hub.endpoint': { globalValue: 'ftp://x' } };
    expect(await open('org/name')).toBeNull();
    expect(complaints.join()).toContain('The setting headlight.hub.endpoint is not an https:// or http:// address.');
    expect(hub.seen).toEqual([]);
  });

  test('the question is left out where the user said so, whatever a workspace says', async () => {
    settings['hub.ask'] = { workspaceValue: 'weights' };
    answer = "Fetch, and Don't Ask Again for Configs";
    await open('org/name');
    expect([questions.length, settings['hub.ask']]).toEqual([1, { globalValue: 'weights' }]);
    storage = new Map();
    models = newWindow();
    await open('org/name');
    expect(questions).toHaveLength(1);
  });
});

describe('the token, in the browser', () => {
  test('is typed, goes to the endpoint alone, is shown nowhere, and can be removed', async () => {
    typed = `${TOKEN}\n`;
    await models.setToken();
    expect(await open('org/gated')).not.toBeNull();
    const uri = await open('org/name');
    await models.summary(uri, signal);
    expect(new Set(hub.seen.filter(({ port }) => port === 'hub').map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${TOKEN}`]),
    );
    const store = hub.seen.filter(({ port }) => port === 'store');
    expect(store.length).toBeGreaterThan(0);
    expect(new Set(store.map(({ authorization }) => authorization))).toEqual(new Set([null]));
    expect(JSON.stringify([questions, complaints, said, log])).not.toContain(TOKEN);
    // Another endpoint has no token.
    const other = await LoopbackHub.start({ 'org/name': sample() });
    settings = { 'hub.endpoint': { globalValue: other.endpoint } };
    await open('org/name@main');
    expect(other.seen.map(({ authorization }) => authorization)).not.toContain(`Bearer ${TOKEN}`);
    expect(other.seen.length).toBeGreaterThan(0);
    await other.close();
    settings = { 'hub.endpoint': { globalValue: hub.endpoint } };
    typed = '';
    await models.setToken();
    expect([secrets.size, said.at(-1)]).toEqual([0, expect.stringMatching(/no token for 127.* any more/)]);
  });
});

describe('weights by their headers, in the browser', () => {
  test('are what a local folder says, for the bytes of the header; known to Fit from then on', async () => {
    const uri = await open('org/name');
    expect(await models.weights(uri)).toBeNull();
    const summary = await models.summary(uri, signal);
    const local = await summarize(SAMPLE);
    expect(summary).toEqual(local);
    expect(summary?.attention.length).toBeGreaterThan(0);
    expect(questions).toHaveLength(1);
    expect(stored()).toBeLessThanOrEqual(64 * 1024);
    expect(await models.weights(uri)).toEqual(local.weights);
    hub.forget();
    expect(await models.summary(uri, signal)).toEqual(local);
    expect(hub.seen).toEqual([]);
  });

  test('are asked for in another session, and not read after a no', async () => {
    const uri = await open('org/name');
    models = newWindow();
    answer = null;
    hub.forget();
    await expect(models.summary(uri, signal)).rejects.toThrow('Nothing was fetched.');
    expect(questions.at(-1)?.message).toMatch(/^Read the headers of the weights of hf:org\/name from 127/);
    expect(questions.at(-1)?.detail).toMatch(/about 64 KiB, at most 1\.\d+ MiB/);
    // What the model has was asked for: the question says how much.
    expect(hub.seen.filter(({ path }) => !path.startsWith('/api/'))).toEqual([]);
  });

  test('of shards, of which one has a long header; what is wrong is said', async () => {
    const long = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, at) => [
        `model.layers.${at}.input_layernorm.weight`,
        { dtype: 'F32', shape: [1], bytes: f32([1]) },
      ]),
    );
    const short = { 'lm_head.weight': { dtype: 'F32', shape: [2], bytes: f32([1, 2]) } };
    const weightMap = Object.fromEntries([
      ...Object.keys(long).map((name) => [name, 'a.safetensors']),
      ['lm_head.weight', 'b.safetensors'],
    ]);
    const shard = (tensors: Parameters<typeof safetensors>[0]): { content: Uint8Array; large: true } => ({
      content: safetensors(tensors),
      large: true,
    });
    const files = {
      'config.json': CONFIG,
      'a.safetensors': shard(long),
      'b.safetensors': shard(short),
      'model.safetensors.index.json': JSON.stringify({ weight_map: weightMap }),
    };
    await hub.close();
    const broken = { ...files, 'b.safetensors': shard({}) };
    const { 'b.safetensors': _, ...missing } = files;
    hub = await LoopbackHub.start({
      'org/shards': { files },
      'org/broken': { files: broken },
      'org/missing': { files: missing },
      'org/none': { files: { 'config.json': CONFIG } },
      // A header of 60 MB, says its length.
      'org/long': { files: { 'config.json': CONFIG, 'model.safetensors': { content: LONG, large: true } } },
    });
    settings = { 'hub.endpoint': { globalValue: hub.endpoint } };
    const summary = await models.summary(await open('org/shards'), signal);
    expect(summary).toMatchObject({ tensors: 2_001, files: 2, elements: 2_002, weights: { bytes: 8_008 } });
    await expect(models.summary(await open('org/broken'), signal)).rejects.toThrow(/b\.safetensors/);
    await expect(models.summary(await open('org/missing'), signal)).rejects.toThrow(/does not have this file/);
    expect(await models.summary(await open('org/none'), signal)).toBeNull();
    await expect(models.summary(await open('org/long'), signal)).rejects.toThrow(
      'The header of model.safetensors is larger than was announced. Download',
    );
    expect(stored()).toBeLessThan(1024 ** 2);
  });
});
