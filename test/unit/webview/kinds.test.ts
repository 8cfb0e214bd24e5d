import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { THEME_KINDS, THEMES } from '../../webview/themes';
import { kindColor, KINDS } from '../../../webview/styles/kinds';

/** What `var(--orange)` falls back on, in its order. */
const sheet = readFileSync(resolve(import.meta.dirname, '../../../webview/styles/base.ts'), 'utf8');
const orange = [...(/--orange: ([^;]*);/.exec(sheet)?.[1] ?? '').matchAll(/--vscode-([\w-]+)/g)].map(
  ([, name = '']) => name,
);

describe('the hues of the kinds', () => {
  it.each(THEME_KINDS)('are there, and opaque, in the theme %s', (theme) => {
    for (const kind of KINDS) {
      const color = kindColor(kind);
      const name = /^var\(--vscode-([\w-]+)\)$/.exec(color)?.[1];
      if (name === undefined) {
        expect(color).toBe('var(--orange)');
        expect(orange.some((each) => THEMES[theme][each] !== undefined)).toBe(true);
        expect(sheet).toContain('r g b / 1)');
        // Grey stands for layers that cache nothing: the theme's quiet text.
      } else if (name !== 'descriptionForeground') {
        expect(THEMES[theme][name], `${kind}: ${name}`).toMatch(/^(#[0-9a-f]{6}|rgb\([^/]*\))$/);
      }
    }
  });
});
