/** What README and docs point at is there; the pictures of the editor are small and alike. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS_IN_WORDS, optionWords } from '../../src/cli/catalogue';

const root = resolve(import.meta.dirname, '../..');
const pages = [
  'CONTRIBUTING.md',
  'SECURITY.md',
  'test/fixtures/reference/README.md',
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The anchors that GitHub gives to headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const TASKS = ['edit.md', 'size.md', 'heads.md', 'teach.md', 'addFamily.md'];

describe('documentation', () => {
  it.each(pages)('%s points at files that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^(?:https?:|#|command:)/.test(target)) continue;
      expect(existsSync(join(root, dirname(page), target.replace(/#.*$/, ''))), `${page}: ${target}`).toBe(true);
    }
  });

  it.each(pages)('%s points at headings that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, file = '', anchor = ''] of text.matchAll(/\]\(([^()\s#]*)#([^()\s]+)\)/g)) {
      if (/^https?:/.test(file)) continue;
      const target = file === '' ? text : readFileSync(join(root, dirname(page), file), 'utf8');
      expect(anchorsOf(target), `${page}: ${file}#${anchor}`).toContain(anchor);
    }
  });

  it.each(pages)('%s names scripts that exist', (page) => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    for (const [, name = ''] of readFileSync(join(root, page), 'utf8').matchAll(/npm run (?:-s )?([a-z:-]+)/g))
      expect(Object.keys(scripts), page).toContain(name);
  });

  it('has an index of every page', () => {
    const index = readFileSync(join(root, 'docs', 'README.md'), 'utf8');
    for (const page of pages.filter((each) => each.startsWith('docs/') && each !== 'docs/README.md'))
      expect(index).toContain(`](${page.slice('docs/'.length)})`);
  });

  it('fits one screen, with four pictures and the pages of the tasks', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(readme.split('\n').length).toBeLessThanOrEqual(50);
    expect([...readme.matchAll(/!\[[^\]]+\]\([^)]+\)/g)]).toHaveLength(4);
    for (const page of TASKS) expect(readme, page).toContain(`](docs/${page})`);
  });

  it('has a page for each task, with what is typed or chosen', () => {
    for (const page of TASKS) {
      const text = readFileSync(join(root, 'docs', page), 'utf8');
      expect(text, page).toMatch(/\*Headlight: |^ *headlight |`headlight /m);
    }
  });

  it.each(pages)('%s names commands that exist', (page) => {
    const titles = Object.entries(
      JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as Readonly<Record<string, string>>,
    ).flatMap(([key, text]) => (key.startsWith('command.') ? [text.replace(/^Headlight: |…$/g, '')] : []));
    const named = [...readFileSync(join(root, page), 'utf8').matchAll(/\*Headlight:\s([^*]+?)…?\*/g)].map(
      ([, title = '']) => title.replace(/\s+/g, ' '),
    );
    expect(named.filter((title) => !titles.includes(title))).toEqual([]);
  });

  it.each(pages)('%s types commands and options that the command line has', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, typed = ''] of text.matchAll(/(?:^ *|`)headlight ([a-z][^\n`]*)/gm)) {
      const [command = ''] = typed.split(' ');
      expect(Object.keys(COMMANDS_IN_WORDS), `${page}: ${typed}`).toContain(command);
      for (const [, option = ''] of typed.matchAll(/ --([a-z-]+)/g))
        if (option !== 'help') expect(optionWords(command, option), `${page}: ${command} --${option}`).not.toBeNull();
    }
  });

  it('has a recording that is small, of frames that a spec takes', () => {
    const gif = readFileSync(join(root, 'media', 'readme', 'tour.gif'));
    expect(gif.subarray(0, 6).toString('latin1')).toBe('GIF89a');
    expect([gif.readUInt16LE(6), gif.readUInt16LE(8)]).toEqual([960, 560]);
    expect(gif.length).toBeLessThan(1_500_000);
    const spec = readFileSync(join(root, 'test', 'e2e', 'tour.pictures.ts'), 'utf8');
    // A graphic control extension for each frame (GIF89a, 23).
    const frames = gif.toString('latin1').split('\x21\xf9\x04').length - 1;
    expect(frames).toBe([...spec.matchAll(/await frame\(\d+\)/g)].length);
    expect(frames).toBeGreaterThan(3);
  });

  it('has no picture but those that a spec takes', () => {
    const folder = join(root, 'test', 'e2e');
    const specs = readdirSync(folder).filter((name) => name.endsWith('.pictures.ts'));
    const taken = specs.flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/(?:take|picture)\('(?:picture-)?([\w-]+)'/g)].map(
        ([, picture = '']) => picture,
      ),
    );
    const shown = readdirSync(join(root, 'media', 'readme')).filter((name) => name !== 'tour.gif');
    expect(shown.map((name) => name.replace(/^editor-|\.png$/g, '')).sort()).toEqual(taken.sort());
  });

  it('opens with what it is and how to install it', () => {
    const headings = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^## (.*)$/gm)].map(
      ([, title]) => title,
    );
    expect(headings.slice(0, 2)).toEqual(['Install', 'What it does']);
    expect(headings.at(-1)).toBe('Develop');
  });

  it('shows surfaces of the editor in small pictures of one size', () => {
    const pictures = readdirSync(join(root, 'media', 'readme')).filter((name) => name.startsWith('editor-'));
    expect(pictures.length).toBeGreaterThanOrEqual(10);
    const page = readFileSync(join(root, 'docs', 'editor.md'), 'utf8');
    for (const name of pictures) {
      const file = join(root, 'media', 'readme', name);
      expect(page, name).toContain(name);
      expect(statSync(file).size, name).toBeLessThan(60_000);
      const png = readFileSync(file);
      expect([png.readUInt32BE(16), png.readUInt32BE(20)], name).toEqual([760, 400]);
    }
  });
});
