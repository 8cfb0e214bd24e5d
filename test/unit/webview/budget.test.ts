import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildPage } from '../../webview/panelPage';

/** Minified, all views together. */
const BUDGET_KB = 400;

describe("the panel's page", () => {
  it(`is smaller than ${BUDGET_KB} KB with all its views, and those behind the first load late`, async () => {
    const files = await buildPage(resolve(import.meta.dirname, '../../..'));
    const bytes = (name: RegExp): number => [...files].filter(([file]) => name.test(file)).reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
    expect(bytes(/./)).toBeLessThan(BUDGET_KB * 1000);
    for (const view of ['compare', 'whatIf', 'heads', 'mla']) expect([...files.keys()].filter((file) => file.startsWith(`${view}-`))).toHaveLength(1);
  });
});
