/** Findings of test/robust that need the machine's own: files of the system that have no end, all threads in pipes, brackets by the ten thousand. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { ComputeClient } from '../../../src/compute/client';
import { openRegular } from '../../../src/weights/regularFile';
import { buildCompute } from '../compute/support/computeBundle';
import { sampleConfig } from '../support';
import { eachOrSkip } from '../support/cases';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');
const WAIT_MS = 10_000;
/** Threads that libuv reads files with: as many pipes keep all of them, where opening one waits. */
const THREADS = 4;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-exact-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ readonly code: number; readonly text: string; readonly ms: number }> {
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text);
  const start = performance.now();
  const code = await runCli(args, { out: write, err: write });
  const text = lines.join('\n');
  expect(text).not.toMatch(/internal error|\n\s+at /);
  return { code, text, ms: performance.now() - start };
}

function pipeIn(name: string, file: string): string {
  mkdirSync(join(folder, name));
  if (spawnSync('mkfifo', [join(folder, name, file)]).status !== 0) throw new Error('mkfifo');
  return join(folder, name, file);
}

describe.skipIf(process.platform !== 'linux')('files of the system that have no end', () => {
  // The first waits for the next message of the kernel, the second is refused at any place, the third has 8 bytes for each page of memory.
  eachOrSkip(['/proc/kmsg', '/proc/self/mem', '/proc/self/pagemap', '/dev/kmsg'], 'none', (path) => {
    it(`${path}: refused in words, by its name and by a link`, { timeout: 60_000 }, async () => {
      const place = mkdtempSync(join(folder, 'link-'));
      for (const name of ['config.json', 'model.gguf', 'model.safetensors']) symlinkSync(path, join(place, name));
      for (const file of [path, place, join(place, 'model.gguf'), join(place, 'model.safetensors')]) {
        for (const command of [['estimate'], ['lint'], ['fit', '--gpu', 'h100-sxm']]) {
          const { code, text, ms } = await run(...command, file);
          expect([file, code]).toEqual([file, 1]);
          expect(text).not.toBe('');
          expect(ms).toBeLessThan(WAIT_MS);
        }
      }
    });
  });
});

describe.skipIf(process.platform === 'win32')(`${THREADS} pipes and more at once`, () => {
  it('on the command line: each is refused, and what is beside them is read', { timeout: 60_000 }, async () => {
    const names = ['config.json', 'model.gguf', 'model.safetensors', 'tokenizer.json', 'hf_quant_config.json'];
    const pipes = names.map((name) => pipeIn(`cli-${name}`, name));
    const good = join(folder, 'good.json');
    writeFileSync(good, sampleConfig('llama-3-8b'));
    const asked = pipes.map((pipe) => run('estimate', pipe));
    const read = await run('estimate', good);
    expect([read.code, read.ms < WAIT_MS]).toEqual([0, true]);
    for (const { code, ms } of await Promise.all(asked)) expect([code, ms < WAIT_MS]).toEqual([1, true]);
  });

  it('in the extension host: opening them waits for nobody', { timeout: 60_000 }, async () => {
    const pipes = Array.from({ length: 2 * THREADS }, (_, index) => pipeIn(`host-${index}`, 'config.json'));
    const good = join(folder, 'host.json');
    writeFileSync(good, '{}');
    const refused = pipes.map((pipe) => expect(openRegular(pipe, 'No.')).rejects.toThrow('but a pipe'));
    await (await openRegular(good, 'No.')).close();
    await Promise.all(refused);
  });

  it('in the compute process: each call fails in words, and the next is answered', { timeout: 120_000 }, async () => {
    const compute = await buildCompute();
    const client = new ComputeClient({ script: compute.script, threads: 1, lowPriority: false, graceMs: 1_000 });
    try {
      const models = Array.from({ length: THREADS }, (_, index) => {
        const path = join(folder, `model-${index}`);
        cpSync(SAMPLE, path, { recursive: true });
        rmSync(join(path, 'model.safetensors'));
        if (spawnSync('mkfifo', [join(path, 'model.safetensors')]).status !== 0) throw new Error('mkfifo');
        return path;
      });
      const start = performance.now();
      const refused = models.map((path) =>
        expect(client.call('heads/model', { path }, { deadlineMs: WAIT_MS })).rejects.toThrow(/pipe/),
      );
      await Promise.all(refused);
      expect(performance.now() - start).toBeLessThan(WAIT_MS);
      await client.call('heads/model', { path: SAMPLE }, { deadlineMs: WAIT_MS });
    } finally {
      client.dispose();
      await compute.remove();
    }
  });
});

describe('brackets behind slashes, 20,000 times', () => {
  const INNER = '"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":2';
  eachOrSkip(
    [`{${INNER},"x":${'[//'.repeat(20_000)}`, `{${INNER},"x":${'[//\n'.repeat(20_000)}`, '[//'.repeat(20_000)],
    'none',
    (text) => {
      it(`${JSON.stringify(text.slice(-5))}: a sentence, in no time`, { timeout: 60_000 }, async () => {
        const file = join(folder, 'brackets.json');
        writeFileSync(file, text);
        for (const command of ['estimate', 'lint']) {
          const { code, text: said, ms } = await run(command, file);
          // What stands before them is read, as while somebody types.
          expect([command, code]).toEqual([command, text.startsWith('{') && command === 'estimate' ? code : 1]);
          expect([0, 1]).toContain(code);
          expect(said).not.toBe('');
          expect(ms).toBeLessThan(WAIT_MS);
        }
      });
    },
  );
});
