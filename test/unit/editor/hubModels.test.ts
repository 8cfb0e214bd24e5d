/**
 * Models of the Hub in the editor, with an editor that notes its questions, a Hub on loopback and the real compute process: what is asked, what
 * is fetched, and that nothing is fetched beside that.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { isRpcError } from '../../../src/shared/rpcError';
import { buildCompute } from '../compute/support/computeBundle';
import { LoopbackHub, type Repo } from '../hub/support/loopbackHub';
import { pulled } from '../stores/support/machine';
import { hostCode } from '../support/bundles';
import { gguf, withHeader } from '../weights/files';
import { TINY_MODELS, tinyValues } from '../weights/tinyModels';
import type * as Host from './support/modelsHost';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');
const CONFIG = readFileSync(join(SAMPLE, 'config.json'), 'utf8');
const TOKEN = 'hf_secret';
const CAPTURE = {
  engine: 'onnxruntime-cpu',
  ids: [1, 2, 3],
  layer: 0,
  captures: ['k', 'v'],
  measures: false,
  logits: false,
} as const;

interface Question {
  readonly message: string;
  readonly detail: string;
}

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

  static file(path: string): FakeUri {
    return new FakeUri('file', '', path);
  }

  static joinPath({ scheme, authority, path }: FakeUri, name: string): FakeUri {
    return new FakeUri(scheme, authority, `${path}/${name}`);
  }

  get fsPath(): string {
    return this.path;
  }

  toString(): string {
    return `${this.scheme}://${this.authority}${this.path}`;
  }
}

class FileSystemError extends Error {
  static FileNotFound(uri: FakeUri): FileSystemError {
    return new FileSystemError(`not found: ${uri.toString()}`);
  }
  static Unavailable(): FileSystemError {
    return new FileSystemError('unavailable');
  }
}

let code = '';
let compute: Awaited<ReturnType<typeof buildCompute>>;
beforeAll(async () => {
  [code, compute] = await Promise.all([hostCode('test/unit/editor/support/modelsHost.ts'), buildCompute()]);
}, 120_000);
afterAll(() => compute.remove());

let home = '';
let hub: LoopbackHub;
let questions: Question[] = [];
let complaints: string[] = [];
let log: string[] = [];
let opened: FakeUri[] = [];
/** What the person says; null: closes the question. */
let answer: string | null = null;
let asked: { globalValue?: unknown; workspaceValue?: unknown } = {};
let models: ReturnType<typeof Host.createModels>;
let host: ReturnType<typeof Host.createComputeHost>;

function vscode(): object {
  const listener = (): { dispose(): void } => ({ dispose: () => undefined });
  const fill = (text: string, ...given: unknown[]): string =>
    text.replace(/\{(\d)\}/g, (_, at: string) => String(given[Number(at)]));
  return {
    l10n: { t: fill },
    Uri: FakeUri,
    FileSystemError,
    FileType: { File: 1 },
    QuickPickItemKind: { Separator: -1 },
    ConfigurationTarget: { Global: 1 },
    ProgressLocation: { Notification: 15 },
    workspace: {
      isTrusted: false,
      onDidChangeConfiguration: listener,
      getConfiguration: () => ({
        get: (_: string, fallback: unknown) => fallback,
        inspect: () => asked,
        update: (_: string, value: unknown, target: number) => {
          if (target === 1) asked = { globalValue: value };
          return Promise.resolve();
        },
      }),
    },
    window: {
      showInformationMessage: (message: string, { detail = '' } = {}, ..._answers: string[]) => {
        questions.push({ message, detail });
        return Promise.resolve(answer ?? undefined);
      },
      showErrorMessage: (message: string) => Promise.resolve(void complaints.push(message)),
      showWarningMessage: (message: string) => Promise.resolve(void complaints.push(message)),
      showTextDocument: (uri: FakeUri) => Promise.resolve(void opened.push(uri)),
      withProgress: (_: object, work: (progress: object, token: object) => unknown) =>
        work({ report: () => undefined }, { onCancellationRequested: listener }),
    },
  };
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

/** What the extension remembers. */
const memory = new Map<string, unknown>();

/** As in a new window: the code is loaded again. */
function startAnew(): void {
  const requireHere = createRequire(import.meta.url);
  const module = { exports: {} };
  new Function('module', 'require', code)(module, (name: string) => (name === 'vscode' ? vscode() : requireHere(name)));
  const bundle = module.exports as typeof Host;
  const note = (text: string): void => void log.push(text);
  const lazy = {
    get: () => Promise.resolve(models),
    get loaded() {
      return models;
    },
  };
  const logger = { info: note, warn: note, error: note };
  models = bundle.createModels({
    compute: { get: () => Promise.resolve(host) },
    context: {
      globalState: {
        get: (key: string) => memory.get(key),
        update: (key: string, value: unknown) => Promise.resolve(void memory.set(key, value)),
      },
    },
    log: logger,
    models: lazy,
  } as never);
  host = bundle.createComputeHost({ script: compute.script, storage: '/nowhere', log: logger, models: lazy } as never);
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'headlight-models-'));
  hub = await LoopbackHub.start({
    'org/name': sample(),
    'org/gated': { files: { 'config.json': CONFIG }, gatedTo: ['other'] },
  });
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_TOKEN', TOKEN);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  [questions, complaints, log, opened] = [[], [], [], []];
  [answer, asked] = ['Fetch', {}];
  memory.clear();
  startAnew();
});
afterEach(async () => {
  host.dispose();
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(home, { recursive: true, force: true });
});

