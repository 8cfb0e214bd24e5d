import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';

/** What the properties of this run are seeded with: another each time, and again the same with HEADLIGHT_SEED. */
const seed = process.env['HEADLIGHT_SEED'] || String(randomInt(2 ** 31));
if (!/^-?\d+$/.test(seed)) throw new Error(`HEADLIGHT_SEED is ${seed}, not a whole number`);
console.log(`HEADLIGHT_SEED=${seed} repeats the random cases of this run`);

export default defineConfig({
  test: {
    root: '.',
    include: ['test/unit/**/*.test.ts'],
    environment: 'node',
    passWithNoTests: false,
    setupFiles: ['test/unit/support/setup.ts'],
    // What was transformed once is not transformed again.
    experimental: { fsModuleCache: true, fsModuleCachePath: 'node_modules/.cache/vitest' },
    pool: 'forks',
    maxWorkers: 2,
    // Files share a process: nothing here keeps state between them, and starting one per file costs a fifth of the run.
    isolate: false,
    // Tests that load the tensor library themselves: it reports usage unless told not to (see onnxruntimeNative.ts).
    env: { ORT_DISABLE_TELEMETRY: '1', HEADLIGHT_SEED: seed },
    testTimeout: 60_000,
  },
});
