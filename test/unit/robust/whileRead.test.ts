/** Files that are cut, grow, are replaced, go or become pipes while they are read: everything ends, with an answer or in words. */

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { folderTokenizer } from '../../../src/weights/folderTokenizer';
import { openGguf } from '../../../src/weights/gguf';
import { readRegular } from '../../../src/weights/regularFile';
import { openSafetensors } from '../../../src/weights/safetensors';
import { WeightsError } from '../../../src/weights/weightsError';
import { someOf } from '../support/cases';
import { gguf, ggufValue } from '../weights/files';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');
const WAIT_MS = 10_000;
/** Turns of the event loop after which the file changes: between opening it and the last read lie some. */
const MOMENTS = [0, 1, 2, 4, 7, 12] as const;
/** Of commands, which take longer. */
const FEW_MOMENTS = [1, 5] as const;

let folder = '';
let pipe = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-while-'));
  pipe = join(folder, 'pipe');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Change = (file: string) => void;
const beside = (file: string, content: string | Uint8Array): void => {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
};
const CHANGES: readonly (readonly [what: string, change: Change])[] = [
  ['cut to nothing', (file) => truncateSync(file, 0)],
  ['cut in the middle', (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2))],
  ['grown', (file) => appendFileSync(file, 'x'.repeat(100_000))],
  ['written anew in place', (file) => writeFileSync(file, '{"a":')],
  ['replaced by another', (file) => beside(file, '{}')],
  ['gone', (file) => rmSync(file)],
  [
    'a folder',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
  ...(process.platform === 'win32'
    ? []
    : ([
        [
          'a pipe',
          (file: string): void => {
            if (spawnSync('mkfifo', [pipe]).status !== 0) throw new Error('mkfifo');
            renameSync(pipe, file);
          },
        ],
      ] as const)),
];

async function command(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const code = await runCli(args, { out: () => undefined, err: (text) => lines.push(text) });
  const said = lines.join('\n');
  expect([0, 1]).toContain(code);
  expect(said).not.toMatch(/internal error|undefined|\n\s+at /);
  if (code === 1) expect(said).not.toBe('');
  return code === 0 ? 'answered' : 'in words';
}

async function everyTensor(store: Awaited<ReturnType<typeof openSafetensors>>): Promise<void> {
  try {
    for (const name of store.names()) await store.read(name);
  } finally {
    await store.close();
  }
}

/** What reads which file of the folder. */
const READERS: readonly (readonly [what: string, file: string, read: (at: string) => Promise<unknown>])[] = [
  ['a config', 'config.json', (at) => readRegular(join(at, 'config.json'), 1_000_000)],
  ['a shard', 'model.safetensors', async (at) => everyTensor(await openSafetensors(join(at, 'model.safetensors')))],
  ['a GGUF file', 'model.gguf', async (at) => everyTensor(await openGguf(join(at, 'model.gguf')))],
  ['a tokenizer', 'tokenizer.json', async (at) => (await folderTokenizer(at))?.encode('a b')],
  ['estimate of a config', 'config.json', (at) => command('estimate', at)],
  ['estimate of a GGUF file', 'model.gguf', (at) => command('estimate', join(at, 'model.gguf'))],
  ['fit beside a shard', 'model.safetensors', (at) => command('fit', at, '--gpu', 'h100-sxm')],
  ['heads of a shard', 'model.safetensors', (at) => command('heads', at, '--layer', '0', '--ids', '1,2')],
  ['heads by a tokenizer', 'tokenizer.json', (at) => command('heads', at, '--layer', '0', '--prompt', 'a b')],
];

function model(): string {
  const at = mkdtempSync(join(folder, 'model-'));
  cpSync(SAMPLE, at, { recursive: true });
  const floats = new Uint8Array(4 * 32 * 4096);
  const metadata = {
    'general.architecture': ggufValue.text('llama'),
    'llama.block_count': ggufValue.u32(1),
    'llama.embedding_length': ggufValue.u32(32),
    'llama.attention.head_count': ggufValue.u32(4),
    'llama.context_length': ggufValue.u32(64),
  };
  writeFileSync(
    join(at, 'model.gguf'),
    gguf(metadata, { 'token_embd.weight': { dims: [32, 4096], type: 0, bytes: floats } }),
  );
  return at;
}

/** The outcome of reading a model whose file changes after so many turns. */
async function outcome(
  file: string,
  read: (at: string) => Promise<unknown>,
  change: Change,
  turns: number,
): Promise<string> {
  const at = model();
  const start = performance.now();
  const reading = read(at).then(
    (answer) => (answer === 'in words' ? 'in words' : 'answered'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(WeightsError);
      return 'in words';
    },
  );
  for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
  change(join(at, file));
  const ended = await reading;
  expect(performance.now() - start).toBeLessThan(WAIT_MS);
  rmSync(at, { recursive: true, force: true });
  return ended;
}

describe.each(READERS)('%s', (what, file, read) => {
  it.each(someOf(CHANGES))('ends where the file is %s', { timeout: 120_000 }, async (_, change) => {
    for (const turns of what.includes(' of a ') || what.includes(' by a ') || what.includes(' beside ')
      ? FEW_MOMENTS
      : MOMENTS)
      await outcome(file, read, change, turns);
  });

  it('is answered where nothing changes, and not where the file is gone before', { timeout: 60_000 }, async () => {
    expect(await outcome(file, read, () => undefined, 0)).toBe('answered');
    if (file === 'config.json' || file === 'model.gguf')
      expect(await read(join(folder, 'nowhere')).then(String, () => 'in words')).toBe('in words');
  });
});