const text = async (uri: unknown): Promise<string> => new TextDecoder().decode(await models.readFile(uri as never));
const stored = (): number => hub.seen.filter(({ port }) => port === 'store').reduce((sum, { bytes }) => sum + bytes, 0);

/** Of a question, as far as its rounding tells. */
function saidBytes(message = ''): number {
  const said = /up to ([\d.]+) (KiB|MiB)/.exec(message);
  return Number(said?.[1]) * (said?.[2] === 'KiB' ? 1024 : 1024 ** 2) * 1.01;
}

/** A whole GGUF model, small. */
function tinyGguf(): Uint8Array {
  const model = TINY_MODELS.find(({ name }) => name === 'llama');
  if (!model) throw new Error('there is no tiny Llama');
  const tensors = Object.entries(model.tensors).map(
    ([name, { dims }]) => [name, { dims, type: 0, bytes: new Uint8Array(tinyValues(model, name).buffer) }] as const,
  );
  return gguf(model.metadata, Object.fromEntries(tensors));
}

async function openedModel(): Promise<{ uri: never; folder: string }> {
  const uri = (await models.openFromHub('org/name')) as never;
  const beside = await models.beside(uri);
  expect(beside?.weights).toBe(true);
  return { uri, folder: beside?.folder ?? '' };
}

