/** What SECURITY.md says of untrusted workspaces: each row of its table has a test of the name that it gives, and no test is without a row. */

import { createRequire } from 'node:module';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hostCode } from '../support/bundles';
import { describe, expect, it } from 'vitest';
import { ComputeClient } from '../../../src/compute/client';
import type { createComputeHost } from '../../../src/editor/computeHost';
import { FAKE_PROCESS } from '../compute/support/fakeProcess';

const root = resolve(import.meta.dirname, '../../..');

interface Setting {
  readonly type: string | readonly string[];
  readonly scope?: string;
  readonly enum?: readonly unknown[];
  readonly items?: { readonly type: string };
}
interface Manifest {
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: unknown; readonly restrictedConfigurations: readonly string[] };
  };
  readonly contributes: {
    readonly configuration: readonly { readonly properties: Readonly<Record<string, Setting>> }[];
  };
}
const manifestText = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(manifestText) as Manifest;
const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
const settings = manifest.contributes.configuration.flatMap(({ properties }) => Object.entries(properties));

/** Files of src/ that say something, with what they say. */
async function said(pattern: RegExp, folder = 'src'): Promise<string[]> {
  const files = await readdir(join(root, folder), { recursive: true });
  const found: string[] = [];
  for (const file of files.filter((each) => each.endsWith('.ts')).sort()) {
    const text = await readFile(join(root, folder, file), 'utf8');
    for (const [words] of text.matchAll(pattern)) found.push(`${file.replaceAll('\\', '/')}: ${words}`);
  }
  return found;
}

/** The command, with an editor whose person picks the first and then says no; what it asked and told. */
async function installation(isTrusted: boolean): Promise<{ readonly answer: boolean; readonly heard: string[] }> {
  const heard: string[] = [];
  const listener = (): { dispose(): void } => ({ dispose: () => undefined });
  const ask =
    (what: string) =>
    (text: unknown): Promise<undefined> => {
      heard.push(`${what}: ${typeof text === 'string' ? text : ''}`);
      return Promise.resolve(undefined);
    };
  const requireHere = createRequire(import.meta.url);
  const vscode = {
    l10n: { t: (text: string) => text },
    workspace: { isTrusted, onDidChangeConfiguration: listener },
    window: {
      showWarningMessage: ask('warning'),
      showInformationMessage: ask('message'),
      showQuickPick: ask('choice'),
      createQuickPick: () => {
        heard.push('choice');
        throw new Error('nobody is there to choose');
      },
    },
  };
  const code = await hostCode('src/editor/computeHost.ts');
  const module = { exports: {} };
  const programs = new Proxy({}, { get: (_, name) => () => heard.push(`program: ${String(name)}`) });
  const load = (name: string): unknown =>
    name === 'vscode' ? vscode : name.endsWith('child_process') ? programs : requireHere(name);
  new Function('module', 'require', code)(module, load);
  const bundle = module.exports as { readonly createComputeHost: typeof createComputeHost };
  const host = bundle.createComputeHost({ script: '', storage: '/nowhere', log: {} } as never);
  const answer = await host.installTensorflow().catch(() => false);
  host.dispose();
  return { answer, heard };
}

