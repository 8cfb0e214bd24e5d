/** What is no file: pipes, devices, loops, files of the system. Each is refused in words, and nothing waits. */

import { spawnSync } from 'node:child_process';
import { appendFile, mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { openRegular, readRegular } from '../../../src/weights/regularFile';
import { eachOrSkip } from '../support/cases';

const CONFIG = JSON.stringify({
  model_type: 'llama',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size: 64,
  intermediate_size: 64,
  vocab_size: 100,
});
const posix = process.platform !== 'win32';
const WAIT_MS = 5_000;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-special-'));
  if (!posix) return;
  for (const name of ['config.json', 'model.safetensors', 'model.gguf', 'hf_quant_config.json', 'tokenizer.json'])
    await pipeAt(name);
  await mkdir(join(folder, 'device'));
  await symlink('/dev/zero', join(folder, 'device', 'config.json'));
  await symlink('/dev/zero', join(folder, 'device', 'model.safetensors'));
  await symlink('/dev/zero', join(folder, 'device', 'model.gguf'));
  await symlink(join(folder, 'loop.json'), join(folder, 'loop.json'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function pipeAt(name: string): Promise<void> {
  const made = spawnSync('mkfifo', [join(folder, name)]);
  if (made.status !== 0) throw new Error(`mkfifo: ${String(made.stderr)}`);
}

async function run(...args: string[]): Promise<{ readonly code: number; readonly text: string; readonly ms: number }> {
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text);
  const start = performance.now();
  const code = await runCli(args, { out: write, err: write });
  return { code, text: lines.join('\n'), ms: performance.now() - start };
}

describe.skipIf(!posix)('paths that are no files', () => {
  const PATHS = [
    'config.json',
    'model.safetensors',
    'model.gguf',
    'device/config.json',
    'device/model.gguf',
    'loop.json',
  ];
  const COMMANDS = [['estimate'], ['lint'], ['fit', '--gpu', 'h100-sxm'], ['compare']];
  eachOrSkip(PATHS, 'no paths', (path) => {
    it(`${path}: refused, in no time`, async () => {
      for (const [command = '', ...options] of COMMANDS) {
        const { code, text, ms } = await run(command, join(folder, path), ...options);
        expect([command, code]).toEqual([command, 1]);
        expect(text).not.toMatch(/internal error|\n\s+at /);
        expect(ms).toBeLessThan(WAIT_MS);
      }
    });
    it(`${path}: heads are refused, too`, async () => {
      const { code, text, ms } = await run('heads', join(folder, path), '--layer', '0', '--ids', '1');
      expect(code).toBe(1);
      expect(text).not.toMatch(/internal error|\n\s+at /);
      expect(ms).toBeLessThan(WAIT_MS);
    });
  });

  it('beside a config they are as if they were not there', async () => {
    const place = join(folder, 'model');
    await mkdir(place);
    await writeFile(join(place, 'config.json'), CONFIG);
    for (const name of ['hf_quant_config.json', 'model.safetensors', 'tokenizer.json'])
      await pipeAt(join('model', name));
    const estimate = await run('estimate', place, '--json');
    expect([estimate.code, (JSON.parse(estimate.text) as { exact: boolean }).exact]).toEqual([0, true]);
    expect((await run('fit', place, '--gpu', 'h100-sxm')).code).toBe(0);
    expect((await run('heads', place, '--layer', '0', '--ids', '1', '--seed', '1')).code).toBe(0);
  });

  it('what has another size than it says is read to its end, and no further than allowed', async () => {
    const file = join(folder, 'text');
    await writeFile(file, 'x'.repeat(100));
    expect((await readRegular(file, 100)).length).toBe(100);
    await appendFile(file, 'x');
    await expect(readRegular(file, 100)).rejects.toThrow('it has 101 bytes; more than 100 are not read');
    if (process.platform !== 'linux') return;
    expect((await readRegular('/proc/self/status', 100_000)).length).toBeGreaterThan(100);
    await expect(readRegular('/proc/self/status', 100)).rejects.toThrow('it has more than 100 bytes');
    await expect(openRegular('/dev/zero', 'No.')).rejects.toThrow('not a regular file, but a pipe or a device');
  });
});
