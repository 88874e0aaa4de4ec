import { defineConfig } from 'vitest/config'

/** Fast suites by default; `BLINDSUM_SLOW=1` (npm run test:slow) takes the files named *.slow.test.ts instead. */
export default defineConfig({
  test: {
    include: process.env.BLINDSUM_SLOW ? ['test/**/*.slow.test.ts'] : ['test/**/*.test.ts'],
    exclude: process.env.BLINDSUM_SLOW ? [] : ['test/**/*.slow.test.ts'],
    // Some tests load the runtime themselves; see participant/training/run-child.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
