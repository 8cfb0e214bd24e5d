// `draw`: the figure as a file or on stdout, the same each time.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { buildCli } from '../support/bundles';
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
    expect(first).toContain('cache in bf16: 128 KiB per token; 4 GiB for one sequence of 32,768');
  });

  it('prints it where no file is named, in the theme and width that are asked for', async () => {
    const { code, out } = await draw(config, '--theme', 'dark', '--width', '480');
    expect(code).toBe(0);
    expect(out).toMatch(/^<svg [^>]*width="480"/);
    expect(out.trimEnd()).toMatch(/<\/svg>$/);
  });

  it('draws a step, and gives its numbers', async () => {
    const step = [config, '--flight', 'decode', '--tokens', '8k', '--gpu', 'h100-sxm'];
    const drawn = await draw(...step);
    expect(drawn.out).toContain('A decode step for 1 sequence at 8,192 tokens on H100 SXM 80GB takes at least 4.8 ms');
    const { code, out } = await draw(...step, '--json');
    const { boxes, whole, limit, growth } = JSON.parse(out) as {
      readonly boxes: readonly { readonly id: string; readonly layers: number; readonly weightBytesRead: number }[];
      readonly whole: { readonly weightBytesRead: number; readonly cacheBytesRead: number };
      readonly limit: { readonly titles: readonly string[] };
      readonly growth: readonly unknown[];
    };
    expect(code).toBe(0);
    expect(whole).toMatchObject({ weightBytesRead: 15_009_849_344, cacheBytesRead: 2 ** 30 });
    expect(boxes.reduce((sum, box) => sum + box.layers * box.weightBytesRead, 0)).toBe(whole.weightBytesRead);
    expect(limit.titles).toEqual(['Gate', 'Up', 'Down']);
    expect(growth).toMatchObject([{ bytes: 2 ** 30, window: null }]);
  });

  it('gives no times of a step whose weights do not fit', async () => {
    const { code, out } = await draw(
      modelFolder('deepseek-r1'),
      ...['--flight', 'decode', '--gpu', 'h100-sxm', '--json'],
    );
    const { boxes, whole, boxAfterBoxTimeS, limit, says } = JSON.parse(out) as {
      readonly boxes: readonly { readonly timeS: unknown; readonly limitedBy: unknown; readonly share: unknown }[];
      readonly whole: { readonly weightBytesRead: number; readonly timeS: unknown; readonly limitedBy: unknown };
      readonly boxAfterBoxTimeS: unknown;
      readonly limit: unknown;
      readonly says: readonly string[];
    };
    expect(code).toBe(0);
    expect(says.join(' ')).toContain('cannot run');
    expect([whole.timeS, whole.limitedBy, boxAfterBoxTimeS, limit]).toEqual([null, null, null, null]);
    expect(boxes.length).toBeGreaterThan(10);
    expect(boxes.flatMap(({ timeS, limitedBy, share }) => [timeS, limitedBy, share]).filter(Boolean)).toEqual([]);
    // What it would have to read is known all the same.
    expect(whole.weightBytesRead).toBeGreaterThan(1e9);
  });

  it.each([
    [['--out', 'x.jpg'], '--out takes a file that ends in .svg, .png or .html'],
    [['--scale', '9'], '--scale must be a number from 0 to 8'],
    [['--scale', '0'], '--scale must be a number above 0'],
    [['--json'], 'it needs --diff OTHER, or --flight'],
    [['--blocks', 'mamba'], 'no kind of layer is called mamba. This figure has A (full attention; full)'],
    [['--flight', 'both'], '--flight takes decode or prefill'],
    [['--flight', 'decode', '--gpu', 'abacus'], '--gpu must be one of'],
    [['--gpu', 'h100-sxm'], '--gpu needs --flight decode or prefill'],
    [['--batch', '3'], '--batch needs --flight decode or prefill'],
    [['--theme', 'blue'], '--theme takes light or dark'],
    [['--width', '10'], '--width takes pixels from 280 to 4096'],
    [[config], 'draw takes one PATH'],
  ])('%j: says what it takes', async (args, message) => {
    const { code, err } = await draw(config, ...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

function modelFolder(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.json'), referenceConfig(name));
  return path;
}

describe('draw --diff', () => {
  const [llama2, llama3] = [modelFolder('llama-2-7b'), modelFolder('llama-3-8b')];

  it('draws the two beside each other, and says what differs', async () => {
    const { code, out } = await draw(llama2, '--diff', llama3);
    expect(code).toBe(0);
    expect(out).toContain('llama-2-7b → llama-3-8b');
    expect(out).toContain('32 → 8 KV heads, ÷ 4 cache');
  });

  it('prints the difference as one JSON object', async () => {
    const { code, out } = await draw(llama2, '--diff', llama3, '--json');
    expect(code).toBe(0);
    const made = JSON.parse(out) as {
      same: boolean;
      model: { path: string; before: unknown; after: unknown }[];
      kinds: { changes: object[] }[];
    };
    expect(made.same).toBe(false);
    expect(made.model).toContainEqual({ path: 'vocabulary', before: 32_000, after: 128_256 });
    expect(made.kinds[0]?.changes).toContainEqual({ path: 'attention.kvHeads', before: 32, after: 8 });
  });

  it('opens the kinds that are named, under any of their names', async () => {
    const other = modelFolder('gemma-2-2b');
    const boxes = async (...names: string[]): Promise<string[]> => {
      const { code, out } = await draw(modelFolder('gemma-3-1b'), '--diff', other, '--blocks', names.join(','));
      expect(code).toBe(0);
      return [...new Set([...out.matchAll(/id="after\.layer\.([A-Z])\./g)].map(([, letter]) => letter ?? ''))];
    };
    expect(await boxes('A')).toEqual(['A']);
    expect(await boxes('full')).toEqual(['B']);
    expect(await boxes('Full attention', ' a')).toEqual(['A', 'B']);
    const { code, err } = await draw(llama2, '--diff', llama3, '--blocks', 'latent');
    expect(code).toBe(2);
    expect(err).toContain('no kind of layer is called latent. This figure has A (full attention; full)');
  });

  it('tells two files of one name apart', async () => {
    const { out } = await draw(llama2, '--diff', llama2);
    expect(out).toContain('llama-2-7b (first) and llama-2-7b (second) do not differ');
  });

  it('says which of the two cannot be read', async () => {
    const { code, err } = await draw(llama2, '--diff', join(folder, 'nothing'));
    expect(code).toBe(1);
    expect(err).toContain('nothing: no such file');
  });
});

describe('draw --blocks', () => {
  it('leaves the others out', async () => {
    const path = modelFolder('gpt-oss-20b');
    const { out } = await draw(path, '--blocks', 'sliding');
    expect(out).toContain('id="layer.A.');
    expect(out).not.toContain('id="layer.B.');
  });
});

describe('a PNG', () => {
  /** Width and height, from the header. */
  const sizeOf = (png: Buffer): readonly [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)];

  it('has the figure at its scale, and the same bytes each time, also in another process', async () => {
    const files = ['a.png', 'b.png', 'c.png'].map((name) => join(folder, name));
    const [first = '', second = '', third = ''] = files;
    const asked = [config, '--width', '480', '--scale', '1.5'];
    const { err } = await draw(...asked, '--out', first);
    await draw(...asked, '--out', second);
    const size = /: (\d+) × (\d+) px/.exec(err)?.slice(1).map(Number);
    const png = readFileSync(first);
    expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
    expect(sizeOf(png)).toEqual(size);
    expect(sizeOf(png)[0]).toBe(720);
    expect(readFileSync(second).equals(png)).toBe(true);
    // As it is built: the packages are found beside it.
    const cli = resolve(import.meta.dirname, `../../../node_modules/.cache/headlight-draw-${process.pid}.cjs`);
    await buildCli(cli);
    try {
      const { status, stderr } = spawnSync(process.execPath, [cli, 'draw', ...asked, '--out', third], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, expect.stringContaining('px')]);
    } finally {
      rmSync(cli, { force: true });
    }
    expect(readFileSync(third).equals(png)).toBe(true);
  }, 60_000);

  it('has text: what is written in another theme or of another model are other bytes', async () => {
    const [light, dark, other] = ['light.png', 'dark.png', 'other.png'].map((name) => join(folder, name));
    const narrow = ['--width', '320', '--scale', '0.5'];
    await draw(config, ...narrow, '--out', light ?? '');
    await draw(config, ...narrow, '--theme', 'dark', '--out', dark ?? '');
    // As large as the first: only words are others.
    const renamed = join(folder, 'Config.json');
    writeFileSync(renamed, referenceConfig('llama-3-8b'));
    await draw(renamed, ...narrow, '--out', other ?? '');
    const [one, two, three] = [light, dark, other].map((file) => readFileSync(file ?? ''));
    expect(one?.equals(two ?? Buffer.of())).toBe(false);
    expect(one?.equals(three ?? Buffer.of())).toBe(false);
  });

  it('that would be too large is refused in a sentence', async () => {
    const { code, err } = await draw(
      modelFolder('gemma-3n-e4b'),
      '--width',
      '4096',
      '--scale',
      '8',
      '--out',
      join(folder, 'x.png'),
    );
    expect(code).toBe(1);
    expect(err).toContain('take a smaller --scale');
  });
});
