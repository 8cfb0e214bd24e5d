/** What runs beside other suites, on time that they leave, may not depend on a clock. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PATIENT } from '../../harness/patient.mjs';

const ROOT = join('test', 'unit');
const FILES = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));

it.each(PATIENT)('%s is there, and no clock limits it', (place) => {
  const files = FILES.filter((file) => file.startsWith(place));
  expect(files.length).toBeGreaterThan(0);
  const clock = /\b(?:timed\(|cpuUsage|performance\.now|hrtime|Date\.now|cpuMs|wallMs|useFakeTimers)/;
  expect(files.filter((file) => clock.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
});
