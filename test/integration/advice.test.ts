import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, suiteSetup, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, hoverText, othersSince, sample, until, write } from './support';

interface Api {
  familyStatus(): { readonly text: string; readonly detail: string; readonly warning: boolean } | null;
  work(): Readonly<Record<string, number>>;
}

const SETTINGS = vscode.workspace.getConfiguration('headlight');

async function withSetting(key: string, value: unknown, body: () => Promise<void>): Promise<void> {
  await SETTINGS.update(key, value, vscode.ConfigurationTarget.Global);
  try {
    await body();
  } finally {
    await SETTINGS.update(key, undefined, vscode.ConfigurationTarget.Global);
  }
}

async function api(): Promise<Api> {
  return (await headlight().activate()) as Api;
}

/** Shows a file, and waits for the lens: from then on every provider is there. */
async function show(uri: vscode.Uri): Promise<vscode.TextEditor> {
  const editor = await vscode.window.showTextDocument(uri);
  await until(async () => (await lenses(uri)).length > 0);
  return editor;
}

async function lenses(uri: vscode.Uri): Promise<string[]> {
  const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
  return found
    .filter(({ command }) => command?.command.startsWith('headlight.'))
    .map(({ command }) => command?.title ?? '');
}

async function placeOf(uri: vscode.Uri, word: string): Promise<vscode.Position> {
  const document = await vscode.workspace.openTextDocument(uri);
  return document.positionAt(document.getText().indexOf(word) + 2);
}

const WHOLE = new vscode.Range(0, 0, 10_000, 0);

async function hints(uri: vscode.Uri): Promise<string[]> {
  const document = await vscode.workspace.openTextDocument(uri);
  const found = await vscode.commands.executeCommand<vscode.InlayHint[]>('vscode.executeInlayHintProvider', uri, WHOLE);
  return found.map(
    ({ label, position }) =>
      `${document.lineAt(position).text.trim().slice(0, 30)} ${typeof label === 'string' ? label : label.map(({ value }) => value).join('')}`,
  );
}

function problems(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Headlight');
}

const ruleOf = ({ code }: vscode.Diagnostic): string => String(typeof code === 'object' ? code.value : code);

async function actions(
  uri: vscode.Uri,
  range: vscode.Range,
  kind: vscode.CodeActionKind,
): Promise<vscode.CodeAction[]> {
  return vscode.commands.executeCommand<vscode.CodeAction[]>(
    'vscode.executeCodeActionProvider',
    uri,
    range,
    kind.value,
  );
}

/** The range of a text in a document. */
function rangeOf(document: vscode.TextDocument, text: string): vscode.Range {
  const offset = document.getText().indexOf(text);
  assert.notEqual(offset, -1, `no "${text}" in ${document.uri.path}`);
  return new vscode.Range(document.positionAt(offset), document.positionAt(offset + text.length));
}

async function edit(document: vscode.TextDocument, text: string, replacement: string): Promise<void> {
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, rangeOf(document, text), replacement);
  assert.ok(await vscode.workspace.applyEdit(change));
}

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 8192,
  dtype: 'bfloat16',
};

const config = (changes: object = {}): string => `${JSON.stringify({ ...CONFIG, ...changes }, null, 4)}\n`;

/** From a keystroke to what it changes: of work, and by the clock from the edit's arrival in the host. */
const LIMIT_MS = 50;
/** Share of the processors: above it others than VS Code's own window are at work. */
const BUSY = 0.8;

