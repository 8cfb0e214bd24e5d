/** Configs that are bundled. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The text of a config of media/presets, by its name. */
export function preset(name: string): string {
  return readFileSync(join(resolve(import.meta.dirname, '../../../media/presets'), `${name}.json`), 'utf8');
}
