// The folder that opens: a copy of the sample configs, so that edits never reach the checkout.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, throwAwayFolder } from './places.mjs';

export const SAMPLES = join(ROOT, 'media', 'sample-configs');

export function copySamples() {
  const folder = join(throwAwayFolder('samples'), 'sample-configs');
  cpSync(SAMPLES, folder, { recursive: true });
  return folder;
}