describe('a model of the Hub', () => {
  test('opens after one question: what, from where, how much', async () => {
    const uri = await models.openFromHub('org/name@main');
    expect(complaints).toEqual([]);
    expect(String(uri)).toBe('headlight-model://huggingface/org/name@main/config.json');
    expect(opened).toEqual([uri]);
    expect(await text(uri)).toBe(CONFIG);
    expect(questions).toHaveLength(1);
    const [{ message, detail } = { message: '', detail: '' }] = questions;
    expect(message).toMatch(
      new RegExp(`^Fetch [\\d.]+ [KM]?i?B of hf:org/name@main from ${new URL(hub.endpoint).host}\\?$`),
    );
    expect(detail).toContain('config.json · ');
    expect(detail).toMatch(/Its weights \(1\.\d+ MiB\) stay there\.\n.* about 64 KiB, at most 1\.\d+ MiB\./);
    expect(stored()).toBe(0);
  });

  test('is not fetched after a no, and is asked for again the next time', async () => {
    answer = null;
    expect(await models.openFromHub('org/name')).toBeNull();
    expect(hub.seen.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
    expect([opened, complaints]).toEqual([[], []]);
    answer = 'Fetch';
    expect(await models.openFromHub('org/name')).not.toBeNull();
    expect(questions).toHaveLength(2);
  });

  test('opens again without a question and without a request', async () => {
    const uri = await models.openFromHub('org/name');
    hub.forget();
    expect(await models.openFromHub('org/name')).toEqual(uri);
    expect(await text(uri)).toBe(CONFIG);
    expect(hub.seen).toEqual([]);
    expect(questions).toHaveLength(1);
  });

  test('is asked for by name alone: a document that is not here is not fetched', async () => {
    const address = { scheme: 'headlight-model', authority: 'huggingface', path: '/org/name/config.json' };
    await expect(models.readFile(FakeUri.from(address) as never)).rejects.toThrow('not found');
    for (const path of [
      '/../../etc/passwd',
      '/org/name/../../x.json',
      '/org/name',
      '//x/config.json',
      '/org/name/x.safetensors',
    ])
      await expect(models.readFile(FakeUri.from({ ...address, path }) as never), path).rejects.toThrow('not found');
    expect(hub.seen).toEqual([]);
    expect(questions).toEqual([]);
  });

  test.each([
    ['org/none', /was not found\..*Check the name/],
    ['org/gated', /is gated.*Ask for access/],
    ['org/name@v9', /no such revision\./],
    ['no name', /not the name of a model.*Write it as/],
  ])('%s: a sentence that says what to do', async (name, message) => {
    expect(await models.openFromHub(name)).toBeNull();
    expect(complaints.join('\n')).toMatch(message);
  });

  test.each([
    [429, { 'Retry-After': '3600' }, /no more requests.*Try again later/],
    [503, {}, /has a problem \(status 503\).*Try again in a few minutes/],
  ])(
    'status %i: a sentence that says what to do',
    async (status, headers, message) => {
      hub.fault = () => ({ status, headers });
      expect(await models.openFromHub('org/name')).toBeNull();
      expect(complaints.join('\n')).toMatch(message);
    },
    20_000,
  );

  test('offline: said, where it is not here', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await models.openFromHub('org/name')).toBeNull();
    expect(complaints.join('\n')).toMatch(/the network is off.*HF_HUB_OFFLINE/);
    expect(hub.seen).toEqual([]);
  });
});

describe('the question', () => {
  test('is left out where the user said so, and comes back for weights', async () => {
    answer = "Fetch, and Don't Ask Again for Configs";
    await models.openFromHub('org/name');
    expect(asked).toEqual({ globalValue: 'weights' });
    rmSync(home, { recursive: true, force: true });
    await models.openFromHub('org/name');
    expect(questions).toHaveLength(1);
  });

  test('is asked whatever a workspace says', async () => {
    asked = { workspaceValue: 'weights' };
    await models.openFromHub('org/name');
    expect(questions).toHaveLength(1);
  });
});

