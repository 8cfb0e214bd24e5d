import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: '.',
    include: ['test/unit/**/*.test.ts'],
    environment: 'node',
    passWithNoTests: false,
    pool: 'forks',
    testTimeout: 60_000,
  },
});
