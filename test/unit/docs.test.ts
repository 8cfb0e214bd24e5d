/** What README and docs point at is there; the pictures of the editor are small and alike. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('documentation', () => {
  it.each(pages)('%s points at files that exist', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^(?:https?:|#|command:)/.test(target)) continue;
      expect(existsSync(join(root, dirname(page), target.replace(/#.*$/, ''))), `${page}: ${target}`).toBe(true);
    }
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
