/** What is vendored is what the reference says, and stays small. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGolden } from '../golden';
import { besideFolder, itWith, vendored } from './reference';

const files = readdirSync(vendored, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

describe('the vendored reference', () => {
  it('stays small', () => {
    const sizes = files.map((file) => statSync(file).size);
    expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3.5 * 2 ** 20);
  });

  itWith(besideFolder, 'is a copy of the one beside the checkout', (folder) => {
    for (const file of files) {
      const original = join(folder, file.slice(vendored.length));
      if (basename(file) === 'README.md') continue;
      if (basename(file) === 'golden.json.br') {
        const place = join(original, '..');
        expect(readGolden(join(file, '..')), file).toEqual(readGolden(place));
      } else if (basename(file) === 'vllm-executed.json') {
        const [own, whole] = [file, original].map((path) => JSON.parse(readFileSync(path, 'utf8')) as object);
        expect(own).toEqual(whole);
      } else if (basename(file) === 'ablated.json') {
        // Of the families whose goldens are here.
        const [own, whole] = [file, original].map((path) => JSON.parse(readFileSync(path, 'utf8')) as object);
        expect(whole).toMatchObject(own ?? {});
      } else if (basename(file) === 'expected.json') {
        const [own, whole] = [file, original].map(
          (path) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, unknown>>,
        );
        expect(Object.keys(own ?? {})).toEqual(Object.keys(whole ?? {}));
        expect(whole).toMatchObject(own ?? {});
      } else expect(readFileSync(file).equals(readFileSync(original)), file).toBe(true);
    }
  });
});
