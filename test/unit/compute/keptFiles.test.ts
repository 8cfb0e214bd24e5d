/** Results that are kept: within their bounds, the oldest gone first, and nothing touched that is not ours. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { KeptFiles } from '../../../src/compute/keptFiles';
import { removedText } from '../../../src/present/keptText';

const root = mkdtempSync(join(tmpdir(), 'headlight-kept-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const DAY = 24 * 60 * 60;
const name = (digit: number): string => digit.toString(16).padStart(24, '0');
const LARGE = { files: 1000, bytes: 1e9 };

/** A file of so many bytes, some days old. */
function old(path: string, bytes: number, days: number): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'x'.repeat(bytes));
  const at = Date.now() / 1000 - days * DAY;
  utimesSync(path, at, at);
  return path;
}

const jsonIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((one) => one.endsWith('.json'))
    .sort();

describe('kept files', () => {
  it('are found again, and what is cut counts as not there', async () => {
    const folder = join(root, 'found');
    const kept = new KeptFiles(folder, LARGE);
    const names = [name(1), name(2), name(3)];
    expect(await kept.read(names)).toBeNull();
    await kept.write(names, { some: ['thing'] });
    expect(await new KeptFiles(folder, LARGE).read(names)).toEqual({ some: ['thing'] });
    writeFileSync(join(folder, ...names.slice(0, 2), `${name(3)}.json`), '{"some":');
    expect(await kept.read(names)).toBeNull();
    expect(kept.takeRemoved()).toEqual({ files: 0, bytes: 0 });
    await new KeptFiles(null, LARGE).write(names, {});
  });

  it('are at most so many: the oldest go, with folders that are empty then', async () => {
    const folder = join(root, 'count');
    const files = [5, 4, 3, 2].map((days) => old(join(folder, name(days), name(7), `${name(days)}.json`), 10, days));
    const kept = new KeptFiles(folder, { files: 3, bytes: 1e9 });
    await kept.write([name(1), name(7), name(1)], 'newest');
    expect(files.map((file) => existsSync(file))).toEqual([false, false, true, true]);
    expect(readdirSync(folder).sort()).toEqual([name(1), name(2), name(3)]);
    expect(kept.takeRemoved()).toEqual({ files: 2, bytes: 20 });
    expect(kept.takeRemoved()).toEqual({ files: 0, bytes: 0 });
    // Without another look at the folder, too.
    await kept.write([name(1), name(7), name(8)], 'newer');
    expect(jsonIn(folder)).toHaveLength(3);
    expect(existsSync(files[2] ?? '')).toBe(false);
    expect(kept.takeRemoved().files).toBe(1);
  });

  it('have at most so many bytes', async () => {
    const folder = join(root, 'bytes');
    const files = [9, 8, 7].map((days) => old(join(folder, name(1), `${name(days)}.json`), 400, days));
    const kept = new KeptFiles(folder, { files: 100, bytes: 1000 });
    await kept.write([name(1), name(2)], 'x'.repeat(198));
    expect(files.map((file) => existsSync(file))).toEqual([false, true, true]);
    const sizes = jsonIn(folder).map((file) => statSync(join(folder, file)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1000);
  });

  it('leave alone what is not theirs, and clear parts that a run left', async () => {
    const folder = join(root, 'others');
    const theirs = [
      old(join(folder, 'notes.json'), 10, 99),
      old(join(folder, 'more', `${name(1)}.json`), 10, 99),
      old(join(folder, name(1), name(2), name(3), `${name(1)}.json`), 10, 99),
      old(join(folder, `${name(4)}.txt`), 10, 99),
    ];
    const part = old(join(folder, name(1), `${name(5)}.json.123.partial`), 10, 2);
    const fresh = old(join(folder, name(1), `${name(5)}.json.124.partial`), 10, 0);
    const kept = new KeptFiles(folder, { files: 1, bytes: 1e9 });
    await kept.write([name(1), name(6)], 1);
    await kept.write([name(1), name(7)], 1);
    expect([...theirs, fresh].filter((file) => !existsSync(file))).toEqual([]);
    expect(existsSync(part)).toBe(false);
    expect(kept.takeRemoved().files).toBe(1);
  });

  it('all stay where there are no bounds', async () => {
    const folder = join(root, 'all');
    const file = old(join(folder, name(1), `${name(2)}.json`), 10, 999);
    const kept = new KeptFiles(folder, null);
    await kept.write([name(1), name(3)], 1);
    expect(existsSync(file)).toBe(true);
    expect(kept.takeRemoved().files).toBe(0);
  });

  it('are spoken of when they went', () => {
    expect(removedText({ files: 0, bytes: 0 }, LARGE)).toBeNull();
    expect(removedText({ files: 1, bytes: 1024 }, { files: 10_000, bytes: 256 * 1024 ** 2 })).toBe(
      'The oldest kept result was removed (1 KiB): at most 10,000 results and 256 MiB are kept',
    );
    expect(removedText({ files: 12, bytes: 3 * 1024 ** 2 }, { files: 5, bytes: 1024 })).toMatch(
      /^The 12 oldest kept results were/,
    );
  });
});
