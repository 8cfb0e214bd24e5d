/** The hues of the kinds as a page resolves them in each theme: there, and opaque. */

import { describe, expect, it } from 'vitest';
import { base } from '../../../webview/styles/base';
import { kindColor, KINDS } from '../../../webview/styles/kinds';
import { THEME_KINDS, THEMES, type ThemeKind } from '../../webview/themes';

/** The custom properties that a view's root sets. */
const OWN: ReadonlyMap<string, string> = new Map(
  [...base.cssText.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value.trim()]),
);

/** Where the bracket that opens at `start` closes. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return at;
  }
  throw new Error(`unclosed: ${text}`);
}

/** A value with its `var(--name, fallback)` replaced, as CSS does it; null where a name is nowhere and has no fallback. */
function resolved(value: string, theme: ThemeKind): string | null {
  const start = value.indexOf('var(');
  if (start < 0) return value;
  const end = closing(value, start + 3);
  const inner = value.slice(start + 4, end);
  const comma = inner.indexOf(',');
  const name = (comma < 0 ? inner : inner.slice(0, comma)).trim();
  const found = OWN.get(name) ?? THEMES[theme][name.replace('--vscode-', '')];
  const own = found === undefined ? null : resolved(found, theme);
  const chosen = own ?? (comma < 0 ? null : resolved(inner.slice(comma + 1).trim(), theme));
  return chosen === null ? null : resolved(value.slice(0, start) + chosen + value.slice(end + 1), theme);
}

describe('the hues of the kinds', () => {
  it.each(THEME_KINDS)('are there, and opaque, in the theme %s', (theme) => {
    for (const kind of KINDS) {
      const color = resolved(kindColor(kind), theme);
      // Grey stands for layers that cache nothing: the theme's quiet text, which may be see-through.
      if (kind === 'none') expect(color, kind).toMatch(/^(#|rgb)/);
      else
        expect(color, kind).toMatch(
          /^(#[0-9a-f]{6}|rgb\([^/,]*\)|rgb\(\d+, \d+, \d+\)|rgb\(from (#[0-9a-f]{6,8}|rgba?\([^)]*\)) r g b \/ 1\))$/,
        );
    }
  });

  it('resolve as CSS does', () => {
    expect(resolved('var(--nowhere)', 'dark')).toBeNull();
    expect(resolved('a var(--nowhere, var(--vscode-charts-blue)) b', 'dark')).toBe(
      `a ${THEMES.dark['charts-blue'] ?? '?'} b`,
    );
    expect(THEMES['hc-dark']['charts-orange']).toBeUndefined();
    expect(resolved('var(--orange)', 'hc-dark')).toMatch(/^rgb\(from #/);
  });
});
