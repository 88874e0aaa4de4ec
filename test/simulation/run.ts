/**
 * `npm run test:simulation -- [--lists N] [--seed S] [--count]`: the simulation for longer, or the same again. `--count` goes
 * on after failures, to say how many lists fail. The tests mock modules, so this starts the test runner.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { lists: { type: 'string' }, seed: { type: 'string' }, count: { type: 'boolean' } },
})
const environment: NodeJS.ProcessEnv = { ...process.env }
for (const name of ['lists', 'seed'] as const) {
  const value = values[name]
  if (value === undefined) continue
  if (!/^\d+$/.test(value)) throw new Error(`--${name} is a number`)
  environment[`BLINDSUM_SIMULATION_${name.toUpperCase()}`] = value
}
if (values.count) environment.BLINDSUM_SIMULATION_COUNT = '1'

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const files = ['test/simulation/simulation', 'test/simulation/sparse']
const { status } = spawnSync(process.execPath, [vitest, 'run', ...files, '--disable-console-intercept'], {
  env: environment,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
