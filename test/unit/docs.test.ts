/** What README and docs point at is there; the pictures of the editor are small and alike. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

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
