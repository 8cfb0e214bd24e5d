import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LINT_RULES } from '../../../src/lint/rules';
import { rulePage } from '../../../src/present/rulePage';

const docs = readFileSync(resolve(import.meta.dirname, '../../../docs/lint.md'), 'utf8');

describe('the page of a lint rule', () => {
  it('has severity and reason of every rule, from docs/lint.md', () => {
    for (const [rule, summary] of Object.entries(LINT_RULES)) {
      const page = rulePage(rule, docs).source;
      expect(page).toContain(`# ${rule}\n`);
      expect(page).toContain(summary);
      expect(page, rule).toMatch(/^\*\*(error|warning|information)\*\*: /m);
      expect(page).toContain(`\`${rule}@path/of/config.json\``);
    }
  });

  it('says what the quick fix does', () => {
    expect(rulePage('heads-not-divisible', docs).source).toContain('Quick fix: nearest divisor below.');
    expect(rulePage('attn-layer-offset', docs).source).not.toContain('Quick fix:');
  });

  it('does not show anything for what is no rule', () => {
    for (const rule of ['nothing', '', 'toString', '__proto__', '../x'])
      expect(rulePage(rule, docs).source).toBe('# There is no such rule\n');
  });
});
