/**
 * Nothing of Headlight reaches the network: the command line and the compute process run with hooks that see every try and refuse it
 * (test/harness/networkHooks.cjs). The extension host: test/integration/noNetwork.test.ts; the page: test/e2e/noNetwork.e2e.ts. The
 * exceptions: `installTensorflow`, which runs npm after a yes (no test here calls it, and no other code names a program that downloads), and
 * names on the Hub (`hf:org/name`), which test/unit/hub asks of a Hub on loopback.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildCli, buildMcp } from './support/bundles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComputeClient } from '../../src/compute/client';
import { buildCompute } from './compute/support/computeBundle';

const ROOT = resolve(import.meta.dirname, '../..');
const HOOKS = join(ROOT, 'test/harness/networkHooks.cjs');
const MODEL = join(ROOT, 'media/samples/gqa');
const CONFIG = join(ROOT, 'media/sample-configs/llama-3-8b/config.json');

interface Line {
  readonly started?: readonly string[];
  readonly by?: string;
  readonly to?: string;
}

let folder = '';
let cli = '';
let compute: Awaited<ReturnType<typeof buildCompute>>;
let logs = 0;

/** An empty log, and what stands in it: how many processes the hooks were in, and what was tried. */
function newLog(): { readonly file: string; read(): { processes: number; tries: string[] } } {
  const file = join(folder, `log-${logs++}`);
  const read = (): { processes: number; tries: string[] } => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    const said = lines.map((line) => JSON.parse(line) as Line);
    return {
      processes: said.filter(({ started }) => started).length,
      tries: said.flatMap(({ by, to }) => (by === undefined ? [] : [`${by} ${to ?? ''}`])),
    };
  };
  return { file, read };
}

interface Ran {
  readonly code: number;
  readonly processes: number;
  readonly tries: readonly string[];
}

/** Runs Node with the hooks before everything else. */
async function hooked(args: readonly string[]): Promise<Ran> {
  const log = newLog();
  const env = { ...process.env, NODE_OPTIONS: `--require=${HOOKS}`, HEADLIGHT_NETWORK_LOG: log.file };
  const running = promisify(execFile)(process.execPath, args, { env, cwd: folder });
  // A server ends with its input.
  running.child.stdin?.end();
  const code = await running.then(
    () => 0,
    (error: { readonly code?: number }) => error.code ?? -1,
  );
  return { code, ...log.read() };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-network-'));
  compute = await buildCompute();
  // As in dist/, and beneath the tensor libraries, which stay packages.
  cli = join(compute.script, '../cli.cjs');
  await buildCli(cli);
  await buildMcp(dirname(cli));
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await compute.remove();
});

describe('the hooks see', () => {
  it.each([
    ['a socket', "require('net').connect(9, '127.0.0.1')", 'net.connect'],
    ['a socket under the functions', "new (require('net').Socket)().connect(9, '127.0.0.1')", 'net.Socket.connect'],
    ['a pipe', "require('net').connect('/nowhere')", 'net.connect'],
    ['a server', "require('net').createServer().listen(0)", 'net.Server.listen'],
    ['tls', "require('tls').connect(9, '127.0.0.1')", 'tls.connect'],
    ['http', "require('http').get('http://127.0.0.1:9')", 'http.get'],
    ['https', "require('https').request('https://127.0.0.1:9')", 'https.request'],
    ['http2', "require('http2').connect('http://127.0.0.1:9')", 'http2.connect'],
    ['fetch', "fetch('http://127.0.0.1:9')", 'fetch'],
    ['dgram', "require('dgram').createSocket('udp4').send('x', 9, '127.0.0.1')", 'dgram.Socket.send'],
    ['dns', "require('dns').lookup('localhost', () => 0)", 'dns.lookup'],
    ['dns by promises', "require('dns/promises').resolve4('localhost')", 'dns.promises.resolve4'],
    ['a resolver', "new (require('dns').Resolver)().resolve('localhost', () => 0)", 'dns.Resolver.resolve'],
    ['names that are imported', "import('net').then(({ connect }) => connect(9, '127.0.0.1'))", 'net.connect'],
  ])('%s', async (_, code, by) => {
    const { tries } = await hooked(['-e', code]);
    expect(tries.join('\n')).toContain(`${by} `);
  });

  it('what a child process and a worker try', async () => {
    const again = JSON.stringify("require('net').connect(9, '127.0.0.1')");
    const child = `require('child_process').spawnSync(process.execPath, ['-e', ${again}])`;
    expect(await hooked(['-e', child])).toEqual({ code: 0, processes: 2, tries: ['net.connect 9'] });
    const worker = `new (require('worker_threads').Worker)(${again}, { eval: true }).on('error', () => 0)`;
    expect(await hooked(['-e', worker])).toEqual({ code: 0, processes: 2, tries: ['net.connect 9'] });
  });
});

