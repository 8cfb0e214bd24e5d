import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: '.',
    // The pictures of the documentation are taken when somebody wants new ones.
    include: [process.env['HEADLIGHT_PICTURES'] ? 'test/e2e/**/*.pictures.ts' : 'test/e2e/**/*.e2e.ts'],
    globalSetup: ['test/e2e/globalSetup.ts'],
    environment: 'node',
    passWithNoTests: false,
    // What was transformed once is not transformed again.
    experimental: { fsModuleCache: true, fsModuleCachePath: 'node_modules/.cache/vitest' },
    // All specs share one window, and take turns.
    fileParallelism: false,
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
