import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: '.',
    include: ['test/unit/**/*.test.ts'],
    environment: 'node',
    passWithNoTests: false,
    // What was transformed once is not transformed again.
    experimental: { fsModuleCache: true, fsModuleCachePath: 'node_modules/.cache/vitest' },
    pool: 'forks',
    maxWorkers: 2,
    // Files share a process: nothing here keeps state between them, and starting one per file costs a fifth of the run.
    isolate: false,
    // Tests that load the tensor library themselves: it reports usage unless told not to (see onnxruntimeNative.ts).
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 60_000,
  },
});
