import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, hoverText, sample, write } from './support';

suite('hover', () => {
  test('tells bytes per token and grouping of Llama 3 8B', async () => {
    const text = await hoverText(sample('llama-3-8b/config.json'), 'num_key_value_heads');
    assert.match(text, /131,072/);
    assert.match(text, /8 groups of 4/);
  });

  for (const name of ['package.json', 'tsconfig.json']) {
    test(`is silent in ${name}`, async () => {
      // The same key and value: what the file is about decides, not a word in it.
      const uri = await write(name, '{\n  "name": "x",\n  "num_key_value_heads": 8\n}\n');
      const text = await hoverText(uri, 'num_key_value_heads');
      assert.doesNotMatch(text, /token|group|cache/i);
    });
  }

  test('tells the latent of DeepSeek-V3', async () => {
    const text = await hoverText(sample('deepseek-v3/config.json'), 'kv_lora_rank');
    assert.match(text, /70,272 B\/token/);
  });

  test('shows the scenario, and follows it when it changes', async () => {
    const settings = vscode.workspace.getConfiguration('headlight');
    const uri = sample('llama-3-8b/config.json');
    assert.match(await hoverText(uri, 'num_key_value_heads'), /1 × 32,768 tokens · bf16 · theoretical minimum/);
    await settings.update('scenario.tokens', 4_096, vscode.ConfigurationTarget.Global);
    await settings.update('scenario.batch', 8, vscode.ConfigurationTarget.Global);
    try {
      assert.match(await hoverText(uri, 'num_key_value_heads'), /8 × 4,096 tokens/);
    } finally {
      await settings.update('scenario.tokens', undefined, vscode.ConfigurationTarget.Global);
      await settings.update('scenario.batch', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  test('follows the engine, its release and its options, and says what of them is none', async () => {
    const settings = vscode.workspace.getConfiguration('headlight');
    const { Global, Workspace } = vscode.ConfigurationTarget;
    const uri = sample('llama-3-8b/config.json');
    const text = (): Promise<string> => hoverText(uri, 'num_key_value_heads');
    await settings.update('scenario.tokens', 1, Global);
    try {
      await settings.update('scenario.engine', 'vllm', Global);
      assert.match(await text(), /2 MiB .*at 1 × 1 token · bf16 · vLLM 2026\\?-08/);
      await settings.update('scenario.engine', 'vllm@0.11', Global);
      assert.match(await text(), /· vLLM 0\\?\.11/);
      await settings.update('scenario.engineOptions', { vllm: { 'block-size': 32 } }, Global);
      assert.match(await text(), /4 MiB .*at 1 × 1 token · bf16 · vLLM 0\\?\.11 · block\\?-size\\?=32/);
      // The workspace's before the user's, option by option.
      await settings.update('scenario.engineOptions', { vllm: { 'block-size': 64 } }, Workspace);
      assert.match(await text(), /8 MiB .*block\\?-size\\?=64/);
      await settings.update('scenario.engineOptions', { vllm: { 'blok-size': 64 } }, Workspace);
      const wrong = await text();
      assert.match(wrong, /4 MiB/);
      assert.match(wrong, /Not exact/);
      assert.match(wrong.replaceAll('\\', ''), /headlight\.scenario\.engineOptions: vLLM has no option blok-size/);
    } finally {
      await settings.update('scenario.engineOptions', undefined, Workspace);
      for (const setting of ['tokens', 'engine', 'engineOptions'])
        await settings.update(`scenario.${setting}`, undefined, Global);
    }
  });

  test('can be switched off', async () => {
    const settings = vscode.workspace.getConfiguration('headlight');
    await settings.update('hover.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      assert.doesNotMatch(await hoverText(sample('llama-3-8b/config.json'), 'num_key_value_heads'), /B\/token/);
    } finally {
      await settings.update('hover.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  test('keeps the last good numbers, marked, while the file is half-typed', async () => {
    const uri = await write(
      'half/config.json',
      JSON.stringify(
        {
          model_type: 'llama',
          num_hidden_layers: 2,
          num_attention_heads: 4,
          num_key_value_heads: 2,
          head_dim: 8,
          hidden_size: 32,
        },
        null,
        2,
      ),
    );
    assert.match(await hoverText(uri, 'num_key_value_heads'), /128 B\/token/);
    const editor = await vscode.window.showTextDocument(uri);
    const at = editor.document.getText().indexOf('"head_dim": 8') + '"head_dim": '.length;
    const value = new vscode.Range(editor.document.positionAt(at), editor.document.positionAt(at + 1));
    await editor.edit((edit) => edit.replace(value, '"'));
    const stale = await hoverText(uri, 'num_key_value_heads');
    assert.match(stale, /128 B\/token/);
    assert.match(stale, /before your edit/);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  test('trusts only its own command', async () => {
    const uri = await write(
      'evil/config.json',
      JSON.stringify({
        model_type: '[x](command:workbench.action.quit)',
        num_hidden_layers: 2,
        num_attention_heads: 4,
        hidden_size: 32,
      }),
    );
    await headlight().activate();
    const document = await vscode.workspace.openTextDocument(uri);
    const [hover] = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      uri,
      document.positionAt(document.getText().indexOf('num_attention_heads') + 2),
    );
    const content = hover?.contents[0];
    assert.ok(content instanceof vscode.MarkdownString);
    assert.deepEqual((content.isTrusted as { enabledCommands: string[] }).enabledCommands, [
      'headlight.changeScenario',
      'headlight.showHeads',
      'headlight.explainThisNumber',
      '_headlight.revealLine',
    ]);
    assert.doesNotMatch(
      content.value,
      /\]\(command:(?!headlight\.(?:changeScenario|showHeads|explainThisNumber)\)|_headlight\.revealLine\?%5B\d+%5D\))/,
    );
  });

  test('says what a key is that shapes no cache, what it costs, and when it is not read', async () => {
    const uri = await write(
      'keys/model.json',
      JSON.stringify({
        model_type: 'llama',
        num_hidden_layers: 2,
        num_attention_heads: 4,
        hidden_size: 64,
        intermediate_size: 128,
        vocab_size: 1000,
        rms_norm_eps: 1e-5,
        n_inner: 8,
      }),
    );
    // 2 layers × 3 × 64 × 128 elements.
    assert.match(
      await hoverText(uri, 'intermediate_size'),
      /Intermediate size.*Grows with it: \*\*49\.2 K parameters/s,
    );
    assert.match(await hoverText(uri, 'rms_norm_eps'), /changes neither the cache nor the weights/);
    assert.match(await hoverText(uri, 'n_inner'), /`llama` does not read `n_inner`: it changes nothing here/);
  });

  test('reveals a line by its link, in the file that the hover was over, and nothing for what is no line', async () => {
    const uri = sample('deepseek-v3/config.json');
    const text = await hoverText(uri, 'kv_lora_rank');
    const [, line] = /`torch_dtype` \[line (\d+)\]\(command:_headlight\.revealLine\?%5B\1%5D\)/.exec(text) ?? [];
    assert.ok(line, text);
    const editor = await vscode.window.showTextDocument(uri);
    await vscode.commands.executeCommand('_headlight.revealLine', Number(line));
    assert.match(editor.document.lineAt(editor.selection.active.line).text, /torch_dtype/);
    for (const wrong of [0, 1e9, 1.5, '3', undefined])
      await vscode.commands.executeCommand('_headlight.revealLine', wrong);
    assert.equal(editor.selection.active.line, Number(line) - 1);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });
});
