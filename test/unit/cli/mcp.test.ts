/** The tools over the protocol, asked by the protocol's own client: the server as it is built, in a process of its own. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { buildCli, buildMcp } from '../support/bundles';
import { sampleConfig, samplePath } from '../support';

const ROOT = resolve(import.meta.dirname, '../../..');
const LLAMA = samplePath('llama-3-8b');

let folder = '';
let client: Client;

beforeAll(async () => {
  // Beneath the tensor libraries, which stay packages.
  folder = mkdtempSync(join(ROOT, 'node_modules/.cache/headlight-mcp-'));
  await Promise.all([buildCli(join(folder, 'cli.js')), buildMcp(folder)]);
  client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [join(folder, 'cli.js'), 'mcp'], cwd: folder }),
  );
}, 60_000);
afterAll(async () => {
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly text: string;
  readonly isError: boolean;
}

async function call(name: string, input: Record<string, unknown>): Promise<Answer> {
  const { content, isError } = (await client.callTool({ name, arguments: input })) as {
    readonly content: readonly { readonly text: string }[];
    readonly isError?: boolean;
  };
  return { text: content.map(({ text }) => text).join('\n'), isError: isError === true };
}

/** What the command line prints for the same question. */
async function printed(...args: string[]): Promise<string> {
  let out = '';
  await runCli(args, { out: (text) => (out += `${text}\n`), err: () => undefined });
  return out.trimEnd();
}

it('lists its tools, each with a schema and what it is for', async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual(['compare', 'draw', 'estimate', 'explain', 'fit', 'lint']);
  for (const { description, inputSchema, annotations } of tools) {
    expect(description?.length).toBeGreaterThan(40);
    expect(Object.keys(inputSchema.properties ?? {})).toContain('config');
    expect(annotations?.readOnlyHint).toBe(true);
  }
});

it('answers as the command line does', async () => {
  const scenario = { tokens: 131_072, batch: 4, engine: 'vllm@0.11', kvDtype: 'fp8', tensorParallel: 2 };
  const flags = ['--tokens=131072', '--batch=4', '--engine=vllm@0.11', '--kv-dtype=fp8', '--tp=2'];
  expect((await call('estimate', { path: LLAMA, ...scenario })).text).toBe(
    await printed('estimate', LLAMA, ...flags, '--json'),
  );
  expect((await call('explain', { path: LLAMA, ...scenario })).text).toBe(await printed('estimate', LLAMA, ...flags));
  expect(
    (await call('compare', { path: LLAMA, as: ['mha', 'mla:512+64'], device: 'h100-sxm', tokens: 8192 })).text,
  ).toBe(await printed('compare', LLAMA, '--as=mha,mla:512+64', '--gpu=h100-sxm', '--tokens=8192', '--json'));
  expect((await call('draw', { path: LLAMA, width: 480, theme: 'dark' })).text).toBe(
    await printed('draw', LLAMA, '--width=480', '--theme=dark'),
  );
});

it('compares several configs', async () => {
  const { text } = await call('compare', { paths: [LLAMA, samplePath('deepseek-v3')], tokens: 8192 });
  const { rows } = JSON.parse(text) as { readonly rows: readonly { readonly bytesPerToken: number }[] };
  expect(rows.map(({ bytesPerToken }) => bytesPerToken)).toEqual([131_072, 70_272]);
});

it('says that something does not fit, and what is wrong in a config, as answers', async () => {
  const fit = await call('fit', { path: LLAMA, device: 'rtx-4090', tokens: 1_000_000, batch: 64, engine: 'vllm' });
  expect(fit.isError).toBe(false);
  expect(JSON.parse(fit.text)).toMatchObject({ fits: false, verdict: 'doesNotFit' });
  const wrong = sampleConfig('llama-3-8b').replace('"num_key_value_heads": 8', '"num_key_value_heads": 5');
  const lint = await call('lint', { config: wrong });
  expect(lint.isError).toBe(false);
  const { problems } = JSON.parse(lint.text) as { readonly problems: readonly { readonly severity: string }[] };
  expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
});

it('takes the text of a config, keeps nothing of it, and names no place of its own', async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('headlight-mcp-'));
  const { text } = await call('estimate', { config: sampleConfig('llama-3-8b'), tokens: 32_768 });
  expect(JSON.parse(text)).toMatchObject({ bytesPerToken: 131_072, cacheBytes: 4 * 2 ** 30 });
  const broken = await call('estimate', { config: '{"model_type": "llama",' });
  expect(broken).toMatchObject({ isError: true });
  expect(broken.text).toMatch(/^config\.json:1: /);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('headlight-mcp-'))).toEqual(before);
});

it('refuses what it was not asked for', async () => {
  expect(await call('estimate', {})).toEqual({ isError: true, text: 'Give a path or the text of a config.' });
  expect((await call('estimate', { path: LLAMA, tokens: 0 })).isError).toBe(true);
  expect((await call('estimate', { path: LLAMA, engine: 'nothing' })).text).toMatch(/^--engine .*$/);
  const hub = await call('estimate', { path: 'hf:org/name' });
  expect(hub).toMatchObject({ isError: true });
  expect(hub.text).toContain('headlight mcp --hub');
  // A path is a path, also where it looks like an option.
  writeFileSync(join(folder, '--out=pwned.svg'), sampleConfig('llama-3-8b'));
  expect((await call('draw', { path: '--out=pwned.svg' })).text).toMatch(/^<svg/);
  expect(readdirSync(folder)).not.toContain('pwned.svg');
});