describe('weights of a model that was never downloaded', () => {
  test('their headers give exact parameters and bytes', async () => {
    const { folder } = await openedModel();
    const remote = await host.call('weights/summary', { path: folder }, {});
    const local = await host.call('weights/summary', { path: SAMPLE }, {});
    expect(remote).toEqual(local);
    expect(questions).toHaveLength(1);
    expect(stored()).toBeLessThanOrEqual(64 * 1024);
  }, 60_000);

  test('heads are those of the local model, for at most the bytes that were said', async () => {
    const { folder } = await openedModel();
    const progress: string[] = [];
    const before = stored();
    const capture = await host.call(
      'heads/capture',
      { path: folder, ...CAPTURE, captures: ['k', 'v'] },
      { onProgress: ({ message }) => void progress.push(message) },
    );
    const [, question] = questions;
    expect(question?.message).toMatch(/^Fetch up to [\d.]+ [KM]iB of the weights of hf:org\/name from 127/);
    const headers = 64 * 1024;
    const fetched = stored() - before;
    const most = saidBytes(question?.message);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThanOrEqual(most + headers);
    expect(fetched).toBeLessThan(readFileSync(join(SAMPLE, 'model.safetensors')).byteLength);
    expect(progress.some((message) => message.includes('fetched from 127'))).toBe(true);
    const local = await host.call('heads/capture', { path: SAMPLE, ...CAPTURE, captures: ['k', 'v'] }, {});
    for (const what of ['k', 'v'] as const) {
      const [ours, theirs] = await Promise.all(
        [capture, local].map((each) => host.call('heads/tile', { capture: each.capture, what }, {})),
      );
      expect(ours?.data).toEqual(theirs?.data);
    }
    // The second time everything is here.
    hub.forget();
    await host.call('heads/capture', { path: folder, ...CAPTURE, captures: ['k', 'v'] }, {});
    expect(hub.seen).toEqual([]);
    expect(questions).toHaveLength(2);
  }, 60_000);

  test('what a conversion loses is measured for at most the bytes that were said', async () => {
    const { folder } = await openedModel();
    await host.call('heads/model', { path: folder }, {});
    const asked = { engine: 'onnxruntime-cpu', text: 'the red fox', layer: 1, conversions: null } as const;
    const before = stored();
    const remote = await host.call('heads/convert', { ...asked, path: folder }, {});
    const fetched = stored() - before;
    const said = saidBytes(questions.at(-1)?.message);
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThanOrEqual(said);
    // It is no idle number.
    expect(said).toBeLessThan(2 * fetched + 300_000);
    const local = await host.call('heads/convert', { ...asked, path: SAMPLE }, {});
    expect(remote.conversions).toEqual(local.conversions);
    expect(questions).toHaveLength(2);
  }, 60_000);

  test('headers that are larger than was announced are not fetched', async () => {
    await hub.close();
    const content = withHeader('', new Uint8Array(40_000_000), 30_000_000n);
    hub = await LoopbackHub.start({
      'org/long': { files: { 'config.json': CONFIG, 'model.safetensors': { content, large: true } } },
    });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const beside = await models.beside((await models.openFromHub('org/long')) as never);
    expect(questions[0]?.detail).toContain('at most 24 MiB');
    const failure = await host.call('heads/model', { path: beside?.folder ?? '' }, {}).catch((error: unknown) => error);
    expect(failure instanceof Error && failure.message).toMatch(/larger than was announced/);
    expect(stored()).toBeLessThanOrEqual(24 * 1024 ** 2);
  }, 60_000);

  test('a no fetches no weights', async () => {
    const { folder } = await openedModel();
    await host.call('heads/model', { path: folder }, {});
    const headers = stored();
    answer = null;
    const failure = await host
      .call('heads/capture', { path: folder, ...CAPTURE, captures: ['k', 'v'] }, {})
      .catch((error: unknown) => error);
    expect(isRpcError(failure) && failure.code).toBe('cancelled');
    expect(stored()).toBe(headers);
  }, 60_000);

  test('no permit, no bytes: before a run, after it, and for other files', async () => {
    const { folder } = await openedModel();
    const path = join(folder, 'model.safetensors');
    const fetch = (asked: string): Promise<unknown> =>
      models.hub.fetchPart({ path: asked, from: 0, to: 100 }).catch((error: unknown) => error);
    const refused = async (asked: string): Promise<void> => {
      const failure = await fetch(asked);
      expect(failure instanceof Error && failure.message).toBe(
        'This part of the weights is not on this machine. Download the model, or open it by its name on the Hub.',
      );
    };
    await refused(path);
    await host.call('heads/model', { path: folder }, {});
    hub.forget();
    await refused(path);
    await refused('/etc/passwd');
    await refused(join(folder, '../../../../x'));
    // What fits a model that is compared may look at what is here, and asks for nothing.
    await host.call('weights/beside', { path: join(folder, 'config.json') }, {});
    expect(hub.seen).toEqual([]);
  }, 60_000);

  test('a run that is cancelled stops the download, and leaves nothing half', async () => {
    const { folder } = await openedModel();
    await host.call('heads/model', { path: folder }, {});
    hub.fault = ({ port }) => (port === 'store' ? { silent: true } : null);
    const controller = new AbortController();
    const run = host
      .call('heads/capture', { path: folder, ...CAPTURE, captures: ['k', 'v'] }, { signal: controller.signal })
      .catch((error: unknown) => error);
    await expect
      .poll(() => hub.seen.some(({ port, status }) => port === 'store' && status === 0), { timeout: 20_000 })
      .toBe(true);
    controller.abort();
    const failure = await run;
    expect(isRpcError(failure) && failure.code).toBe('cancelled');
    hub.fault = () => null;
    await host.call('heads/capture', { path: folder, ...CAPTURE, captures: ['k', 'v'] }, {});
    expect(complaints).toEqual([]);
  }, 60_000);

  test('the token goes to the endpoint alone, and is shown nowhere', async () => {
    const { folder } = await openedModel();
    await host.call('heads/capture', { path: folder, ...CAPTURE, captures: ['k', 'v'] }, {});
    expect(hub.seen.filter(({ port }) => port === 'store').length).toBeGreaterThan(0);
    for (const { port, authorization } of hub.seen)
      expect(authorization).toBe(port === 'hub' ? `Bearer ${TOKEN}` : null);
    hub.fault = () => ({ status: 401 });
    await models.openFromHub('org/other');
    expect(JSON.stringify([questions, complaints, log])).not.toContain(TOKEN);
    expect(complaints).toHaveLength(1);
  }, 60_000);
});

