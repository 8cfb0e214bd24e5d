// `draw`: the figure as a file or on stdout, the same each time.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { referenceConfig } from '../support/reference';

const folder = mkdtempSync(join(tmpdir(), 'headlight-draw-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function draw(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: string[][] = [[], []];
  const code = await runCli(['draw', ...args], {
    out: (text) => void out?.push(text),
    err: (text) => void err?.push(text),
  });
  return { code, out: (out ?? []).join('\n'), err: (err ?? []).join('\n') };
}

const config = join(folder, 'config.json');
writeFileSync(config, referenceConfig('llama-3-8b'));

describe('draw', () => {
  it('writes the same file each time, and says how large it is', async () => {
    const files = ['a.svg', 'b.svg'].map((name) => join(folder, name));
    for (const file of files) {
      const { code, out, err } = await draw(config, '--out', file, '--tokens', '32k');
      expect([code, out]).toEqual([0, '']);
      expect(err).toMatch(/\.svg: 1200 × \d+ px$/);
    }
    const [first, second] = files.map((file) => readFileSync(file, 'utf8'));
    expect(first).toBe(second);
    expect(first).toContain('Cached: 4 KiB per token');
    expect(first).toContain('cache 128 KiB per token, 4 GiB at 1 × 32,768 tokens, bf16');
  });

  it('prints it where no file is named, in the theme and width that are asked for', async () => {
    const { code, out } = await draw(config, '--theme', 'dark', '--width', '480');
    expect(code).toBe(0);
    expect(out).toMatch(/^<svg [^>]*width="480"/);
    expect(out.trimEnd()).toMatch(/<\/svg>$/);
  });

  it.each([
    [['--out', 'x.jpg'], '--out takes a file that ends in .svg'],
    [['--theme', 'blue'], '--theme takes light or dark'],
    [['--width', '10'], '--width takes pixels from 280 to 4096'],
    [[config], 'draw takes one PATH'],
  ])('%j: says what it takes', async (args, message) => {
    const { code, err } = await draw(config, ...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
