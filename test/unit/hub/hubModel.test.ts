import { afterEach, describe, expect, test } from 'vitest';
import type { HubAccess } from '../../../src/hub/guardedFetch';
import { HubError } from '../../../src/hub/hubError';
import { HubModel } from '../../../src/hub/hubModel';
import { parseHubName } from '../../../src/hub/hubName';
import { generator } from '../weights/files';
import { LoopbackHub, type Repo } from './support/loopbackHub';

const CONFIG = JSON.stringify({ model_type: 'llama', num_hidden_layers: 2 });
const WEIGHTS = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 251);
const TOKEN = 'hf_secret';
const MODEL: Repo = {
  files: {
    'config.json': CONFIG,
    'sub folder/ü.json': '{}',
    'model.safetensors': { content: WEIGHTS, large: true, xet: true },
  },
  refs: ['v1', 'refs/pr/3'],
};

let hub: LoopbackHub | null = null;
afterEach(async () => {
  await hub?.close();
  hub = null;
});

async function started(repos: Readonly<Record<string, Repo>> = { 'org/name': MODEL }): Promise<LoopbackHub> {
  hub = await LoopbackHub.start(repos);
  return hub;
}

function access(server: LoopbackHub, changes: Partial<HubAccess> = {}): HubAccess {
  return {
    endpoint: server.endpoint,
    token: null,
    fetch,
    redirects: 'ours',
    ...changes,
    limits: { retryMs: [1, 1], silenceMs: 2_000, ...changes.limits },
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function failure(work: Promise<unknown>): Promise<HubError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HubError)) throw new Error('it did not fail in words', { cause: error });
  expect(error.message).toMatch(/\.$/);
  expect(error.fix).toMatch(/\.$/);
  expect(`${error.message}${error.fix}${error.stack ?? ''}`).not.toContain(TOKEN);
  return error;
}

describe('a model on the Hub', () => {
  test.each(['hf:org/name', 'hf:org/name@v1', 'hf:org/name@refs/pr/3'])(
    '%s: two requests open it, one reads a file',
    async (name) => {
      const server = await started();
      const model = await HubModel.open(parseHubName(name), access(server));
      expect(server.seen.map(({ status }) => status)).toEqual([200, 200]);
      expect([...model.files.keys()]).toEqual(['config.json', 'sub folder/ü.json', 'model.safetensors']);
      expect(model.file('model.safetensors')).toMatchObject({ bytes: WEIGHTS.byteLength, large: true });
      expect(text(await model.read('config.json', 1_000))).toBe(CONFIG);
      expect(text(await model.read('sub folder/ü.json', 1_000))).toBe('{}');
      expect(server.seen).toHaveLength(4);
    },
  );

  test('ranges: the bytes that were asked for, and the redirect is followed once for all', async () => {
    const server = await started();
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server));
    server.forget();
    expect(await model.range('model.safetensors', 1_000, 3_000)).toEqual(WEIGHTS.slice(1_000, 3_000));
    expect(await model.range('model.safetensors', 99_000, 100_000)).toEqual(WEIGHTS.slice(99_000));
    expect(await model.range('model.safetensors', 5, 5)).toEqual(new Uint8Array());
    expect(server.seen.map(({ port, status }) => `${port} ${status}`)).toEqual(['hub 302', 'store 206', 'store 206']);
    expect(server.bytes).toBe(3_000);
  });

  test('a signed address that has run out is asked for again', async () => {
    const server = await started();
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server));
    await model.range('model.safetensors', 0, 10);
    let refused = 0;
    server.fault = ({ port }) => (port === 'store' && refused++ === 0 ? { status: 403 } : null);
    expect(await model.range('model.safetensors', 10, 20)).toEqual(WEIGHTS.slice(10, 20));
  });

  test('more files than one page of the listing', async () => {
    const files = Object.fromEntries(Array.from({ length: 173 }, (_, index) => [`model-${index}.safetensors`, 'x']));
    const server = await started({ 'org/name': { files } });
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server));
    expect(model.files.size).toBe(173);
  });

  test('a renamed model is found', async () => {
    const server = await started({ 'org/name': MODEL, 'old/name': { files: {}, renamedTo: 'org/name' } });
    const model = await HubModel.open(parseHubName('hf:old/name'), access(server));
    expect(model.repo).toBe('org/name');
    expect(text(await model.read('config.json', 1_000))).toBe(CONFIG);
  });
});

