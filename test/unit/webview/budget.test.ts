import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { describe, expect, it } from 'vitest';
import classDefaults from '../../../src/families/classDefaults.json';
import { buildPage } from '../../webview/panelPage';

/** Minified, all views together. */
const BUDGET_KB = 400;

describe("the panel's page", () => {
  it(`is smaller than ${BUDGET_KB} KB with all its views, and those behind the first load late`, async () => {
    const files = await buildPage(resolve(import.meta.dirname, '../../..'));
    const bytes = (name: RegExp): number =>
      [...files].filter(([file]) => name.test(file)).reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
    expect(bytes(/./)).toBeLessThan(BUDGET_KB * 1000);
    for (const view of ['compare', 'whatIf', 'heads', 'mla'])
      expect([...files.keys()].filter((file) => file.startsWith(`${view}-`))).toHaveLength(1);
  });

  it('unpacks the tables to what they were', async () => {
    const root = resolve(import.meta.dirname, '../../..');
    const { pagePlugins } = createRequire(join(root, 'package.json'))('./esbuild.page.js') as { pagePlugins: Plugin[] };
    const contents = "export { default } from './src/families/classDefaults.json'";
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root },
      plugins: pagePlugins.slice(0, 1),
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      absWorkingDir: root,
    });
    const { note: _note, source: _source, ...table } = classDefaults as Record<string, unknown>;
    const module = (await import(
      `data:text/javascript;base64,${Buffer.from(outputFiles[0]?.text ?? '').toString('base64')}`
    )) as { default: unknown };
    expect(module.default).toEqual(table);
  });
});
