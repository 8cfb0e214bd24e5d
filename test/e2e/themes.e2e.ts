// The page harness (test/webview) makes its pictures in VS Code's own colours: they are read here, from the real thing.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { ROOT } from '../harness/places.mjs';
import { thorough } from '../unit/depth';
import { THEME_CLASSES, THEME_KINDS, THEME_NAMES, THEMES } from '../webview/themes';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const FILE = join(ROOT, 'test', 'webview', 'themeColours.json');
/** HEADLIGHT_WRITE_THEMES=1 keeps what VS Code says. */
const WRITE = process.env['HEADLIGHT_WRITE_THEMES'] !== undefined;

const ELEMENTS = join('node_modules', '@vscode-elements', 'elements', 'dist');
/** Everything that puts colours into the page. */
const SHEETS = [
  ...readdirSync(join(ROOT, 'webview'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('webview', name)),
  join(ELEMENTS, 'includes', 'default.styles.js'),
  join(ELEMENTS, 'vscode-button', 'vscode-button.styles.js'),
  join('test', 'webview', 'themes.ts'),
];

/** Names that stand in the sheets, and those that are put together there (`--vscode-charts-${name}`, heatmap/theme.ts). */
function isUsed(): (name: string) => boolean {
  const texts = SHEETS.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
  const whole = new Set([...texts.matchAll(/--vscode-([a-zA-Z0-9-]+)(?!\$)/g)].map(([, name = '']) => name));
  const quoted = new Set(
    [...texts.matchAll(/'([a-zA-Z]+(?:-[a-zA-Z0-9]+)+|[a-z]+[A-Z][a-zA-Z]+)'/g)].map(([, name = '']) => name),
  );
  return (name) => whole.has(name) || quoted.has(name) || name.startsWith('charts-');
}

/** What the oldest VS Code's themes leave out of what the newest's have: buttons of its dark high contrast have no ground. */
const NOT_IN_THE_OLDEST = { 'hc-dark': ['button-background', 'button-hoverBackground'] };

describe.skipIf(!thorough && !WRITE)("the page harness's themes", () => {
  const workbench = useWorkbench();
  let panel: Panel;

  beforeAll(async () => {
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('headlight.openPanel').then(() => null),
      null,
    );
    panel = new Panel(workbench().page);
  });

  test("are VS Code's own", async () => {
    const used = isUsed();
    const found: Record<string, Record<string, string>> = {};
    for (const kind of THEME_KINDS) {
      await workbench().setSetting('workbench.colorTheme', THEME_NAMES[kind]);
      const body = panel.frame.locator(`body[data-vscode-theme-kind="${THEME_CLASSES[kind].split(' ')[0]}"]`);
      await body.waitFor();
      const all = await body.evaluate(() => {
        const { style } = document.documentElement;
        const names = Array.from(style).filter((name) => name.startsWith('--vscode-'));
        return names.map((name) => [name.slice('--vscode-'.length), style.getPropertyValue(name).trim()] as const);
      });
      found[kind] = Object.fromEntries(all.filter(([name]) => used(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
      expect(Object.keys(found[kind] ?? {}).length).toBeGreaterThan(30);
    }
    if (WRITE) writeFileSync(FILE, `${JSON.stringify(found, null, 1)}\n`);
    else if (inject('server') === 'newest') expect(found).toEqual(THEMES);
    else {
      // Its values are others; what the page asks for must be there.
      const missing = THEME_KINDS.map(
        (kind) => [kind, Object.keys(THEMES[kind]).filter((name) => found[kind]?.[name] === undefined)] as const,
      );
      expect(Object.fromEntries(missing.filter(([, names]) => names.length > 0))).toEqual(NOT_IN_THE_OLDEST);
    }
  });
});
