/** `--out F.html`: each command's result as a page in one file. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { samplePath } from '../support';
import { CONFIGS } from '../support/hostile';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-html-'));
  for (const [name, config] of Object.entries(CONFIGS)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'config.json'), JSON.stringify(config));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LLAMA = samplePath('llama-3-8b');
const QWEN = samplePath('qwen3-8b');

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(args, {
    out: (each) => (out += `${each}\n`),
    err: (each) => (err += `${each}\n`),
  });
  return { code, out, err };
}

async function page(name: string, ...args: string[]): Promise<{ code: number; html: string }> {
  const file = join(folder, name);
  const { code, out, err } = await run(...args, '--out', file);
  expect(out).toBe('');
  expect(err).toContain(`${file}: `);
  return { code, html: readFileSync(file, 'utf8') };
}

/** Whatever would be loaded, run, or led to. */
const REACHES = /<script|<link|<iframe|<object|<embed|<base|\bon\w+=|\bsrc=|\bhref=|@import|url\((?!#)|https?:\/\//i;

describe('--out F.html', () => {
  it('estimate: the derivation, and the architecture drawn', async () => {
    const { code, html } = await page('a.html', 'estimate', LLAMA, '--tokens', '32768', '--weights', 'fp8');
    expect(code).toBe(0);
    expect(html).toContain('<h1>llama-3-8b: where 4 GiB (4.29 GB) comes from</h1>');
    expect(html).toMatch(/<code>num_key_value_heads<\/code>/);
    expect(html).toMatch(/<p>Weights [^<]* not counted in the cache\.<\/p>/);
    expect(html).toMatch(/<figure class="drawing"><svg [^]*Cached: 4 KiB per token/);
    expect(html).not.toMatch(REACHES);
  });

  it('compare, diff and draw: what they say', async () => {
    const compared = await page('b.html', 'compare', LLAMA, '--as', 'mha,mla:512+64');
    expect(compared.html).toMatch(/<title>Attention variants of llama-3-8b<\/title>/);
    expect(compared.html).toMatch(/<td align="left">MLA 512 \+ 64<\/td>/);
    const models = await page('c.htm', 'compare', LLAMA, QWEN);
    expect(models.html).toMatch(/<title>llama-3-8b vs\. other models<\/title>/);
    const change = await page('d.html', 'diff', LLAMA, QWEN);
    expect(change.html).toContain('131,072 → 147,456 B/token');
    const drawn = await page('e.html', 'draw', LLAMA, '--diff', QWEN, '--theme', 'dark');
    expect(drawn.html).toMatch(/<title>llama-3-8b and qwen3-8b<\/title>[^]*<svg /);
    for (const { html } of [compared, models, change, drawn]) expect(html).not.toMatch(REACHES);
  });

  it('fit: with a device, without, and not known; its exit code stays', async () => {
    const fit = ['fit', LLAMA, '--weights', 'bf16', '--tokens', '9999999'];
    const one = await page('f.html', ...fit, '--gpu', 'h100-sxm');
    expect(one.code).toBe(3);
    expect(one.html).toMatch(/<h1>llama-3-8b on H100 SXM 80GB<\/h1>\s*<p><strong>does not fit/);
    const all = await page('g.html', ...fit);
    expect(all.html).toContain('<h1>llama-3-8b: what it fits on</h1>');
    const unknown = await page('h.html', 'fit', join(folder, 'mystery'), '--gpu', 'h100-sxm');
    expect(unknown.html).toContain('<strong>Whether it fits is not known.</strong>');
    for (const { html } of [one, all, unknown]) expect(html).not.toMatch(REACHES);
  });

  it.each(Object.keys(CONFIGS))('shows the text of a hostile file as text: %s', async (name) => {
    const file = join(folder, name);
    for (const command of ['estimate', 'compare', 'draw'] as const) {
      const { html } = await page('hostile.html', command, file);
      const markup = html.replace(/<style>[^]*?<\/style>/, '').match(/<[^>]*>/g) ?? [];
      expect(
        markup.filter((tag) => /hostile|evil|alert|<(?:a|img|script)\b/i.test(tag.replace(/ id="[^"]*"/, ''))),
      ).toEqual([]);
    }
  });

  it('refuses other files and two answers at once, before it computes, and leaves nothing', async () => {
    const before = readdirSync(folder);
    expect(await run('estimate', LLAMA, '--out', join(folder, 'x.pdf'))).toMatchObject({ code: 2 });
    expect((await run('compare', LLAMA, '--json', '--out', join(folder, 'x.html'))).err).toMatch(/^--json and --out/);
    expect((await run('draw', LLAMA, '--out', join(folder, 'x.gif'))).err).toContain('.svg, .png or .html');
    expect(readdirSync(folder)).toEqual(before);
  });
});
