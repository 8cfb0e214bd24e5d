// Models that lie elsewhere, inside the extension host: the stores of other programs, and a Hub on loopback.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, suiteSetup, suiteTeardown, test } from 'mocha';
import * as vscode from 'vscode';
import { LoopbackHub } from '../unit/hub/support/loopbackHub';
import { furnished, LLAMA } from '../unit/stores/support/machine';
import { headlight, hoverText, pageText, sample, write } from './support';

interface Found {
  readonly store: string;
  readonly name: string;
  readonly description: string;
  readonly uri: vscode.Uri | null;
  readonly problem: string | null;
}

const NAMES = ['HOME', 'HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME'];
const MORE = ['OLLAMA_MODELS', 'LLAMA_CACHE', 'HF_ENDPOINT', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'];
const run = <T>(command: string, ...given: unknown[]): Thenable<T> =>
  vscode.commands.executeCommand<T>(command, ...given);

suite('models that lie elsewhere', function () {
  this.timeout(60_000);
  let home = '';
  let hub: LoopbackHub;
  const before = new Map<string, string | undefined>();
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  };
  const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('headlight');

  suiteSetup(async () => {
    home = mkdtempSync(join(tmpdir(), 'headlight-elsewhere-'));
    furnished(home);
    hub = await LoopbackHub.start({ 'org/fetched': { files: { 'config.json': JSON.stringify(LLAMA, null, 2) } } });
    for (const name of [...NAMES, ...MORE]) before.set(name, process.env[name]);
    for (const name of [...NAMES, ...MORE]) set(name, undefined);
    set('HOME', home);
    set('OLLAMA_MODELS', join(home, '.ollama', 'models'));
    set('HF_ENDPOINT', hub.endpoint);
  });
  suiteTeardown(async () => {
    for (const [name, value] of before) set(name, value);
    await settings().update('hub.ask', undefined, vscode.ConfigurationTarget.Global);
    await hub.close();
    rmSync(home, { recursive: true, force: true });
  });

  test('nothing of them is read before it is asked for; then they are listed', async () => {
    await headlight().activate();
    const api = headlight().exports as { work(): { readonly storeLooks?: number } };
    const read: string[] = [];
    const watched = files as unknown as Record<string, (...given: unknown[]) => unknown>;
    const originals = ['readdir', 'opendir', 'stat', 'lstat', 'open', 'readFile'].map(
      (name) => [name, watched[name]] as const,
    );
    const module_ = process.getBuiltinModule('node:fs/promises') as unknown as Record<string, unknown>;
    for (const [name, original] of originals)
      module_[name] = (...given: unknown[]) => {
        if (String(given[0]).startsWith(home)) read.push(`${name} ${String(given[0])}`);
        return original?.(...given);
      };
    try {
      await run('headlight.configs.focus');
      await run('headlight.findModelConfigs');
      await hoverText(sample('llama-3-8b/config.json'), 'num_key_value_heads');
      await run('headlight.openPanel', sample('llama-3-8b/config.json'), 'overview');
      assert.deepEqual(read, []);
      assert.equal(api.work().storeLooks ?? 0, 0);
      // The hooks see what does read there.
      await files.readdir(home);
      assert.equal(read.length, 1);
    } finally {
      for (const [name, original] of originals) module_[name] = original;
    }
    const found = await run<Found[]>('headlight.findLocalModels');
    assert.equal(api.work().storeLooks, 1);
    const lines = found.map(({ store, name }) => `${store} ${name}`);
    for (const line of [
      'huggingFace org/whole',
      'ollama llama3:8b',
      'lmStudio publisher/name-GGUF/name-Q4_K_M',
      'llamaCpp org_name-GGUF_name-Q8_0',
    ])
      assert.ok(lines.includes(line), `${line} of ${lines.join(', ')}`);
    const llama = found.find(({ name }) => name === 'llama3:8b');
    assert.match(llama?.description ?? '', /^4 MiB · GQA · 128 B\/token · \d+ B on disk$/);
    assert.match(found.find(({ name }) => name === 'org/half')?.description ?? '', /download incomplete$/);
    assert.match(found.find(({ name }) => name === 'hf.co/org/name:Q4')?.problem ?? '', /GGUF/);
  });

  test('each opens like a file: hover, lens, problems, comparison and fit', async () => {
    const found = await run<Found[]>('headlight.findLocalModels');
    const opened = found.filter(({ uri }) => uri !== null);
    assert.ok(opened.length >= 8, String(opened.length));
    for (const { uri, name } of opened) {
      assert.ok(uri);
      const document = await vscode.workspace.openTextDocument(uri);
      await vscode.window.showTextDocument(document);
      assert.equal(document.languageId, 'json', name);
      assert.match(await hoverText(uri, 'num_key_value_heads'), /128 B\/token/, name);
      const lenses = await run<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
      assert.ok(
        lenses.some(({ command }) => command?.title.includes('GQA · 128 B/token')),
        name,
      );
      assert.equal(vscode.workspace.fs.isWritableFileSystem(uri.scheme), false);
      await assert.rejects(async () => vscode.workspace.fs.writeFile(uri, new Uint8Array()));
    }
    const [first, second] = opened.map(({ uri }) => uri);
    assert.ok(await run('headlight.compareWithAnotherConfig', first, { with: [second] }));
    assert.match(await pageText(), /vs\. other models/);
    assert.ok(await run('headlight.fitToGpu', first, { gpu: 'h100-sxm', tokens: 100 }));
    await run('workbench.action.closeAllEditors');
  });

  test('a model of the Hub opens by name, and again without a request', async () => {
    // The user said so: the question itself is test/e2e/hub.e2e.ts.
    await settings().update('hub.ask', 'weights', vscode.ConfigurationTarget.Global);
    const uri = await run<vscode.Uri>('headlight.openModelFromHub', 'org/fetched');
    assert.equal(uri.toString(), 'headlight-model://huggingface/org/fetched/config.json');
    assert.ok(hub.seen.length > 0);
    assert.match(await hoverText(uri, 'num_key_value_heads'), /128 B\/token/);
    hub.forget();
    await run('workbench.action.closeAllEditors');
    assert.equal((await run<vscode.Uri>('headlight.openModelFromHub', 'org/fetched')).toString(), uri.toString());
    assert.deepEqual(hub.seen, []);
    await run('workbench.action.closeAllEditors');
  });

  test('names in configs, Python and scripts offer what is meant, without asking for it', async () => {
    hub.forget();
    const cases: readonly (readonly [file: string, text: string, at: string, says: RegExp])[] = [
      [
        'ref/adapter_config.json',
        '{"base_model_name_or_path": "org/fetched"}',
        'org/fetched',
        /Open its config\].*on this machine/,
      ],
      [
        'ref/config.json',
        JSON.stringify({ ...LLAMA, _name_or_path: 'org/elsewhere' }),
        'org/elsewhere',
        /Open its config from 127\.0\.0\.1/,
      ],
      [
        'ref/load.py',
        'from vllm import LLM\nllm = LLM(model="org/elsewhere")\n',
        'org/elsewhere',
        /Open its config from/,
      ],
      ['ref/auto.py', 'AutoConfig.from_pretrained("org/fetched")\n', 'org/fetched', /on this machine/],
      [
        'ref/serve.sh',
        '#!/bin/sh\nvllm serve --model org/elsewhere --port 80\n',
        'org/elsewhere',
        /Open its config from/,
      ],
    ];
    for (const [file, text, at, says] of cases) {
      const shown = await hoverText(await write(file, text), at);
      assert.match(shown, says, file);
      assert.match(shown, /\(command:headlight\.openModelFromHub\?%5B%22org%2F/, file);
    }
    // A folder beside the file is what is meant.
    const folder = sample('ref/org/elsewhere');
    await vscode.workspace.fs.createDirectory(folder);
    writeFileSync(join(folder.fsPath, 'config.json'), JSON.stringify(LLAMA));
    assert.doesNotMatch(await hoverText(sample('ref/load.py'), 'org/elsewhere'), /Open its config/);
    assert.deepEqual(hub.seen, []);
    await vscode.workspace.fs.delete(sample('ref'), { recursive: true });
  });
});
