/** Where the reference material is, if it is; tests that need it skip, saying so. */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = process.env['HEADLIGHT_REFERENCE'] ?? resolve(__dirname, '../../../../shared/reference');

/** The path of a file or folder of the reference, or null (with a word on stderr). */
export function reference(name: string): string | null {
  const path = join(ROOT, name);
  if (existsSync(path)) return path;
  console.warn(`SKIPPED: ${path} is absent; set HEADLIGHT_REFERENCE to the folder that holds ${name}`);
  return null;
}

/** Golden folders: those of the reference, and of HEADLIGHT_GOLDEN (more of the same kind) if set. */
export function goldenFolders(): string[] {
  const roots = [reference('golden'), process.env['HEADLIGHT_GOLDEN']].filter(
    (root): root is string => typeof root === 'string' && existsSync(root),
  );
  return roots.flatMap((root) =>
    readdirSync(root)
      .map((name) => join(root, name))
      .filter((folder) => existsSync(join(folder, 'golden.json'))),
  );
}
