import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';

const CONFIG = {
  model_type: 'qwen2',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  sliding_window: 4096,
  use_sliding_window: false,
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-lint-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: unknown, name = 'config.json'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  return path;
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(['lint', ...args], {
    out: (text) => (out += `${text}\n`),
    err: (text) => (err += `${text}\n`),
  });
  return { code, out, err };
}

describe('lint command', () => {
  it('mentions a byte order mark, which loaders refuse, at the first line; positions are those of the text', async () => {
    const marked = file(`\uFEFF${JSON.stringify({ ...CONFIG, num_key_value_heads: 5 })}`, 'marked.json');
    const { code, out } = await run(marked);
    expect(code).toBe(1);
    expect(out).toMatch(/marked\.json:1: error: The file begins with a byte order mark, .* \[byte-order-mark\]/);
    const { problems } = JSON.parse((await run(marked, '--json')).out) as {
      problems: readonly { rule: string; column: number }[];
    };
    expect(problems.find(({ rule }) => rule === 'byte-order-mark')?.column).toBe(1);
    expect((await run(file(CONFIG))).out).not.toContain('byte-order-mark');
  });

  it('prints file:line: severity: message [rule], and exits 0 below error', async () => {
    const path = file(CONFIG);
    const { code, out, err } = await run(path);
    expect(out).toBe(
      `${path}:7: information: sliding_window 4096 is ignored, because use_sliding_window is false: every layer keeps all tokens. [window-off]\n`,
    );
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  it('prints one JSON object', async () => {
    const path = file({ ...CONFIG, num_key_value_heads: 6 });
    const { code, out } = await run(path, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      file: path,
      problems: [
        {
          rule: 'heads-not-divisible',
          severity: 'error',
          key: 'num_key_value_heads',
          line: 6,
          column: 26,
          message: '32 query heads cannot be split into 6 equal groups: 32 ÷ 6 leaves 2.',
          fix: { title: 'Set num_key_value_heads to 4', key: 'num_key_value_heads', value: 4 },
        },
        expect.objectContaining({
          rule: 'window-off',
          fix: { title: 'Remove sliding_window', key: 'sliding_window', value: null, remove: true },
        }),
      ],
    });
  });

  it('checks the tensor parallelism and the cache format asked for', async () => {
    const path = file(CONFIG);
    expect((await run(path, '--tp', '8')).code).toBe(0);
    const refused = await run(path, '--tp', '3');
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('[tp-heads]');
    expect((await run(file({ ...CONFIG, hidden_size: 2560 }), '--kv-dtype', 'q4_0')).out).toContain('[cache-block]');
    expect((await run(path, '--tp', 'x')).code).toBe(2);
  });

  it('says so when there is nothing to say', async () => {
    const { code, out } = await run(file({ ...CONFIG, sliding_window: null }));
    expect([code, out]).toEqual([0, `${join(folder, 'config.json')}: no problems\n`]);
  });

  it('reports broken JSON as an error, and what can still be read', async () => {
    const { code, out } = await run(file(JSON.stringify({ ...CONFIG, num_key_value_heads: 6 }, null, 2).slice(0, -2)));
    expect(code).toBe(1);
    expect(out).toContain('[json-syntax]');
    expect(out).toContain('[heads-not-divisible]');
  });

  it('exits 1 for what is no model config and 2 for wrong usage', async () => {
    const other = await run(file({ name: 'x' }, 'package.json'), '--json');
    expect([other.code, other.out]).toEqual([1, '']);
    expect(other.err).toContain('not a model config');
    expect((await run()).code).toBe(2);
    expect((await run('a', '--bogus')).code).toBe(2);
    expect((await run(join(folder, 'absent.json'))).code).toBe(1);
  });
});
