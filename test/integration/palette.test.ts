import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, suiteTeardown, test } from 'mocha';
import * as vscode from 'vscode';
import { hoverText, pageInFront, pageText, sample, until, write } from './support';

interface Row {
  readonly label: string;
  readonly bytesPerToken: number;
  readonly cacheBytes: number;
  readonly ratio: number;
}

const LLAMA = 'llama-3-8b/config.json';

const run = <T>(command: string, path: string, request?: object): Thenable<T | null> =>
  vscode.commands.executeCommand<T | null>(`headlight.${command}`, sample(path), request);

const closeAll = (): Thenable<unknown> => vscode.commands.executeCommand('workbench.action.closeAllEditors');

suite('palette', function () {
  this.timeout(60_000);
  suiteTeardown(closeAll);

  test('compares a model with other designs of it', async () => {
    const rows = await run<Row[]>('compareAttentionVariants', LLAMA, {
      as: ['mha', 'gqa:8', 'mqa', 'mla:512+64'],
      tokens: 32_768,
    });
    // 2 × 32 layers × heads × 128 × 2 B; MLA: 32 layers × (512 + 64) × 2 B.
    assert.deepEqual(
      rows?.map(({ bytesPerToken }) => bytesPerToken),
      [131_072, 524_288, 131_072, 16_384, 36_864],
    );
    assert.equal(rows?.[2]?.ratio, 1);
    assert.equal(pageInFront()?.scheme, 'headlight-result');
    assert.match(await pageText(), /\| MQA +\| +16 KiB/);
    assert.match(await pageText(), /no weights are converted/);
  });

  test('a result is a page: never dirty, opened once, made anew where it is', async () => {
    const pages = (): vscode.Tab[] =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .filter(({ input }) => input instanceof vscode.TabInputCustom && input.uri.scheme === 'headlight-result');
    await closeAll();
    await run('fitToGpu', LLAMA, { gpu: 'h100-sxm', tokens: 1_024 });
    const first = pageInFront();
    assert.match(first?.path ?? '', /^\/Fit – llama-3-8b\.md$/);
    const before = await pageText();
    await run('fitToGpu', LLAMA, { gpu: 'h100-sxm', tokens: 65_536 });
    assert.equal(pageInFront()?.toString(), first?.toString());
    const followed = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === first?.toString());
    for (let wait = 0; wait < 50 && followed?.getText() === before; wait++)
      await new Promise((done) => setTimeout(done, 100));
    assert.equal(followed?.getText(), await pageText());
    assert.notEqual(followed?.getText(), before);
    await run('explainThisNumber', LLAMA, {});
    assert.match(pageInFront()?.path ?? '', /Derivation/);
    assert.equal(pages().length, 2);
    assert.ok(pages().every(({ isDirty }) => !isDirty));
    assert.deepEqual(new Set(pages().map(({ group }) => group.viewColumn)).size, 1);
    assert.equal(vscode.workspace.textDocuments.filter(({ isUntitled }) => isUntitled).length, 0);
  });

  test('a page can be copied, exported and read as text', async () => {
    await run('compareAttentionVariants', LLAMA, { as: ['mqa'], tokens: 32_768 });
    const page = pageInFront();
    const text = await pageText();
    assert.equal(await vscode.commands.executeCommand('headlight.copyResult', page), true);
    assert.equal(await vscode.env.clipboard.readText(), text);
    const read = async (target: vscode.Uri): Promise<string> => {
      await vscode.commands.executeCommand('headlight.exportResult', page, target);
      return new TextDecoder().decode(await vscode.workspace.fs.readFile(target));
    };
    assert.equal(await read(sample('result.md')), text);
    assert.match(await read(sample('result.csv')), /^[^|]*,[^|]*$/m);
    const html = await read(sample('result.html'));
    assert.match(html, /<td align="left">MQA<\/td>/);
    assert.doesNotMatch(html, /<script|\b(?:src|href)=|https?:/);
    for (const name of ['result.md', 'result.csv', 'result.html']) await vscode.workspace.fs.delete(sample(name));
    assert.equal(await vscode.commands.executeCommand('headlight.openResultSource', page), true);
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), page?.toString());
    await assert.rejects(async () => vscode.workspace.fs.writeFile(page ?? sample('x'), new Uint8Array()));
  });

  test('a page that is no longer here says so', async () => {
    const gone = vscode.Uri.from({ scheme: 'headlight-result', path: '/Fit – gone.md', query: 'x' });
    assert.match((await vscode.workspace.openTextDocument(gone)).getText(), /Run the command that made it again/);
  });

  test('compares a model with others', async () => {
    const rows = await run<Row[]>('compareWithAnotherConfig', LLAMA, {
      with: [sample('deepseek-v3/config.json'), sample('gpt2/config.json')],
    });
    assert.deepEqual(
      rows?.map(({ label }) => label),
      ['llama-3-8b', 'deepseek-v3', 'gpt2'],
    );
    assert.equal(rows?.[1]?.bytesPerToken, 70_272);
    assert.match(await pageText(), /deepseek/);
  });

  test('draws a config beside another one', async () => {
    await closeAll();
    const drawn = await run<{ before: string; after: string }>('drawDifference', LLAMA, {
      with: sample('gpt2/config.json'),
    });
    assert.deepEqual(drawn, { before: 'gpt2', after: 'llama-3-8b' });
    // In the panel beside the editor.
    await until(() =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.includes('headlight')),
    );
    // Itself, as it is on disk, is told apart.
    const own = await run<{ before: string }>('drawDifference', LLAMA, { with: sample(LLAMA) });
    assert.equal(own?.before, 'llama-3-8b (before)');
    await closeAll();
  });

  test('compares a config with its earlier revisions', async () => {
    const config = (kvHeads: number): string =>
      JSON.stringify({
        model_type: 'llama',
        architectures: ['LlamaForCausalLM'],
        hidden_size: 1024,
        num_hidden_layers: 4,
        num_attention_heads: 16,
        num_key_value_heads: kvHeads,
      });
    const folder = sample('revisions');
    const git = (...args: string[]): void =>
      void execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@y', ...args], { cwd: folder.fsPath });
    const uri = await write('revisions/config.json', config(16));
    git('init', '-q');
    for (const kvHeads of [16, 4]) {
      await write('revisions/config.json', config(kvHeads));
      git('add', '.');
      git('commit', '-q', '-m', `${kvHeads} KV heads`);
    }
    const settings = vscode.workspace.getConfiguration('git');
    // Off while other tests run: it would watch their files.
    await settings.update('enabled', true, vscode.ConfigurationTarget.Global);
    const extension = vscode.extensions.getExtension<{ readonly enabled: boolean }>('vscode.git');
    await extension?.activate();
    while (!extension?.exports.enabled) await new Promise((resolve) => setTimeout(resolve, 20));
    const rows = await vscode.commands.executeCommand<Row[]>('headlight.compareWithAnotherConfig', uri, {
      revisions: 1,
    });
    const drawn = await vscode.commands.executeCommand<{ before: string } | null>('headlight.drawDifference', uri, {
      revision: 1,
    });
    await settings.update('enabled', false, vscode.ConfigurationTarget.Global);
    assert.match(drawn?.before ?? '', /^revisions @ [0-9a-f]{8}$/);
    assert.deepEqual(
      rows.map(({ bytesPerToken }) => bytesPerToken),
      [4 * 2 * 4 * 64 * 2, 4 * 2 * 16 * 64 * 2],
    );
    assert.match(rows[1]?.label ?? '', /^revisions @ [0-9a-f]{8}$/);
    await vscode.workspace.fs.delete(folder, { recursive: true });
  });

  test('shows the cache at another workload, under every rule', async () => {
    const at = await run<{ totalBytes: number; engines: { engine: string; steadyBytes: number }[] }>(
      'showKvCacheAt',
      LLAMA,
      { tokens: 131_072, batch: 2 },
    );
    assert.equal(at?.totalBytes, 131_072 * 131_072 * 2);
    assert.equal(at?.engines.length, 6);
    assert.match(await pageText(), /2 × 131,072 tokens/);
    assert.match(await pageText(), /vLLM/);
  });

  test('sets options of the engine, and says what is none', async () => {
    const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('headlight');
    const set = (options: object): Thenable<boolean> =>
      vscode.commands.executeCommand<boolean>('headlight.setEngineOptions', undefined, { options });
    await settings().update('scenario.engine', 'vllm', vscode.ConfigurationTarget.Global);
    try {
      assert.equal(await set({ 'block-size': 64, 'async-scheduling': false }), true);
      assert.deepEqual(settings().inspect('scenario.engineOptions')?.globalValue, {
        vllm: { 'block-size': 64, 'async-scheduling': false },
      });
      // 1 token takes a page of 64: 64 × 128 KiB.
      const at = await run<{ totalBytes: number }>('showKvCacheAt', LLAMA, { tokens: 1, batch: 1 });
      assert.equal(at?.totalBytes, 64 * 131_072);
      assert.match(await pageText(), /vLLM 2026-08 · block-size=64 · async-scheduling=false/);
      assert.equal(await set({ 'blok-size': 64 }), false);
      assert.equal(await set({ 'block-size': 0 }), false);
      assert.equal(await set({}), true);
      assert.equal(settings().inspect('scenario.engineOptions')?.globalValue, undefined);
    } finally {
      await settings().update('scenario.engine', undefined, vscode.ConfigurationTarget.Global);
      await settings().update('scenario.engineOptions', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  test('fits a model to a device', async () => {
    const report = await run<{
      fits: boolean;
      weights: { exact: boolean };
      longestContext: { value: number };
      low: { longestContext: { value: number } };
      high: { longestContext: { value: number } };
    }>('fitToGpu', LLAMA, { gpu: 'h100-sxm', tokens: 8_192 });
    assert.equal(report?.fits, true);
    // Of 79.2 GiB × 0.9, 15 GiB are weights and 1 to 5 activations; 128 KiB a token.
    const contexts = report && [report.low, report, report.high].map(({ longestContext }) => longestContext.value);
    const [low = 0, middle = 0, high = 0] = contexts ?? [];
    assert.ok(low > 400_000 && low < middle && middle < high && high < 465_000, String(contexts));
    assert.equal(report?.weights.exact, false);
    assert.match(await pageText(), /estimated/);
  });

  test('asks about a weight file', async () => {
    interface Answer {
      readonly verdict: string;
      readonly cacheBytes: number;
      readonly weights: { readonly exact: boolean; readonly chosen?: { readonly format: string } };
    }
    const ask = (question: string, file?: vscode.Uri): Thenable<Answer | null> =>
      vscode.commands.executeCommand(`headlight.${'willItFit'}`, file, { question });
    // A name that no bundled model has is none.
    assert.equal(await ask('no such model'), null);
    const named = await ask('Llama 3 8B int4:32, RTX 4090, 8192, vllm');
    assert.equal(named?.verdict, 'fits');
    assert.equal(named?.weights.chosen?.format, 'int4:32');
    const root = vscode.extensions.all.find(
      ({ packageJSON }) => (packageJSON as { name: string }).name === 'headlight',
    );
    const samples = vscode.Uri.joinPath(root?.extensionUri ?? sample('.'), 'media', 'samples');
    const file = await ask('RTX 4090, 100 × 2', vscode.Uri.joinPath(samples, 'gqa', 'model.safetensors'));
    assert.equal(file?.verdict, 'fits');
    assert.equal(file?.weights.exact, true);
    assert.equal(file?.weights.chosen, undefined);
    assert.ok((file?.cacheBytes ?? 0) > 0);
  });

  test('weights that lie beside the config are exact', async () => {
    const copied = await vscode.commands.executeCommand<vscode.Uri>('headlight.openSampleModels', {
      target: sample('.'),
    });
    const report = await vscode.commands.executeCommand<{ weights: { exact: boolean; bytes: number } }>(
      'headlight.fitToGpu',
      vscode.Uri.joinPath(copied, 'mla', 'config.json'),
      { gpu: 'rtx-4090' },
    );
    assert.equal(report.weights.exact, true);
    const { size } = await vscode.workspace.fs.stat(vscode.Uri.joinPath(copied, 'mla', 'model.safetensors'));
    // All of the file but its header.
    assert.ok(report.weights.bytes > size * 0.9 && report.weights.bytes < size, `${report.weights.bytes} of ${size}`);
    await vscode.workspace.fs.delete(copied, { recursive: true });
  });

  test('converts the KV heads of a config, in one step to undo', async () => {
    const before = `{\n    // kept\n    "model_type": "llama",\n    "architectures": ["LlamaForCausalLM"],\n    "hidden_size": 256,\n    "num_hidden_layers": 2,\n    "num_attention_heads": 8,\n    "num_key_value_heads": 8\n}\n`;
    const uri = await write('convert/config.json', before);
    assert.equal(await vscode.commands.executeCommand('headlight.convertAttention', uri, { kvHeads: 2 }), true);
    const document = await vscode.workspace.openTextDocument(uri);
    assert.equal(document.getText(), before.replace('"num_key_value_heads": 8', '"num_key_value_heads": 2'));
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), before);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  test('does not convert what has no KV heads', async () => {
    const uri = sample('deepseek-v3/config.json');
    const text = (await vscode.workspace.openTextDocument(uri)).getText();
    assert.equal(await vscode.commands.executeCommand('headlight.convertAttention', uri, { kvHeads: 2 }), false);
    assert.equal((await vscode.workspace.openTextDocument(uri)).getText(), text);
  });

  test('explains a number: every factor with its key and line', async () => {
    const text = await run<string>('explainThisNumber', LLAMA, { key: 'num_key_value_heads', tokens: 32_768 });
    const { lineCount } = await vscode.workspace.openTextDocument(sample(LLAMA));
    for (const key of ['num_hidden_layers', 'num_key_value_heads', 'hidden_size', 'torch_dtype']) {
      const line = new RegExp(`\`${key}\`[^|]*\\| *(\\d+) \\|`).exec(text ?? '')?.[1];
      if (key !== 'torch_dtype') assert.ok(Number(line) >= 1 && Number(line) <= lineCount, `${key}: ${line}`);
    }
    assert.match(text ?? '', /\*\*KV heads, g\*\* +\| +8/);
    assert.match(text ?? '', /4 GiB/);
    assert.equal(await pageText(), text);
  });

  test('exports a comparison as Markdown, CSV and JSON', async () => {
    const read = async (format: string): Promise<string> => {
      const target = sample(`export.${format}`);
      await run('exportComparison', LLAMA, { format, target, as: ['mqa'], tokens: 32_768 });
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(target));
      await vscode.workspace.fs.delete(target);
      return text;
    };
    assert.match(await read('markdown'), /\| MQA +\|/);
    assert.match(await read('csv'), /^design,[^\r]*\r\n[^\r]*\r\nMQA,1,32768,bf16,intrinsic,16384,536870912,/);
    const { rows } = JSON.parse(await read('json')) as { rows: Row[] };
    assert.deepEqual(
      rows.map(({ cacheBytes }) => cacheBytes),
      [4 * 2 ** 30, 2 ** 29],
    );
  });

  test('opens a sample model where it lies, not to be edited', async () => {
    const uri = await vscode.commands.executeCommand<vscode.Uri>('headlight.openSampleModels', { open: 'mqa' });
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), uri.toString());
    assert.match(await hoverText(uri, 'num_key_value_heads'), /MQA/);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  test('says it when there is no config to be about', async () => {
    await closeAll();
    await vscode.commands.executeCommand('workbench.action.files.newUntitledFile');
    // Nothing is asked: the command ends by itself.
    assert.equal(await vscode.commands.executeCommand('headlight.compareAttentionVariants'), null);
  });
});

suite('diff', () => {
  test('the hover tells what a change does', async () => {
    const config = (kvHeads: number): string =>
      JSON.stringify(
        {
          model_type: 'llama',
          architectures: ['LlamaForCausalLM'],
          hidden_size: 4096,
          num_hidden_layers: 32,
          num_attention_heads: 32,
          num_key_value_heads: kvHeads,
          torch_dtype: 'bfloat16',
        },
        null,
        2,
      );
    // Two files of one path in different folders of time: git's own documents have the path, too, and another scheme.
    const after = await write('diff/config.json', config(2));
    const before = after.with({ scheme: 'headlight-test-revision' });
    const provider = vscode.workspace.registerTextDocumentContentProvider(before.scheme, {
      provideTextDocumentContent: () => config(8),
    });
    try {
      assert.doesNotMatch(await hoverText(after, 'num_key_value_heads'), /This change/);
      await vscode.commands.executeCommand('vscode.diff', before, after, 'config.json (before ↔ now)');
      for (const side of [before, after])
        assert.match(
          await hoverText(side, 'num_key_value_heads'),
          /This change:.*4 GiB .*→ 1 GiB .*÷ 4, at 1 × 32,768 tokens/,
        );
    } finally {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      provider.dispose();
    }
  });
});
