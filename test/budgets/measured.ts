/** Keeps what a test measured, for docs/budgets.md: `npm run budgets:page`. Otherwise nothing. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function measured(figures: Readonly<Record<string, number>>): void {
  const folder = process.env['HEADLIGHT_BUDGETS_OUT'];
  if (folder === undefined) return;
  for (const [id, value] of Object.entries(figures)) writeFileSync(join(folder, `${id}.json`), JSON.stringify(value));
}
