import { defineConfig } from 'vitest/config'

/** Fast suites by default; `BLINDSUM_SLOW=1` (npm run test:slow) takes the files named *.slow.test.ts instead. */
export default defineConfig({
  test: {
    include: process.env['BLINDSUM_SLOW'] ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env['BLINDSUM_SLOW'] ? [] : ['test/**/*.slow.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
