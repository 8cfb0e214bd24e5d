import { randomInt } from 'node:crypto';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** What the properties of this run are seeded with: another each time, and again the same with HEADLIGHT_SEED. */
const seed = process.env['HEADLIGHT_SEED'] || String(randomInt(2 ** 31));
if (!/^-?\d+$/.test(seed)) throw new Error(`HEADLIGHT_SEED is ${seed}, not a whole number`);
console.log(`HEADLIGHT_SEED=${seed} repeats the random cases of this run`);

/** One mend, undone (see robust/undone.mjs), as the tests load its file: nothing changes on the disk. */
const undone = JSON.parse(process.env['HEADLIGHT_UNDONE'] ?? 'null') as {
  readonly file: string;
  readonly find: string;
  readonly put: string;
} | null;

function withoutMend({ file, find, put }: NonNullable<typeof undone>): Plugin {
  return {
    name: 'undone',
    enforce: 'pre',
    transform(code: string, id: string): string | undefined {
      if (!id.split('?')[0]?.endsWith(`/${file}`)) return undefined;
      if (code.split(find).length !== 2) throw new Error(`${file} does not have the mend once: ${find}`);
      return code.replace(find, () => put);
    },
  };
}

export default defineConfig({
  plugins: undone ? [withoutMend(undone)] : [],
  test: {
    root: '.',
    include: ['test/unit/**/*.test.ts'],
    environment: 'node',
    passWithNoTests: false,
    setupFiles: ['test/unit/support/setup.ts'],
    // What was transformed once is not transformed again.
    experimental: { fsModuleCache: !undone, fsModuleCachePath: 'node_modules/.cache/vitest' },
    pool: 'forks',
    maxWorkers: 2,
    // Files share a process: nothing here keeps state between them, and starting one per file costs a fifth of the run.
    isolate: false,
    // Tests that load the tensor library themselves: it reports usage unless told not to (see onnxruntimeNative.ts).
    env: { ORT_DISABLE_TELEMETRY: '1', HEADLIGHT_SEED: seed },
    testTimeout: 60_000,
  },
});