suite('advice', () => {
  suiteSetup(async () => {
    await api();
    await show(sample('llama-3-8b/config.json'));
  });

  suite('lens', () => {
    test('counts in GB and back by one command, as hover and status do', async () => {
      const uri = sample('llama-3-8b/config.json');
      const hoverText = async (): Promise<string> => {
        const found = await vscode.commands.executeCommand<vscode.Hover[]>(
          'vscode.executeHoverProvider',
          uri,
          await placeOf(uri, 'num_key_value_heads'),
        );
        return found
          .flatMap(({ contents }) => contents.map((each) => (each as vscode.MarkdownString).value))
          .join('\n');
      };
      await vscode.commands.executeCommand('headlight.switchUnits');
      try {
        await until(async () => (await lenses(uri))[0] === 'GQA · 131.1 kB/token');
        assert.match((await lenses(uri))[1] ?? '', /^4\.29 GB at/);
        assert.match(await hoverText(), /4\.29 GB \(4 GiB\)/);
        assert.ok(
          (await hints(uri)).some((hint) => hint.includes('1.07 GB of cache')),
          (await hints(uri)).join('\n'),
        );
      } finally {
        await vscode.commands.executeCommand('headlight.switchUnits');
      }
      await until(async () => (await lenses(uri))[0] === 'GQA · 128 KiB/token');
      assert.match(await hoverText(), /4 GiB \(4\.29 GB\)/);
      await SETTINGS.update('units', undefined, vscode.ConfigurationTarget.Global);
    });

    test('says design and cost, then the scenario; both can be clicked', async () => {
      const uri = sample('llama-3-8b/config.json');
      const found = (
        await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri)
      ).map(({ command }) => command);
      const [design, scenario] = found.filter((command) => command?.command.startsWith('headlight.'));
      assert.equal(design?.title, 'GQA · 128 KiB/token');
      assert.equal(design.command, 'headlight.openPanel');
      assert.match(
        scenario?.title ?? '',
        /^4 GiB at 1 × 32,768 tokens · bf16 · (\d+ to )?\d+ sequences fit on H100 SXM/,
      );
      assert.equal(scenario?.command, 'headlight.changeScenario');
    });

    test('follows the scenario, and can be switched off', async () => {
      const uri = sample('llama-3-8b/config.json');
      await withSetting('scenario.tokens', 1024, async () =>
        assert.match((await lenses(uri))[1] ?? '', /^128 MiB at 1 × 1,024 tokens/),
      );
      const atScenario = async (): Promise<string> => (await lenses(uri))[1] ?? '';
      await withSetting('scenario.batch', 2, async () =>
        assert.match(await atScenario(), /^8 GiB at 2 × 32,768 tokens/),
      );
      await withSetting('scenario.kvDtype', 'fp8', async () =>
        assert.match(await atScenario(), /^2 GiB at 1 × 32,768 tokens · fp8/),
      );
      await withSetting('scenario.engine', 'vllm', async () => assert.match(await atScenario(), /bf16 · vLLM · /));
      await withSetting('scenario.gpu', 'rtx-4090', async () =>
        assert.match(await atScenario(), /at most 1 sequence fits on GeForce RTX 4090$/),
      );
      await withSetting('scenario.tensorParallel', 2, async () =>
        assert.match(await atScenario(), /sequences fit on 2 × H100 SXM/),
      );
      await withSetting('codeLens.enabled', false, async () => assert.deepEqual(await lenses(uri), []));
    });

    test('knows a family that was taught', async () => {
      const { num_key_value_heads: _, ...rest } = CONFIG;
      const uri = await write(
        'taught/config.json',
        JSON.stringify({ ...rest, model_type: 'my_model', kv_groups: 4 }, null, 2),
      );
      await show(uri);
      await withSetting(
        'families',
        { my_model: { like: 'llama', keys: { kv_groups: 'num_key_value_heads' } } },
        async () => {
          await until(async () => (await lenses(uri))[0] === 'GQA · 64 KiB/token');
        },
      );
    });

    test('is absent in other JSON files', async () => {
      const uri = await write('other.json', '{"num_key_value_heads": 8, "hidden_size": 4096}');
      await vscode.workspace.openTextDocument(uri);
      assert.deepEqual(await lenses(uri), []);
      assert.deepEqual(await hints(uri), []);
    });

    test('is there in documents without a file', async () => {
      const document = await vscode.workspace.openTextDocument({ language: 'json', content: config() });
      assert.match((await lenses(document.uri))[0] ?? '', /GQA/);
      assert.match(await hoverText(document.uri, 'num_key_value_heads'), /131,072 B\/token/);
    });

    test('is there in documents of a virtual file system', async () => {
      const provider = vscode.workspace.registerTextDocumentContentProvider('headlight-test', {
        provideTextDocumentContent: () => config(),
      });
      try {
        const document = await vscode.workspace.openTextDocument(
          vscode.Uri.parse('headlight-test:/somewhere/config.json'),
        );
        assert.match((await lenses(document.uri))[0] ?? '', /GQA/);
        assert.match(await hoverText(document.uri, 'num_key_value_heads'), /131,072 B\/token/);
      } finally {
        provider.dispose();
      }
    });
  });

  suite('hf_quant_config.json beside a config', () => {
    const QUANTISED =
      '{"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}}';
    const tools = async (path: string): Promise<string> => {
      const { content } = await vscode.lm.invokeTool('headlight_estimate', {
        input: { path },
        toolInvocationToken: undefined,
      });
      return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('');
    };

    test('says the format of the cache: in lens, hover, view and tools, and as soon as it comes, changes and goes', async () => {
      const uri = await write('modelopt/config.json', config());
      await show(uri);
      const [cost] = await lenses(uri);
      assert.equal(cost, 'GQA · 128 KiB/token');
      const file = await write('modelopt/hf_quant_config.json', QUANTISED);
      // 2 × 32 layers × 8 heads × 128 × 1 B.
      await until(async () => (await lenses(uri))[0] === 'GQA · 64 KiB/token');
      assert.match(await hoverText(uri, 'num_key_value_heads'), /65,536 B\/token[\s\S]*fp8/);
      assert.match(await tools('modelopt'), /"kvDtype":"fp8"/);
      const found =
        await vscode.commands.executeCommand<{ label: string; description: string }[]>('headlight.findModelConfigs');
      assert.equal(found.find(({ label }) => label === 'modelopt')?.description, '2 GiB · GQA · 64 KiB/token');
      await write('modelopt/hf_quant_config.json', QUANTISED.replace('"FP8"}', '"NVFP4"}'));
      await until(async () => (await lenses(uri))[0] === 'GQA · 36 KiB/token');
      await vscode.workspace.fs.delete(file);
      await until(async () => (await lenses(uri))[0] === 'GQA · 128 KiB/token');
    });

    test('is known to the first answer of a command', async () => {
      await write('modelopt-first/hf_quant_config.json', QUANTISED);
      const uri = await write('modelopt-first/config.json', config());
      const rows = await vscode.commands.executeCommand<{ bytesPerToken: number }[]>(
        'headlight.compareWithAnotherConfig',
        sample('gpt2/config.json'),
        { with: [uri] },
      );
      assert.equal(rows[1]?.bytesPerToken, 65_536);
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    });
  });

  test('in a diff lens and hint show the change', async () => {
    const uri = await write('diff/config.json', config({ num_key_value_heads: 2 }));
    const provider = vscode.workspace.registerTextDocumentContentProvider('headlight-before', {
      provideTextDocumentContent: () => config(),
    });
    try {
      await vscode.commands.executeCommand('vscode.diff', uri.with({ scheme: 'headlight-before' }), uri);
      const found = await until(async () => (await lenses(uri)).find((title) => title.includes('This diff')));
      assert.equal(
        found,
        'This diff: 4 GiB (4.29 GB) → 1 GiB (1.07 GB), ÷ 4, at 1 × 32,768 tokens; 131,072 → 32,768 B/token',
      );
      // It leads to what differs, drawn: from the left side to the right one.
      const all = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
      const lens = all.find(({ command }) => command?.title === found)?.command;
      assert.equal(lens?.command, 'headlight.drawDifference');
      const drawn = await vscode.commands.executeCommand<{ before: string; after: string } | null>(
        lens.command,
        ...(lens.arguments ?? []),
      );
      assert.deepEqual(drawn, { before: 'diff (before)', after: 'diff' });
      // Where diffs have no lenses (diffEditor.codeLens is off by default) a hint says it.
      assert.ok(
        (await hints(uri)).includes('"num_key_value_heads": 2, → 1 GiB of cache, ÷ 4'),
        (await hints(uri)).join('\n'),
      );
      // The old text, on the left, has none.
      const left = await hints(uri.with({ scheme: 'headlight-before' }));
      assert.ok(!left.some((hint) => hint.includes('of cache, ÷')), left.join('\n'));
    } finally {
      await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
      provider.dispose();
    }
  });

  suite('inlay hints', () => {
    test('stand beside the values', async () => {
      const found = await hints(sample('llama-3-8b/config.json'));
      assert.ok(found.includes('"num_key_value_heads": 8, → 8 groups of 4'), found.join('\n'));
      assert.ok(found.includes('"model_type": "llama", → 128 KiB of cache per token'), found.join('\n'));
      assert.ok(found.includes('"hidden_size": 4096, → head dim 128'), found.join('\n'));
    });

    test('stay at their keys while the file is half-typed', async () => {
      const uri = await write('hints/config.json', config());
      const { document } = await show(uri);
      await edit(document, '"hidden_size": 4096', '"hidden_size": 4096,\n    "head');
      const found = await hints(uri);
      assert.ok(found.includes('"num_key_value_heads": 8, → 8 groups of 4'), found.join('\n'));
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    });

    test('can be switched off', async () => {
      await withSetting('inlayHints.enabled', false, async () =>
        assert.deepEqual(await hints(sample('llama-3-8b/config.json')), []),
      );
    });
  });

  suite('language status', () => {
    test('says family and exactness, warns of a guess, and goes with the file', async () => {
      const { familyStatus } = await api();
      await show(sample('deepseek-v3/config.json'));
      assert.deepEqual(await until(() => (familyStatus()?.text.startsWith('deepseek') ? familyStatus() : null)), {
        text: 'deepseek_v3 · exact',
        detail: 'MLA, read by the rules of deepseek-mla',
        warning: false,
      });
      await show(await write('guess/config.json', config({ model_type: 'nobody_knows' })));
      const guessed = await until(() => (familyStatus()?.text.startsWith('nobody') ? familyStatus() : null));
      assert.equal(guessed.text, 'nobody_knows · not exact');
      assert.ok(guessed.warning);
      assert.match(guessed.detail, /is not known/);
      await withSetting('languageStatus.enabled', false, async () =>
        assert.equal(await until(() => familyStatus() === null), true),
      );
      await vscode.window.showTextDocument(await write('plain.json', '{"a": 1}'));
      await until(() => familyStatus() === null);
    });
  });

  suite('problems', () => {
    test('are found, with a rule that links to its page', async () => {
      const uri = await write('wrong/config.json', config({ num_key_value_heads: 7 }));
      const { document } = await show(uri);
      const [found] = await until(
        () =>
          problems(uri).filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error).length > 0 &&
          problems(uri).filter((problem) => ruleOf(problem) === 'heads-not-divisible'),
      );
      assert.ok(found);
      assert.equal(document.getText(found.range), '7');
      assert.match(found.message, /32 ÷ 7 leaves 4/);
      const target = typeof found.code === 'object' ? found.code.target : undefined;
      assert.ok(target);
      const page = await vscode.workspace.openTextDocument(target);
      assert.match(page.getText(), /# heads-not-divisible\n[\s\S]*\*\*error\*\*/);
    });

    test('go with the value that they are about while another is typed, and the others stay', async () => {
      const uri = await write('deleted/config.json', config({ num_key_value_heads: 7, torch_dtype: 'float16' }));
      const { document } = await show(uri);
      const rules = (): string[] => problems(uri).map(ruleOf);
      await until(() => rules().includes('heads-not-divisible') && rules().includes('dtype-disagrees'));
      await edit(document, '"num_key_value_heads": 7', '"num_key_value_heads": ');
      await until(() => !rules().includes('heads-not-divisible'));
      const other = problems(uri).find((problem) => ruleOf(problem) === 'dtype-disagrees');
      assert.ok(other && document.lineAt(other.range.start.line).text.includes('dtype'));
      await edit(document, '"num_key_value_heads": ', '"num_key_value_heads": 7');
      await until(() => rules().includes('heads-not-divisible'));
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    });

    test('Apply mends one, in the layout of the file', async () => {
      const uri = await write('apply/config.json', config({ num_key_value_heads: 7 }));
      const { document } = await show(uri);
      const found = await until(() => problems(uri).find((problem) => ruleOf(problem) === 'heads-not-divisible'));
      const fix = await until(async () =>
        (await actions(uri, found.range, vscode.CodeActionKind.QuickFix)).find(
          ({ title }) => title === 'Set num_key_value_heads to 4',
        ),
      );
      assert.ok(fix.edit && fix.isPreferred);
      assert.ok(await vscode.workspace.applyEdit(fix.edit));
      assert.equal(document.getText(), config({ num_key_value_heads: 4 }));
      await until(() => problems(uri).every((problem) => ruleOf(problem) !== 'heads-not-divisible'));
    });

    test('Apply removes a key that should not be there', async () => {
      const uri = await write('remove/config.json', config({ torch_dtype: 'float16' }));
      const { document } = await show(uri);
      const found = await until(() => problems(uri).find((problem) => ruleOf(problem) === 'dtype-disagrees'));
      const fix = await until(async () =>
        (await actions(uri, found.range, vscode.CodeActionKind.QuickFix)).find(({ title }) =>
          title.startsWith('Remove torch_dtype'),
        ),
      );
      assert.ok(fix.edit);
      assert.ok(await vscode.workspace.applyEdit(fix.edit));
      assert.equal(document.getText(), config());
    });

    test('Explain opens the page of the rule', async () => {
      const uri = await write('explain/config.json', config({ num_key_value_heads: 7 }));
      await show(uri);
      const found = await until(() => problems(uri).find((problem) => ruleOf(problem) === 'heads-not-divisible'));
      const explain = (
        await until(async () =>
          (
            await actions(uri, found.range, vscode.CodeActionKind.QuickFix)
          ).find(({ title }) => title === 'What does "heads-not-divisible" mean?'),
        )
      ).command;
      assert.ok(explain);
      const before = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).length;
      await vscode.commands.executeCommand(explain.command, ...(explain.arguments ?? []));
      const labels = await until(() => {
        const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
        return tabs.length > before && tabs.map(({ label }) => label);
      });
      assert.ok(
        labels.some((label) => label.includes('heads-not-divisible')),
        labels.join(', '),
      );
      await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    });

    test('Ignore silences a rule in one file, or everywhere', async () => {
      const texts = ['ignore-a/config.json', 'ignore-b/config.json'];
      const [a, b] = await Promise.all(texts.map((path) => write(path, config({ num_key_value_heads: 7 }))));
      assert.ok(a && b);
      await show(a);
      await show(b);
      const has = (uri: vscode.Uri): boolean =>
        problems(uri).some((problem) => ruleOf(problem) === 'heads-not-divisible');
      await until(() => has(a) && has(b));
      const ignore = async (uri: vscode.Uri, title: string): Promise<void> => {
        const [first] = problems(uri).filter((problem) => ruleOf(problem) === 'heads-not-divisible');
        assert.ok(first);
        const command = (await actions(uri, first.range, vscode.CodeActionKind.QuickFix)).find(
          (action) => action.title === title,
        )?.command;
        assert.ok(command, title);
        await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
      };
      try {
        await ignore(a, 'Ignore heads-not-divisible in this file');
        await until(() => !has(a));
        assert.ok(has(b));
        assert.deepEqual(vscode.workspace.getConfiguration('headlight', a).get('lint.ignore'), [
          'heads-not-divisible@ignore-a/config.json',
        ]);
        await ignore(b, 'Ignore heads-not-divisible everywhere');
        await until(() => !has(b));
      } finally {
        await vscode.workspace
          .getConfiguration('headlight', a)
          .update('lint.ignore', undefined, vscode.ConfigurationTarget.WorkspaceFolder);
      }
      await until(() => has(a) && has(b));
    });

    test('what published models do as well is a hint, and all can be switched off', async () => {
      const uri = await write('quiet/config.json', config({ head_dim: 64 }));
      await show(uri);
      const found = await until(() => problems(uri).find((problem) => ruleOf(problem) === 'head-dim-differs'));
      assert.equal(found.severity, vscode.DiagnosticSeverity.Hint);
      await withSetting('lint.enabled', false, async () => {
        await until(() => problems(uri).length === 0);
      });
    });

    test('published configs have neither errors nor warnings', async () => {
      const uris = ['llama-3-8b', 'deepseek-v3', 'gpt2', 'mistral-7b-v0.1', 'qwen3-8b'].map((name) =>
        sample(`${name}/config.json`),
      );
      for (const uri of uris) await vscode.workspace.openTextDocument(uri);
      const lints = (await api()).work()['lints'] ?? 0;
      // A change of the scenario checks every open file again.
      await withSetting('scenario.batch', 2, async () => {
        await until(async () => ((await api()).work()['lints'] ?? 0) >= lints + uris.length);
      });
      for (const uri of uris)
        assert.deepEqual(
          problems(uri).filter(({ severity }) => severity < vscode.DiagnosticSeverity.Hint),
          [],
          uri.path,
        );
    });
  });

  suite('refactorings', () => {
    const offered = async (uri: vscode.Uri, at: string): Promise<vscode.CodeAction[]> => {
      const { document } = await show(uri);
      return actions(uri, rangeOf(document, at), vscode.CodeActionKind.RefactorRewrite);
    };

    test('make it GQA with other groups, MQA or MHA, and say what that costs', async () => {
      const uri = await write('refactor/config.json', config());
      const found = await offered(uri, '"num_key_value_heads"');
      assert.deepEqual(
        found.map(({ title }) => title),
        [
          'Make it GQA with 4 groups (64 KiB/token, ÷ 2)',
          'Make it GQA with 2 groups (32 KiB/token, ÷ 4)',
          'Make it GQA with 16 groups (256 KiB/token, × 2)',
          'Make it MQA (16 KiB/token, ÷ 8)',
          'Make it MHA (512 KiB/token, × 4)',
        ],
      );
      const change = found[1]?.edit;
      assert.ok(change && (await vscode.workspace.applyEdit(change)));
      assert.equal((await vscode.workspace.openTextDocument(uri)).getText(), config({ num_key_value_heads: 2 }));
    });

    test('write the key where it is missing', async () => {
      const { num_key_value_heads: _, ...rest } = CONFIG;
      const uri = await write('refactor-mha/config.json', JSON.stringify(rest, null, 2));
      const mqa = (await offered(uri, '"num_attention_heads"')).find(({ title }) => title.startsWith('Make it MQA'));
      assert.ok(mqa?.edit && (await vscode.workspace.applyEdit(mqa.edit)));
      assert.equal(
        (JSON.parse((await vscode.workspace.openTextDocument(uri)).getText()) as { num_key_value_heads: number })
          .num_key_value_heads,
        1,
      );
    });

    test('are not offered on other values, nor for a latent', async () => {
      assert.deepEqual(await offered(await write('refactor-no/config.json', config()), '"hidden_size"'), []);
      assert.deepEqual(await offered(sample('deepseek-v3/config.json'), '"num_attention_heads"'), []);
    });
  });

  suite('completion and schema', () => {
    const complete = async (uri: vscode.Uri, position: vscode.Position): Promise<vscode.CompletionItem[]> => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        uri,
        position,
        undefined,
        30,
      );
      return list.items;
    };
    const labelOf = ({ label }: vscode.CompletionItem): string =>
      (typeof label === 'string' ? label : label.label).replaceAll('"', '');
    const descriptionOf = ({ label }: vscode.CompletionItem): string =>
      typeof label === 'string' ? '' : (label.description ?? '');

    test('offers divisors with what each costs, each once', async () => {
      const uri = await write('complete/config.json', config());
      const { document } = await show(uri);
      const items = await complete(uri, rangeOf(document, '8,\n    "max').start);
      const counts = items.filter((item) => /^\d+$/.test(labelOf(item)));
      assert.deepEqual(
        counts.map(labelOf).sort((a, b) => Number(a) - Number(b)),
        ['1', '2', '4', '8', '16', '32'],
      );
      assert.equal(
        descriptionOf(counts.find((item) => labelOf(item) === '4') ?? counts[0] ?? { label: '' }),
        'GQA, groups of 8 · 64 KiB/token',
      );
    });

    test('offers the keys of the family, once, and types the value', async () => {
      const uri = await write(
        'complete-key/config.json',
        '{\n  "model_type": "mistral",\n  "architectures": ["X"],\n  "num_hidden_layers": 2,\n  \n}\n',
      );
      await show(uri);
      const items = await complete(uri, new vscode.Position(4, 2));
      const kv = items.filter((item) => labelOf(item) === 'num_key_value_heads');
      assert.equal(kv.length, 1, items.map(labelOf).join(', '));
      const insert = kv[0]?.insertText;
      assert.equal(typeof insert === 'string' ? insert : insert?.value, '"num_key_value_heads": ${1:8}');
      assert.ok(!items.some((item) => ['kv_lora_rank', 'n_head', 'num_hidden_layers'].includes(labelOf(item))));
    });

    test('offers element types and kinds of layers', async () => {
      const uri = await write('complete-words/config.json', config({ layer_types: ['full_attention'] }));
      const { document } = await show(uri);
      const dtypes = (await complete(uri, rangeOf(document, '"bfloat16"').start.translate(0, 1))).map(labelOf);
      assert.equal(dtypes.filter((label) => label === 'float32').length, 1, dtypes.join(', '));
      const kinds = (await complete(uri, rangeOf(document, '"full_attention"').start.translate(0, 1))).map(labelOf);
      assert.ok(kinds.includes('sliding_attention'), kinds.join(', '));
    });

    test('is silent in other JSON, and can be switched off', async () => {
      const uri = await write('settings/config.json', '{\n  "name": "x",\n  \n}');
      await vscode.window.showTextDocument(uri);
      // Words of other files, which the editor offers everywhere, are of the kind Text.
      const offered = (await complete(uri, new vscode.Position(2, 2))).filter(
        ({ kind }) => kind !== vscode.CompletionItemKind.Text,
      );
      assert.deepEqual(offered.map(labelOf), []);
      const model = await write('complete-off/config.json', config());
      const { document } = await show(model);
      await withSetting('completion.enabled', false, async () => {
        const items = await complete(model, rangeOf(document, '8,\n    "max').start);
        assert.deepEqual(items.filter((item) => labelOf(item) === '16').map(descriptionOf), []);
      });
    });

    test('the schema describes keys of a model config, and nothing of another config.json', async () => {
      const model = await write('schema/config.json', config({ hidden_size: '4096' }));
      await show(model);
      // The editor's own JSON support loads the schema in its own time.
      const described = await until(async () => {
        const text = await hoverText(model, 'num_key_value_heads');
        return text.includes('shared by a group of query heads') && text;
      });
      assert.equal(described.split('shared by a group of query heads').length, 2, 'described once');
      await until(() =>
        vscode.languages
          .getDiagnostics(model)
          .some(({ source, message }) => source !== 'Headlight' && message.includes('integer')),
      );
      const other = await write(
        'schema-other/config.json',
        JSON.stringify({ hidden_size: '4096', num_key_value_heads: 'x', name: 'mine' }),
      );
      await vscode.window.showTextDocument(other);
      assert.doesNotMatch(await hoverText(other, 'num_key_value_heads'), /group of query heads/);
      assert.deepEqual(vscode.languages.getDiagnostics(other), []);
    });
  });

  suite('settings.json', () => {
    test('completes an engine and the options by its own names, and underlines what is none', async () => {
      const uri = await write(
        '.vscode/settings.json',
        '{\n  "headlight.scenario.engine": "vlm",\n  "headlight.scenario.engineOptions": { "vllm": { "blok-size": 1, "num-speculative-tokens": -1,  } }\n}\n',
      );
      const document = await vscode.workspace.openTextDocument(uri);
      await vscode.window.showTextDocument(document);
      try {
        const offered = async (before: string): Promise<vscode.CompletionItem[]> => {
          const at = document.positionAt(document.getText().indexOf(before) + before.length);
          return (
            await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', uri, at)
          ).items;
        };
        const labels = (items: readonly vscode.CompletionItem[]): string[] =>
          items.map(({ label }) => (typeof label === 'string' ? label : label.label).replaceAll('"', ''));
        // The editor's own JSON support loads the schema in its own time.
        const options = await until(async () => {
          const items = await offered('"num-speculative-tokens": -1, ');
          return labels(items).includes('block-size') && items;
        });
        const names = labels(options);
        assert.ok(names.includes('gpu-memory-utilization') && !names.includes('page-size'), names.join());
        assert.ok(labels(await offered('"headlight.scenario.engine": "v')).includes('vllm@0.11'));
        const problems = await until(() => {
          const found = vscode.languages.getDiagnostics(uri).map(({ message }) => message);
          return found.length >= 3 && found.join('\n');
        });
        assert.match(problems, /blok-size/);
        assert.match(problems, /minimum of 0/);
        assert.match(problems, /vllm@2026-08/);
      } finally {
        await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
        // Not deleted: the editor would take its open text for unsaved, and write no settings any more.
        await write('.vscode/settings.json', '{}\n');
      }
    });
  });

  suite('python', () => {
    const SOURCE =
      'from transformers import LlamaConfig\n\nconfig = LlamaConfig(\n    hidden_size=4096,\n    num_attention_heads=32,\n    num_key_value_heads=8,\n)\nother = {"a": 1}\n';

    test('hovers on arguments of configuration classes', async () => {
      const uri = await write('model.py', SOURCE);
      assert.match(await hoverText(uri, 'num_key_value_heads'), /131,072 B\/token[\s\S]*line 6/);
      assert.doesNotMatch(await hoverText(uri, '"a"'), /token/);
      await withSetting('python.enabled', false, async () =>
        assert.doesNotMatch(await hoverText(uri, 'num_key_value_heads'), /token/),
      );
    });

    test('scans no source without one', async () => {
      const { work } = await api();
      const before = work()['pythonScans'];
      await hoverText(await write('plain.py', 'import os\nnum_key_value_heads = 8\n'), 'num_key');
      assert.equal(work()['pythonScans'], before);
    });
  });

  suite('cost', () => {
    test('editing other files costs nothing', async () => {
      const { work } = await api();
      const source = (await vscode.window.showTextDocument(await write('notes.txt', 'const a = 1;\n'))).document;
      const other = (await vscode.window.showTextDocument(await write('package-like.json', '{\n  "name": "x"\n}\n')))
        .document;
      // What opening them (and the tests before) set in motion must have ended.
      await until(async () => {
        const counts = JSON.stringify(work());
        await new Promise((resolve) => setTimeout(resolve, 500));
        return JSON.stringify(work()) === counts;
      });
      const quiet = (counts: Readonly<Record<string, number>>): object => ({ ...counts, looks: 0, cpuMs: 0 });
      const before = work();
      for (let round = 0; round < 10; round++) await edit(source, 'const', 'const ');
      // Longer than any debounce.
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual(work(), before, 'a text file');
      for (let round = 0; round < 10; round++) await edit(other, '"x', '"xx');
      await new Promise((resolve) => setTimeout(resolve, 300));
      // A look is a search of the text; nothing was read, planned or checked.
      assert.deepEqual(quiet(work()), quiet(before), 'another JSON');
    });

    test('a keystroke reaches lens, hints and problems in under 50 ms on 300 lines', async function () {
      this.timeout(90_000);
      const base = readFileSync(sample('llama-3-8b/config.json').fsPath, 'utf8').trimEnd();
      const padding = Array.from(
        { length: 300 - base.split('\n').length },
        (_, index) => `  "extra_key_${index}": ${index},`,
      ).join('\n');
      const uri = await write('perf/config.json', base.replace('{\n', `{\n${padding}\n`));
      const { document } = await show(uri);
      const { work } = await api();
      let heads = '8';
      const keystroke = async (): Promise<{ cpu: number; clock: number; host: number }> => {
        const next = heads === '8' ? '7' : '8';
        const before = work()['cpuMs'] ?? Number.NaN;
        const start = performance.now();
        let [changed, published] = [Number.NaN, Number.NaN];
        const listening = vscode.workspace.onDidChangeTextDocument((event) => {
          if (event.document === document) changed = performance.now();
        });
        // Looked at, not listened to: the editor holds its event back for 50 ms.
        const reported = (async () => {
          while (problems(uri).some((problem) => ruleOf(problem) === 'heads-not-divisible') !== (next === '7'))
            await new Promise((resolve) => setTimeout(resolve, 1));
          published = performance.now();
        })();
        await edit(document, `"num_key_value_heads": ${heads}`, `"num_key_value_heads": ${next}`);
        heads = next;
        const [lens, hint] = await Promise.all([lenses(uri), hints(uri), reported]);
        listening.dispose();
        assert.match(lens[0] ?? '', heads === '8' ? /^GQA · 128 KiB/ : /^GQA · ≈ 112 KiB/);
        assert.ok(hint.some((text) => text.endsWith(heads === '8' ? '→ 8 groups of 4' : 'does not divide 32')));
        return {
          cpu: (work()['cpuMs'] ?? Number.NaN) - before,
          clock: performance.now() - start,
          host: published - changed,
        };
      };
      const p95 = (values: number[]): number =>
        values.sort((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;
      const many = async (): Promise<{ cpu: number; host: number; others: number }> => {
        const times: Awaited<ReturnType<typeof keystroke>>[] = [];
        const others = othersSince();
        for (let round = 0; round < 30; round++) times.push(await keystroke());
        const [cpu, clock, host] = [
          p95(times.map((time) => time.cpu)),
          p95(times.map((time) => time.clock)),
          p95(times.map((time) => time.host)),
        ];
        const share = others();
        console.log(
          `keystroke to lens, hints and problems on 300 lines, 95th percentile: ${cpu.toFixed(1)} ms CPU, ${host.toFixed(1)} ms clock from the edit's arrival in the host to its problems (25 of them waiting for the next keystroke), ${clock.toFixed(1)} ms with the editor's own requests; others took ${(100 * share).toFixed(0)} % of the processors`,
        );
        return { cpu, host, others: share };
      };
      for (let round = 0; round < 10; round++) await keystroke();
      const first = await many();
      assert.ok(first.cpu < LIMIT_MS, `${first.cpu} ms of work`);
      // The editor's window draws beside this host. Where anything else takes the processors the clock says nothing about us.
      const slow = ({ host, others }: typeof first): boolean => others < BUSY && !(host < LIMIT_MS);
      assert.ok(!slow(first) || !slow(await many()), `${first.host} ms by the clock, twice`);
    });
  });
});