describe('heads of GGUF files', () => {
  let file = '';
  const capture = { ...CAPTURE, layer: 1 } as const;
  /** K and V of a layer. */
  const heads = async (path: string): Promise<readonly unknown[]> => {
    const run = await host.call('heads/capture', { path, ...capture }, {});
    return Promise.all(
      (['k', 'v'] as const).map(
        async (what) => (await host.call('heads/tile', { capture: run.capture, what }, {})).data,
      ),
    );
  };
  beforeEach(() => {
    file = join(home, 'tiny.gguf');
    writeFileSync(file, tinyGguf());
  });

  test('that Ollama keeps as a blob', async () => {
    const place = join(home, 'ollama');
    pulled(place, { path: ['registry.ollama.ai', 'library', 'tiny', 'latest'], weights: tinyGguf() });
    vi.stubEnv('OLLAMA_MODELS', place);
    const path = '/registry.ollama.ai/library/tiny:latest/config.json';
    const uri = FakeUri.from({ scheme: 'headlight-model', authority: 'ollama', path }) as never;
    expect(JSON.parse(await text(uri))).toMatchObject({ model_type: 'llama' });
    const beside = await models.beside(uri);
    expect(beside).toEqual({ folder: expect.stringMatching(/sha256-[0-9a-f]{64}$/) as string, weights: true });
    expect(await heads(beside?.folder ?? '')).toEqual(await heads(file));
    expect([hub.seen, questions]).toEqual([[], []]);
  }, 60_000);

  test('of a repository that has nothing else, by its name; also in a window that opens anew', async () => {
    await hub.close();
    hub = await LoopbackHub.start({
      'org/name-GGUF': { files: { 'README.md': 'x', 'tiny-F32.gguf': { content: tinyGguf(), large: true } } },
    });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const uri = (await models.openFromHub('org/name-GGUF')) as never;
    expect(complaints).toEqual([]);
    expect(String(uri)).toBe('headlight-model://huggingface/org/name-GGUF/tiny-F32.gguf/config.json');
    expect(JSON.parse(await text(uri))).toMatchObject({ model_type: 'llama' });
    expect(questions.map(({ message }) => message)).toEqual([expect.stringMatching(/^Read the headers/)]);
    expect(questions[0]?.detail).toMatch(/header of a GGUF file has its tokenizer, too: at most \d/);
    const headers = stored();
    startAnew();
    const beside = await models.beside(uri);
    expect(beside).toMatchObject({ weights: true, from: new URL(hub.endpoint).host });
    const remote = await heads(beside?.folder ?? '');
    const fetched = stored() - headers;
    expect(fetched).toBeGreaterThan(0);
    expect(fetched).toBeLessThanOrEqual(saidBytes(questions.at(-1)?.message));
    expect(stored()).toBeLessThan(tinyGguf().byteLength);
    expect(remote).toEqual(await heads(file));
    expect(questions).toHaveLength(2);
  }, 60_000);
});
