/** The rules of the house: floors, the picture that is drawn from the code, and lists of tests that can't be empty. */

import { ESLint, Linter } from 'eslint';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { parser } from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import { architectureSvg, essential, importsOfRooms, PICTURE } from '../../../scripts/drawArchitecture.mjs';
import { FLOORS, forbidden, pathOf, roomOf, ROOMS } from '../../../scripts/floors.mjs';
import { emptyCases } from '../../../scripts/lint/emptyCases.mjs';
import { floors } from '../../../scripts/lint/floors.mjs';
import { EDITOR_FILES, EDITOR_SINKS, SHIPPED_MARKDOWN, TERMINAL_TEXT } from '../../../scripts/lint/sinks.mjs';

const root = resolve(import.meta.dirname, '../../..');
const imports = importsOfRooms();

function complaints(rule: 'floors' | 'empty-cases', code: string, file: string): string[] {
  const linter = new Linter({ cwd: root });
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser },
    plugins: { headlight: { rules: { floors, 'empty-cases': emptyCases } } },
    rules: { [`headlight/${rule}`]: 'error' },
  };
  return linter.verify(code, config, join(root, file)).map(({ message }) => message);
}

describe('the floors', () => {
  it('are obeyed by every room, and every folder of src is a room', () => {
    for (const room of ROOMS)
      for (const name of imports.get(room.name) ?? []) {
        const other = ROOMS.find((each) => each.name === name);
        expect(other && forbidden(room, other), `${room.name} → ${name}`).toBeNull();
      }
    const homeless = readdirSync(join(root, 'src'))
      .filter((name) => !name.startsWith('tsconfig'))
      .filter((name) => roomOf(`src/${name}`) === undefined);
    expect(homeless).toEqual([]);
  });

  it('have a name for each room once, and the vocabulary at the bottom', () => {
    expect(new Set(ROOMS.map(({ name }) => name)).size).toBe(ROOMS.length);
    expect(FLOORS[0]?.map(({ name }) => name)).toEqual(['model']);
    expect(imports.get('model')?.size).toBe(0);
  });

  it('are kept by lint', () => {
    const check = (code: string, file: string): string[] => complaints('floors', code, file);
    expect(check("import { a } from '../cache/plan';", 'src/model/x.ts')).toEqual([
      'cache is above model: imports go down (scripts/floors.mjs).',
    ]);
    expect(check("import type { A } from '../insight/x';", 'src/serving/x.ts')).toEqual([
      'serving and insight are neighbours on one floor: neither imports the other.',
    ]);
    expect(check("export { a } from '../../src/weights/x';", 'webview/views/x.ts')[0]).toContain('src/shared');
    expect(check("const a = () => import('../../weights/x');", 'src/editor/panel/x.ts')[0]).toContain(
      'compute process',
    );
    expect(check("import { a } from '../nowhere/x';", 'src/cli/x.ts')).toEqual([
      'src/nowhere/x is in no room of scripts/floors.mjs.',
    ]);
    expect(check('export const a = 1;', 'src/nowhere/x.ts')).toHaveLength(1);
    expect(
      check("import { a } from '../model/x'; import { b } from './cache/plan'; import c from 'lit';", 'src/cache/x.ts'),
    ).toEqual([]);
  });
});

/** The files that each file names, types included. */
function namedFiles(): ReadonlyMap<string, readonly string[]> {
  const files = ['src', 'webview'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(root, folder, file)),
  );
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'));
      const targets = importedFiles.map(({ fileName }) => `${resolve(dirname(file), fileName)}.ts`);
      return [file, targets.filter((target) => known.has(target))];
    }),
  );
}

/** Files that lead back to themselves: all that are left when what names nothing that is left is taken away, again and again. */
function circles(named: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Set(named.keys());
  for (;;) {
    const done = [...left].filter((file) => !named.get(file)?.some((target) => left.has(target)));
    if (done.length === 0) return [...left].sort();
    for (const file of done) left.delete(file);
  }
}

describe('imports', () => {
  it('never go in a circle, not even for a type', () => {
    const named = namedFiles();
    expect(named.size).toBeGreaterThan(500);
    expect(circles(named)).toEqual([]);
    const back = new Map([...named, ['a', ['b']], ['b', ['a']]] as const);
    expect(circles(back)).toEqual(['a', 'b']);
  });
});

