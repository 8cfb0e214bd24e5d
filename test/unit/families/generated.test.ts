import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');

it('the registers and the support matrix are as the families say: else run `npm run generate`', () => {
  const { status, stdout } = spawnSync(process.execPath, ['scripts/writeFamilies.mjs', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stdout.slice(-500)).toBe('');
  expect(status).toBe(0);
}, 60_000);