const IDS = ['--ids', '1,2,3'];
const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ['estimate', CONFIG, '--engine', 'vllm', '--json'],
  ['fit', CONFIG, '--gpu', 'h100-sxm'],
  ['compare', CONFIG, '--as', 'mqa'],
  ['diff', CONFIG, join(ROOT, 'media/sample-configs/mistral-7b-v0.1/config.json')],
  ['lint', CONFIG],
  ['draw', CONFIG],
  ['draw', CONFIG, '--diff', MODEL, '--blocks', 'full', '--out', 'difference.png', '--scale', '0.5'],
  ['mcp'],
  ['completion', 'bash'],
  ['models', '--json'],
  ['tensors', MODEL],
  ['heads', MODEL, '--layer', '0', ...IDS],
  ['convert', MODEL, '--layer', '1', '--to', 'mqa', ...IDS],
  ['tradeoff', MODEL, '--methods', 'q8_0', '--results', 'none', '--ids', '1,2,3,4,5'],
  ['generate', MODEL, '--tokens', '2', ...IDS],
  ['lens', MODEL, ...IDS],
  ['named', MODEL, ...IDS],
  ['diversity', MODEL, ...IDS],
  // One of its cases. It starts compute processes, which have the hooks too; a Python with torch, where there is one, has not.
  ['bench', 'attention', '--quick', '--only', 'decode-4096-deepseek-v3 mha'],
];

describe('the command line', () => {
  it.each(COMMANDS)('%s tries nothing', async (...args) => {
    expect(await hooked([cli, ...args])).toMatchObject({ code: 0, tries: [] });
  });

  it('has no other command', () => {
    const source = readFileSync(join(ROOT, 'src/cli/run.ts'), 'utf8');
    const table = source.slice(source.indexOf('const COMMANDS'), source.indexOf('\n};'));
    const all = [...table.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name ?? '');
    expect(all.sort()).toEqual([...new Set(COMMANDS.map(([name]) => name))].sort());
  });
});

describe('the compute process', () => {
  /** The bundle with the hooks before it, and `code` after it. */
  async function used(code: string, use: (client: ComputeClient) => Promise<unknown>): Promise<Omit<Ran, 'code'>> {
    const log = newLog();
    // The client gives it no NODE_OPTIONS.
    const script = join(compute.script, `../hooked-${logs}.cjs`);
    writeFileSync(script, `require(${JSON.stringify(HOOKS)});\nrequire('./compute.js');\n${code}`);
    const client = new ComputeClient({ script, lowPriority: false, environment: { HEADLIGHT_NETWORK_LOG: log.file } });
    try {
      await use(client);
    } finally {
      client.dispose();
    }
    return log.read();
  }

  it('tries nothing, whatever it computes', async () => {
    const engine = 'onnxruntime-cpu';
    const { processes, tries } = await used('', async (client) => {
      const devices = await client.devices();
      expect(devices.find((each) => each.engine === engine)?.available).toBe(true);
      await client.call('heads/model', { path: MODEL });
      await client.call('heads/tokens', { path: MODEL, text: 'the red fox' });
      const ids = [1, 2, 3];
      const captures = ['q', 'k'] as const;
      await client.call('heads/capture', {
        path: MODEL,
        engine,
        ids,
        layer: 0,
        captures,
        measures: true,
        logits: true,
      });
      await client.call('lens/next', {
        path: MODEL,
        engine,
        ids,
        top: 1,
        temperature: 0,
        topK: null,
        topP: null,
        seed: 0,
      });
      await client.call('lens/heads', { path: MODEL, engine, ids });
      await client.call('heads/convert', { path: MODEL, engine, text: 'the red fox', layer: 1, conversions: null });
    });
    // It and its probes.
    expect(processes).toBeGreaterThan(1);
    expect(tries).toEqual([]);
  });

  it('would be caught', async () => {
    const { tries } = await used("try { require('net').connect(9, '127.0.0.1') } catch {}", (client) =>
      client.call('compute/status', {}),
    );
    expect(tries).toEqual(['net.connect 9']);
  });
});