describe('the token', () => {
  test('goes to the endpoint, and to no host that it sends to', async () => {
    const server = await started({ 'org/name': { ...MODEL, privateTo: [TOKEN] } });
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server, { token: TOKEN }));
    await model.range('model.safetensors', 0, 10);
    const sent = (port: string): readonly (string | null)[] =>
      server.seen.filter((seen) => seen.port === port).map(({ authorization }) => authorization);
    expect(new Set(sent('hub'))).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(sent('store')).toEqual([null]);
  });

  test('goes nowhere when the endpoint sends elsewhere at once', async () => {
    const server = await started();
    const other = await LoopbackHub.start({});
    server.fault = () => ({ status: 302, headers: { Location: `${other.endpoint}/steal` } });
    try {
      await failure(HubModel.open(parseHubName('hf:org/name'), access(server, { token: TOKEN })));
      expect(other.seen.length).toBeGreaterThan(0);
      expect(other.seen.every(({ authorization }) => authorization === null)).toBe(true);
    } finally {
      await other.close();
    }
  });
});

describe('what the Hub refuses is said', () => {
  const opened = async (repo: Repo, token: string | null = null): Promise<HubError> => {
    const server = await started({ 'org/name': repo });
    const work = async (): Promise<unknown> =>
      (await HubModel.open(parseHubName('hf:org/name'), access(server, { token }))).read('config.json', 1_000);
    return failure(work());
  };

  test('gated, without and with a token', async () => {
    const without = await opened({ ...MODEL, gatedTo: ['hf_other'] });
    expect([without.kind, without.fix]).toEqual(['gated', expect.stringContaining('hf auth login')]);
    // Its page, and none of a file.
    expect(without.fix).toMatch(/^Ask for access at http:\/\/127\.0\.0\.1:\d+\/org\/name, /);
    await hub?.close();
    const withOne = await opened({ ...MODEL, gatedTo: ['hf_other'] }, TOKEN);
    expect([withOne.kind, withOne.fix]).toEqual(['gated', expect.stringContaining('Ask for access')]);
  });

  test('private, missing, no such revision, no such file', async () => {
    expect((await opened({ ...MODEL, privateTo: ['hf_other'] })).kind).toBe('notFound');
    await hub?.close();
    expect((await opened({ ...MODEL, privateTo: ['hf_other'] }, TOKEN)).kind).toBe('notFound');
    const server = await started();
    expect((await failure(HubModel.open(parseHubName('hf:org/none'), access(server)))).kind).toBe('notFound');
    expect((await failure(HubModel.open(parseHubName('hf:org/name@v9'), access(server)))).kind).toBe('noRevision');
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server));
    expect((await failure(model.read('none.json', 10))).kind).toBe('noFile');
    expect((await failure(model.read('model.safetensors', 10))).message).toContain('100000 bytes');
  });

  test('too many requests: a short wait is waited for, a long one is told', async () => {
    const server = await started();
    let first = true;
    server.fault = () => {
      if (!first) return null;
      first = false;
      return { status: 429, headers: { 'Retry-After': '0' } };
    };
    await HubModel.open(parseHubName('hf:org/name'), access(server));
    server.fault = () => ({ status: 429, headers: { 'Retry-After': '3600' } });
    const count = server.seen.length;
    const error = await failure(HubModel.open(parseHubName('hf:org/name'), access(server)));
    expect([error.kind, error.message]).toEqual(['rateLimited', expect.stringContaining('3600 s')]);
    expect(server.seen.length).toBe(count + 1);
  });

  test('trouble of the server and dead connections are tried again, then told', async () => {
    const server = await started();
    for (const [fault, kind] of [
      [{ status: 503 }, 'server'],
      [{ dead: true }, 'offline'],
    ] as const) {
      server.forget();
      server.fault = () => fault;
      expect((await failure(HubModel.open(parseHubName('hf:org/name'), access(server)))).kind).toBe(kind);
      expect(server.seen).toHaveLength(3);
    }
  });

  test('silence ends; so does a cancelled wait', async () => {
    const server = await started();
    server.fault = () => ({ silent: true });
    const limits = { silenceMs: 50, retryMs: [] };
    expect((await failure(HubModel.open(parseHubName('hf:org/name'), access(server, { limits })))).kind).toBe(
      'offline',
    );
    const stop = new AbortController();
    const work = HubModel.open(parseHubName('hf:org/name'), access(server, { signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    expect((await failure(work)).kind).toBe('cancelled');
  });

  test('nobody at the address', async () => {
    const server = await started();
    const { endpoint } = server;
    await server.close();
    hub = null;
    const nobody = { ...access(server), endpoint };
    expect((await failure(HubModel.open(parseHubName('hf:org/name'), nobody))).kind).toBe('offline');
  });
});

describe('answers that are not what was asked for', () => {
  test.each([
    ['the whole file instead of a part', { ignoreRange: true }, /whole file/],
    ['another part', { shiftRange: 10 }, /another part/],
    ['more bytes', { padWith: 5_000 }, /more of|another length/],
    ['fewer bytes', { cutAfter: 10 }, /ended in the middle|cannot be reached/],
  ] as const)('%s: refused', async (_, fault, message) => {
    const server = await started();
    const model = await HubModel.open(parseHubName('hf:org/name'), access(server));
    server.forget();
    server.fault = ({ port }) => (port === 'store' ? fault : null);
    const error = await failure(model.range('model.safetensors', 1_000, 2_000));
    expect(error.message).toMatch(message);
  });

  test('redirects without an end, and to addresses that are not safe', async () => {
    const server = await started();
    server.fault = ({ path }) => ({ status: 302, headers: { Location: `${path}x` } });
    expect((await failure(HubModel.open(parseHubName('hf:org/name'), access(server)))).message).toContain('in a loop');
    for (const location of [
      'file:///etc/passwd',
      'ftp://x/',
      'http://user:word@127.0.0.1/',
      'javascript:x',
      'http://',
      '',
    ]) {
      server.fault = () => ({ status: 302, headers: { Location: location } });
      const error = await failure(HubModel.open(parseHubName('hf:org/name'), access(server)));
      expect(error.kind).toMatch(/refused|offline/);
    }
  });

  test('a thousand damaged answers: in words or right, and never more than the limit', async () => {
    const server = await started();
    const random = generator(Number(process.env['HEADLIGHT_SEED'] ?? Date.now()) >>> 0);
    const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
    const odd = [
      '',
      'null',
      '[]',
      '{}',
      '[{}]',
      '"x"',
      '[{"type":"file","path":"../x","size":1,"oid":"0000000000000000000000000000000000000000"}]',
      '[{"type":"file","path":"x","size":-1}]',
      '[{"type":"file","path":"x","size":1e300,"oid":"0"}]',
      '{"id":1,"sha":1}',
      '{"sha":"../../x"}',
      `{"sha":"${'0'.repeat(40)}"}`,
      '[',
      '\u0000',
      `"${'x'.repeat(100_000)}`,
      '[{"type":"file","path":"a\\u0000b","size":1,"oid":"0000000000000000000000000000000000000000"}]',
    ];
    let right = 0;
    let refused = 0;
    for (let round = 0; round < 1_000; round++) {
      const at = random(4);
      const fault = pick([
        {
          status: pick([200, 200, 204, 206, 301, 302, 307, 400, 401, 403, 404, 416, 418, 500]),
          headers: {
            Location: pick(['', '/', '//x', 'x:y', server.endpoint]),
            'Content-Type': pick(['application/json', 'text/html']),
            'X-Error-Code': pick(['GatedRepo', 'x', '']),
          },
          body: pick(odd),
        },
        { cutAfter: random(20) },
        { shiftRange: random(5) - 2 },
        { padWith: 3 },
        { ignoreRange: true },
      ] as const);
      server.forget();
      server.fault = ({ count }) => (count === at ? fault : null);
      try {
        const model = await HubModel.open(
          parseHubName('hf:org/name'),
          access(server, { limits: { retryMs: [], bytes: 50_000 } }),
        );
        expect([...model.files.keys()].every((path) => !path.includes('..'))).toBe(true);
        expect(await model.range('model.safetensors', 100, 200)).toEqual(WEIGHTS.slice(100, 200));
        right++;
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        refused++;
      }
    }
    expect(right + refused).toBe(1_000);
    expect(refused).toBeGreaterThan(200);
  }, 60_000);
});
