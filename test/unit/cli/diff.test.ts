import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { sampleConfig, samplePath } from '../support';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-diff-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function diff(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(['diff', ...args], {
    out: (each) => (out += `${each}\n`),
    err: (each) => (err += `${each}\n`),
  });
  return { code, out, err };
}

function edited(...changes: readonly (readonly [string, string])[]): string {
  const text = changes.reduce((all, [from, to]) => all.replace(from, to), sampleConfig('llama-3-8b'));
  const path = join(folder, 'config.json');
  writeFileSync(path, text);
  return path;
}

it('says first what the change does, then both sides, then each key', async () => {
  const path = edited(['"num_key_value_heads": 8', '"num_key_value_heads": 1'], ['"rope_theta": 500000.0,', '']);
  const { code, out } = await diff(
    samplePath('llama-3-8b'),
    path,
    '--tokens',
    '32768',
    '--engine',
    'vllm',
    '--tp',
    '2',
  );
  expect(code).toBe(0);
  const lines = out.split('\n');
  expect(lines[0]).toMatch(/^### KV cache of headlight-diff-/);
  expect(lines[2]).toMatch(/^\*\*GQA → MQA, 4 GiB .* → 1 GiB .*, ÷ 4, in total at 1 × 32,768 tokens; .*\.\*\*$/);
  expect(out).toMatch(/\| on each device +\| 2 GiB on each of 2 +\| 512 MiB on each of 2 +\|/);
  expect(out).toMatch(/\| `num_key_value_heads` +\| `8` +\| `1` +\|/);
  expect(out).toMatch(/\| `rope_theta` +\| `500000` +\| absent +\|/);
  expect(out).not.toContain('`hidden_size`');
});

it('has the same numbers as JSON', async () => {
  const path = edited(['"num_key_value_heads": 8', '"num_key_value_heads": 4']);
  const { out } = await diff(samplePath('llama-3-8b'), path, '--tokens', '32768', '--json');
  expect(JSON.parse(out)).toMatchObject({
    tokens: 32_768,
    before: { variant: 'GQA', bytesPerToken: 131_072, totalBytes: 4 * 2 ** 30, exact: true },
    after: { bytesPerToken: 65_536, totalBytes: 2 * 2 ** 30 },
    keys: [{ key: 'num_key_value_heads', before: '8', after: '4' }],
  });
});

it('finds no change in a file and itself, and a language model at another place', async () => {
  const own = samplePath('llama-3-8b');
  expect((await diff(own, own)).out).toContain('**The cache is the same.**');
  expect((await diff(own, own)).out).toContain('No key of the language model changed.');
  const path = join(folder, 'nested.json');
  writeFileSync(path, `{"model_type": "llava", "text_config": ${sampleConfig('llama-3-8b')}}`);
  expect((await diff(own, path)).out).toContain('No key of the language model changed.');
});

it('text of the files stays text', async () => {
  const path = edited(['"rope_theta": 500000.0', '"rope_theta": "[a](http://b) | `c` \\u001b[31m"']);
  const { out } = await diff(samplePath('llama-3-8b'), path);
  expect(out).not.toContain('\u001b');
  const row = out.split('\n').find((each) => each.includes('`rope_theta`'));
  expect(row?.replaceAll('\\|', '').match(/\|/g)).toHaveLength(4);
});

it('takes two configs', async () => {
  expect((await diff(samplePath('llama-3-8b'))).err).toMatch(/^diff takes OLD and NEW\n/);
});