describe('what the product is made of', () => {
  /** Files of src/ whose text fits, by their names. */
  function filesWith(pattern: RegExp): string[] {
    return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && pattern.test(readFileSync(join(ROOT, 'src', file), 'utf8')))
      .map((file) => file.replaceAll('\\', '/'))
      .sort();
  }

  it('imports nothing that connects, but for the class that its own pipe is read with', () => {
    const modules = /from '(?:node:)?(?:net|tls|https?|http2|dgram|dns|dns\/promises|undici|ws)'/;
    expect(filesWith(modules)).toEqual(['compute/process.ts']);
    const source = readFileSync(join(ROOT, 'src/compute/process.ts'), 'utf8');
    expect(source.match(/\bSocket\b.{9}/g)).toEqual(["Socket } from '", 'Socket({ fd: PI']);
  });

  it('calls nothing that fetches', () => {
    expect(filesWith(/(?<![\w.'])(?:fetch\(|new (?:WebSocket|EventSource|XMLHttpRequest)\b)|sendBeacon/)).toEqual([]);
  });

  it('hands out what fetches in one place on a machine and in one in the browser: for names on the Hub', () => {
    // Whoever is handed it calls it `access.fetch`, behind the guard of src/hub.
    expect(filesWith(/^(?!import|\s*(?:\/?\*|\/\/)).*(?<![\w.'`-])fetch(?=,|\s*\}|\))/m)).toEqual([
      'editor/models/webAccess.ts',
      'hub/hubModel.ts',
      'stores/hubAccess.ts',
    ]);
    // Nor by another name.
    expect(
      filesWith(/\bfetch\s*\}\s*=|(?<!typeof )(?:globalThis|self|window)(?:\.fetch|\[)|\bfetch\.(?:bind|call|apply)/),
    ).toEqual(['editor/models/webAccess.ts']);
    expect(filesWith(/\bhubAccess\(/)).toEqual(['cli/hub.ts', 'editor/models/hubModels.ts', 'stores/hubAccess.ts']);
    expect(filesWith(/\bwebAccess\(/)).toEqual(['editor/models/webAccess.ts', 'editor/models/webModels.ts']);
    expect(filesWith(/from '.*\/webModels'|import\('.*\/webModels'\)/)).toEqual(['extension.web.ts']);
    expect(filesWith(/access\.fetch/)).toEqual(['hub/guardedFetch.ts']);
    expect(filesWith(/from '@huggingface\/hub'/)).toEqual(['hub/hubModel.ts', 'stores/huggingFace.ts']);
  });

  it('starts programs where it is known: the compute process, its probes, the peers of bench, the installation of TensorFlow', () => {
    expect(filesWith(/from 'node:child_process'/)).toEqual([
      'compute/bench/peers.ts',
      'compute/client.ts',
      'compute/probeDevices.ts',
      'compute/runProgram.ts',
    ]);
    // The exception.
    expect(filesWith(/import \{[^}]*\} from '.*\/runProgram'/)).toEqual(['compute/installTensorflow.ts']);
  });
});
