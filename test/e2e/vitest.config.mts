import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Specs share a window, and a window remembers: everywhere they run in one order. Vitest's own puts first what failed or took long
 * the last time, which a fresh clone does not know.
 */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve([...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1)));
  }
}

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
    sequence: { sequencer: ByName },
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A window on a busy machine draws when it comes to it; nothing that is awaited is faster for waiting less.
    expect: { poll: { timeout: 10_000 } },
  },
});
