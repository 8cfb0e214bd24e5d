import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, sample, write } from './support';

async function invoke(tool: string, input: object): Promise<string> {
  await headlight().activate();
  const { content } = await vscode.lm.invokeTool(tool, { input, toolInvocationToken: undefined });
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('');
}

const lastLine = (text: string): unknown => JSON.parse(text.slice(text.lastIndexOf('\n') + 1));

suite('language-model tools', () => {
  test('estimate answers with our numbers', async () => {
    const text = await invoke('headlight_estimate', { path: 'llama-3-8b/config.json', tokens: 32_768 });
    assert.match(text, /131,072 B/);
    const numbers = lastLine(text) as { bytesPerToken: number; totalBytes: number; parameters: number };
    assert.deepEqual(
      [numbers.bytesPerToken, numbers.totalBytes, numbers.parameters],
      [131_072, 4 * 2 ** 30, 8_030_261_248],
    );
  });

  test('estimate takes an engine with its release, and says which there are', async () => {
    const ask = (engine: string): Promise<string> =>
      invoke('headlight_estimate', { path: 'llama-3-8b/config.json', tokens: 1, engine });
    assert.match(await ask('vllm@0.11'), /at 1 × 1 token · bf16 · vLLM 0\.11/);
    assert.deepEqual((lastLine(await ask('vllm')) as { release: string }).release, '2026-08');
    assert.match(await ask('vllm@9'), /^Error: engine vllm@9 is not supported: use one of .*vllm@0\.11/);
  });

  test('estimate takes a folder, an absolute path, and a text', async () => {
    assert.match(await invoke('headlight_estimate', { path: 'deepseek-v3' }), /70,272 B/);
    assert.match(await invoke('headlight_estimate', { path: sample('deepseek-v3/config.json').fsPath }), /70,272 B/);
    const config = JSON.stringify({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
    });
    assert.match(await invoke('headlight_estimate', { config }), /512 B per token/);
  });

  test('compare answers for designs and for models', async () => {
    const designs = lastLine(
      await invoke('headlight_compare', { path: 'llama-3-8b/config.json', as: ['mqa', 'gqa:3'] }),
    ) as { label: string; bytesPerToken: number }[];
    assert.deepEqual(
      designs.map(({ bytesPerToken }) => bytesPerToken),
      [131_072, 16_384],
    );
    const text = await invoke('headlight_compare', { paths: ['llama-3-8b', 'gpt2'] });
    assert.deepEqual(
      (lastLine(text) as { label: string }[]).map(({ label }) => label),
      ['llama-3-8b', 'gpt2'],
    );
  });

  test('lint answers with lines and fixes', async () => {
    await write(
      'wrong/config.json',
      JSON.stringify(
        {
          model_type: 'llama',
          architectures: ['LlamaForCausalLM'],
          hidden_size: 64,
          num_hidden_layers: 2,
          num_attention_heads: 4,
          num_key_value_heads: 3,
        },
        null,
        2,
      ),
    );
    assert.match(await invoke('headlight_lint', { path: 'wrong' }), /line \d+: error: .*\[/);
    assert.match(await invoke('headlight_lint', { path: 'llama-3-8b' }), /no problems/);
  });

  test('nothing outside of the workspace is read, and long answers are cut', async () => {
    for (const path of ['../../../etc/passwd', '/etc/passwd', '/'])
      assert.match(await invoke('headlight_estimate', { path }), /^Error: .* not in the workspace/);
    assert.match(await invoke('headlight_estimate', {}), /^Error: give path/);
    assert.match(await invoke('headlight_estimate', { config: '{"name": "x"}' }), /^Error: .*not a model config/);
    const paths = new Array<string>(8).fill('qwen3-8b');
    assert.ok(
      (await invoke('headlight_compare', { paths, as: new Array<string>(20).fill('mla:512+64') })).length < 8_100,
    );
  });

  test('a cancelled call ends', async () => {
    const source = new vscode.CancellationTokenSource();
    source.cancel();
    await assert.rejects(
      Promise.resolve(
        vscode.lm.invokeTool(
          'headlight_estimate',
          { input: { path: 'gpt2' }, toolInvocationToken: undefined },
          source.token,
        ),
      ),
    );
  });
});