describe('the picture of the house', () => {
  it('is up to date (npm run generate)', () => {
    expect(readFileSync(PICTURE, 'utf8')).toBe(architectureSvg(imports));
  });

  it('has every box within its frame', () => {
    const svg = readFileSync(PICTURE, 'utf8');
    const width = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
    const boxes = [...svg.matchAll(/<rect class="room [a-z]+" x="(-?[\d.]+)" y="[\d.]+" width="([\d.]+)"/g)];
    expect(boxes.length).toBeGreaterThan(10);
    for (const [, x, own] of boxes) {
      expect(Number(x)).toBeGreaterThanOrEqual(0);
      expect(Number(x) + Number(own)).toBeLessThanOrEqual(width);
    }
  });

  it('leaves out only arrows that others imply', () => {
    const arrows = essential(imports);
    const reached = (from: string): Set<string> =>
      new Set(arrows.filter(([start]) => start === from).flatMap(([, to]) => [to, ...reached(to)]));
    for (const [from, targets] of imports)
      for (const to of targets) expect(reached(from).has(to), `${from} → ${to}`).toBe(true);
    expect(arrows.length).toBeLessThan([...imports.values()].reduce((sum, { size }) => sum + size, 0));
  });

  it('has every room that exists', () => {
    const svg = readFileSync(PICTURE, 'utf8');
    for (const room of ROOMS)
      expect(svg.includes(`>${pathOf(room)}<`), room.name).toBe(existsSync(join(root, pathOf(room))));
  });
});

describe('text of files', () => {
  const check = (code: string, file: string, selectors: readonly { selector: string; message: string }[]): string[] =>
    new Linter({ cwd: root })
      .verify(
        code,
        {
          files: ['**/*.ts'],
          languageOptions: { parser },
          rules: { 'no-restricted-syntax': ['error', ...selectors] },
        },
        join(root, file),
      )
      .map(({ ruleId }) => ruleId ?? 'broken');
  const CAUGHT = [
    "import { MarkdownString } from 'vscode';",
    "import { l10n, TreeItem as Item } from 'vscode';",
    'void window.showInformationMessage(text);',
    'commands.registerCommand(id, run);',
    "workspace.openTextDocument({ language: 'markdown', content });",
    'item.tooltip = text;',
    'this.command = { command, title: text };',
    "this.view['description'] = text;",
    'action.command ??= command;',
    'view.message = `${text}`;',
    'Object.assign(item, { tooltip: text });',
  ];
  const FREE = [
    "import type { MarkdownString } from 'vscode';",
    "import { type TreeItem, window } from 'vscode';",
    'workspace.openTextDocument(uri);',
    'const { tooltip, command } = item;',
    'this.iconPath = icon; action.edit = edit;',
    'void tell(text);',
  ];
  it.each(CAUGHT)('reaches the editor through one file: %s', (code) =>
    expect(check(code, 'src/editor/x.ts', EDITOR_SINKS)).toEqual(['no-restricted-syntax']),
  );
  it.each(FREE)('may be passed on: %s', (code) => expect(check(code, 'src/editor/x.ts', EDITOR_SINKS)).toEqual([]));
  it('is written, printed and taken for our own Markdown in one file each', () => {
    expect(check('void workspace.fs.writeFile(a, b);', 'src/editor/x.ts', EDITOR_FILES)).toHaveLength(1);
    expect(check('output.out(text as TerminalText);', 'src/cli/x.ts', TERMINAL_TEXT)).toHaveLength(1);
    expect(check("import { shipped } from './markdown';", 'src/present/x.ts', SHIPPED_MARKDOWN)).toHaveLength(1);
  });
  it.each(['src/editor/hover.ts', 'src/editor/palette/pick.ts', 'src/extension.ts'])(
    '%s is looked at (eslint.config.mjs)',
    async (file) => {
      const { rules } = (await new ESLint({ cwd: root }).calculateConfigForFile(join(root, file))) as {
        rules: Record<string, readonly unknown[]>;
      };
      expect(rules['no-restricted-syntax']).toEqual(expect.arrayContaining([...EDITOR_SINKS, ...EDITOR_FILES]));
    },
  );
});

describe('lists of tests', () => {
  const check = (code: string): string[] => complaints('empty-cases', code, 'test/unit/x.test.ts');
  const FREE = [
    'it.each([1, 2])("%i", () => 1);',
    'const rows = [[1, 2]] as const; it.each(rows)("%i", () => 1);',
    'const TABLE = { a: 1 }; describe.each(Object.entries(TABLE).map(([name]) => name))("%s", () => 1);',
    "import { LAYERS } from './layers'; it.each(sampled(Object.entries(LAYERS)))('%s', () => 1);",
    'for (const layer of [0, 4]) it(`layer ${layer}`, () => 1);',
    'describe.each(someOf(load()))("%s", () => 1);',
  ];
  const CAUGHT = [
    'it.each([])("%i", () => 1);',
    'it.each(readdirSync("."))("%s", () => 1);',
    "import { names } from './names'; it.each(names)('%s', () => 1);",
    'const rows = [1, 2].filter((n) => n > 2); it.each(rows)("%i", () => 1);',
    'for (const folder of goldenFolders()) { it(folder, () => 1); }',
    'const some = load(); for (const one of some) describe(one, () => 1);',
    'it.skipIf(gone).each(Object.keys(table()))("%s", () => 1);',
  ];
  it.each(FREE)('may be written out: %s', (code) => expect(check(code)).toEqual([]));
  it.each(CAUGHT)('may not be empty unseen: %s', (code) => expect(check(code)).toHaveLength(1));
});