const TESTS: Readonly<Record<string, () => Promise<void> | void>> = {
  shows: () => {
    expect(supported).toBe('limited');
    // Nothing hides until there is trust.
    expect(manifestText).not.toContain('isWorkspaceTrusted');
  },

  writes: async () => {
    expect(await said(/applyEdit|fs\.(?:writeFile|copy|rename|delete|createDirectory)\b/g, 'src/editor')).toEqual([
      'configEdit.ts: applyEdit',
      'models/keptModels.ts: fs.createDirectory',
      'models/keptModels.ts: fs.delete',
      'palette/samples.ts: fs.copy',
      'panel/connection.ts: applyEdit',
      'writing.ts: fs.writeFile',
      'writing.ts: fs.writeFile',
      'writing.ts: fs.rename',
      'writing.ts: fs.delete',
    ]);
    // Who writes files asks where.
    const all = await said(/import \{ writeWhole \}/g, 'src/editor');
    // In the browser, into VS Code's storage of the extension: what was fetched after a question.
    const writers = all.filter((writer) => !writer.startsWith('models/keptModels.ts: '));
    expect([writers.length, all.length]).toEqual([4, 5]);
    const asking = await said(/showSaveDialog\(/g, 'src/editor');
    for (const writer of writers) expect(asking).toContain(writer.replace(/: .*/, ': showSaveDialog('));
  },

  computes: async () => {
    expect(await said(/asAbsolutePath\([^)]*\)/g, 'src/editor')).toEqual([
      "compose.ts: asAbsolutePath('dist/compute.js')",
      "mcpServers.ts: asAbsolutePath('dist/cli.js')",
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'headlight-trust-'));
    const script = join(folder, 'compute.js');
    const before = process.env['NODE_OPTIONS'];
    const seen: string[] = [];
    process.env['NODE_OPTIONS'] = `--require=${join(folder, 'evil.js')}`;
    const client = new ComputeClient({ script, lowPriority: false, onLog: (line) => seen.push(line) });
    try {
      await writeFile(join(folder, 'evil.js'), "console.log('evil')");
      await writeFile(
        script,
        `${FAKE_PROCESS}
        console.log('options ' + process.env.NODE_OPTIONS);
        receive(({ id }) => send({ v: 1, kind: 'result', id, data: { pid: process.pid, memoryBytes: 1, memoryCeiling: 1 } }));`,
      );
      await client.call('compute/status', {});
      await expect.poll(() => seen.join('\n')).toContain('options undefined');
      expect(seen.join('\n')).not.toContain('evil');
    } finally {
      client.dispose();
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
      await rm(folder, { recursive: true });
    }
  },

  loads: async () => {
    // The scripts are our own call of our own function, for its time limit, and the command line's own file, kept compiled.
    const OWN = ['cli/start.ts: node:vm', 'weights/timeLimit.ts: node:vm'];
    expect(await said(/\beval\(|new Function\b|node:vm|\bpickle\b.*load/g)).toEqual(OWN);
    const limit = readFileSync(join(root, 'src/weights/timeLimit.ts'), 'utf8');
    expect(limit.match(/new Script.*/g)).toEqual(["new Script('work()');"]);
    // Modules of our own, the tensor libraries and what draws a PNG, by name; one library by its place, which is a setting of the machine.
    const imports = await said(/\bimport\([^)]*\)/g);
    for (const line of imports)
      expect(line).toMatch(/import\('(?:\.{1,2}\/[\w./]+|onnxruntime-\w+|@tensorflow\/[\w-]+|@resvg\/resvg-wasm)'\)$/);
    expect(imports.length).toBeGreaterThan(10);
    expect(await said(/createRequire\(.*/g)).toEqual([
      // Files are read of it and nothing is loaded: WebAssembly and fonts, by names that are ours.
      'cli/png.ts: createRequire(__filename).resolve(name));',
      // Only whether it is there.
      "compute/engines/onnxruntimeNative.ts: createRequire(__filename).resolve('onnxruntime-node/package.json');",
      // Its WebAssembly is read from beside it.
      "compute/engines/onnxruntimeWasm.ts: createRequire(__filename).resolve('onnxruntime-web');",
      "compute/engines/tensorflow.ts: createRequire(join(dirname(this.located.folder), 'loader.js'));",
      // A version is read of it.
      "compute/keptProofs.ts: createRequire(__filename).resolve(`${name}/package.json`), 'utf8');",
    ]);
  },

  families: () => {
    expect(restrictedConfigurations).toContain('headlight.families');
  },

  machine: () => {
    const compute = settings.filter(([name]) => name.startsWith('headlight.compute.'));
    expect(compute.length).toBeGreaterThan(3);
    for (const [name, { scope }] of compute) expect(scope, name).toBe('machine');
    expect(restrictedConfigurations).toContain('headlight.compute.tensorflowPath');
  },

  settings: () => {
    const others = settings.filter(
      ([name, { scope }]) => scope !== 'machine' && !restrictedConfigurations.includes(name),
    );
    expect(others.length).toBeGreaterThan(10);
    for (const [name, { type, enum: choices }] of others) {
      // Rules that are not reported, and options of an engine's size rule, which its schema lists.
      if (name === 'headlight.lint.ignore' || name === 'headlight.scenario.engineOptions') continue;
      expect(['boolean', 'integer'].includes(String(type)) || choices !== undefined, name).toBe(true);
    }
    for (const name of restrictedConfigurations) expect(settings.map(([each]) => each)).toContain(name);
  },

  hub: async () => {
    // Whom is asked, and as whom, is the environment's to say; that configs are fetched without a question, the user's settings'.
    expect(settings.map(([name]) => name).filter((name) => /endpoint|token(?!s)|hf_|hub/i.test(name))).toEqual([
      'headlight.hub.ask',
      'headlight.hub.endpoint',
    ]);
    for (const name of ['headlight.hub.ask', 'headlight.hub.endpoint'])
      expect(settings.find(([each]) => each === name)?.[1].scope).toBe('machine');
    expect(await said(/inspect\(SETTINGS\.hub\w+\)\?\.\w+/g)).toEqual([
      'editor/settings.ts: inspect(SETTINGS.hubAsk)?.globalValue',
      'editor/settings.ts: inspect(SETTINGS.hubEndpoint)?.globalValue',
    ]);
    expect(await said(/SETTINGS\.hubAsk/g)).toHaveLength(2);
    // Beside it: its name in advice.
    expect(await said(/SETTINGS\.hubEndpoint/g)).toHaveLength(2);
    expect(await said(/\bsecrets\.\w+/g, 'src/editor')).toEqual(
      ['get', 'delete', 'store'].map((verb) => `models/webAccess.ts: secrets.${verb}`),
    );
    expect(await said(/hubAccess\([^)]*/g, 'src/editor')).toEqual([
      'models/hubModels.ts: hubAccess(process.env, { signal }',
      'models/hubModels.ts: hubAccess(process.env, { signal, onBytes }',
    ]);
    // That each question is asked is tried with a Hub.
    expect(await readFile(join(root, 'test/unit/editor/hubModels.test.ts'), 'utf8')).toContain(
      "test('is asked whatever a workspace says'",
    );
  },

  installs: async () => {
    const untrusted = await installation(false);
    expect(untrusted.answer).toBe(false);
    expect(untrusted.heard).toEqual([
      expect.stringMatching(/^warning: .*runs npm and a compiler: trust this workspace first/) as string,
    ]);
    // With trust the same call gets to its first question.
    const trusted = await installation(true);
    expect(trusted.heard[0]).toMatch(/^choice/);
  },

  revisions: async () => {
    expect(await said(/child_process|\bspawn\b/g, 'src/editor')).toEqual([]);
    expect(await said(/getExtension<[^>]*>\([^)]*\)/g, 'src/editor')).toEqual([
      "palette/revisions.ts: getExtension<GitExtension>('vscode.git')",
    ]);
  },

  servers: async () => {
    const code = await readFile(join(root, 'src/editor/mcpServers.ts'), 'utf8');
    // One server, of our own file, with nothing of a workspace's or a user's in what starts it.
    expect(
      [...code.matchAll(/new api\.McpStdioServerDefinition\(([^]*?)\n {2}\);/g)].map(([, given]) =>
        given?.replace(/\s*\/\/.*/g, ''),
      ),
    ).toEqual([
      `
    'Headlight',
    process.execPath,
    [context.asAbsolutePath('dist/cli.js'), 'mcp'],
    { ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: null },
    version,`,
    ]);
    expect(code).not.toMatch(/getConfiguration|hub\b/);
  },

  tools: async () => {
    const tools = await readFile(join(root, 'src/editor/explorer/tools.ts'), 'utf8');
    expect(tools).not.toMatch(/applyEdit|writeWhole|compute\.get|executeCommand/);
    // That nothing outside is read is tried in the real editor.
    expect(await readFile(join(root, 'test/integration/tools.test.ts'), 'utf8')).toContain(
      "test('nothing outside of the workspace is read",
    );
  },
};

describe('an untrusted workspace', () => {
  const section = /\*\*Untrusted workspaces\.\*\*([\s\S]*?)\n\n(\|[\s\S]*?)\n\n/.exec(
    readFileSync(join(root, 'SECURITY.md'), 'utf8'),
  );
  const rows = (section?.[2] ?? '')
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));

  it('has a table whose rows name their tests, and each test has a row', () => {
    expect(section?.[1]).toContain('`test/unit/editor/trust.test.ts`');
    for (const row of rows) expect(row.map((cell) => cell !== '')).toEqual([false, true, true, true, true, false]);
    expect(rows.map((row) => row[4])).toEqual(Object.keys(TESTS));
  });

  it.each(Object.entries(TESTS))('%s', async (_, test) => {
    await test();
  });
});
