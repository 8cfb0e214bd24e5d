// `npm run budgets:page`: runs the tests that measure and writes test/fixtures/budgets.json and docs/budgets.md. With --written, as `npm run
// generate` does, only the page, from what was measured last and the limits as they are.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from '../test/harness/places.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

const RECORD = join(ROOT, 'test', 'fixtures', 'budgets.json');
const { budgetsPage } = await loadTypeScript(`export { budgetsPage } from './test/budgets/page';`, ROOT);

/** The tests that call `measured`. */
const MEASURING = ['webview/budget', 'editor/hostFiles', 'tools/package'].map((name) => `test/unit/${name}.test.ts`);
const MEASURING_E2E = 'panel';

if (!process.argv.includes('--written')) {
  const out = mkdtempSync(join(tmpdir(), 'headlight-budgets-'));
  const env = { ...process.env, HEADLIGHT_BUDGETS_OUT: out, HEADLIGHT_DEPTH: 'full' };
  const runs = [
    [
      process.execPath,
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config',
      'test/vitest.config.mts',
      ...MEASURING,
    ],
    ['npm', 'test', '--', '--only', 'e2e', '--files', MEASURING_E2E],
  ];
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  for (const [program = '', ...args] of runs) spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', env });
  const figures = Object.fromEntries(
    readdirSync(out)
      .sort()
      .map((file) => [basename(file, '.json'), JSON.parse(readFileSync(join(out, file), 'utf8'))]),
  );
  rmSync(out, { recursive: true });
  const record = {
    when: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores (${(cpus()[0]?.model ?? 'unknown').trim()}), Node ${process.versions.node}, ${load.toFixed(1)} processes waiting for each core`,
    figures,
  };
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
}
writeFileSync(join(ROOT, 'docs', 'budgets.md'), budgetsPage(JSON.parse(readFileSync(RECORD, 'utf8')), ROOT));
