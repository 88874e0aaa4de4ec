/**
 * `npm run bench`: what the protocol costs in CPU and bytes, against its limits. Options: --n, --k (asked of the parameter
 * finder), --lanes, --sample, --dropouts, --no-scaling, --json. Ends with status 1 when a limit is missed.
 */
import { parseArgs } from 'node:util'
import { invariant } from '../shared/errors.ts'
import { makeIdentities } from './cohort.ts'
import { limitsOf, reportText } from './report.ts'
import { measureScaling } from './scaling.ts'
import { measureSession } from './whole-session.ts'

const SCALING = [250, 500, 1000, 2000]

const { values } = parseArgs({
  allowNegative: true,
  options: {
    n: { type: 'string', default: '1000' },
    k: { type: 'string', default: '112' },
    lanes: { type: 'string', default: '100000' },
    sample: { type: 'string', default: '8' },
    dropouts: { type: 'string', default: '0' },
    scaling: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
})

function wholeNumber(name: 'n' | 'k' | 'lanes' | 'sample' | 'dropouts'): number {
  const value = Number(values[name])
  invariant(Number.isSafeInteger(value) && value >= 0, `--${name} is a whole number, not ${values[name]}`)
  return value
}

const size = {
  n: wholeNumber('n'),
  k: wholeNumber('k'),
  lanes: wholeNumber('lanes'),
  sample: wholeNumber('sample'),
  dropouts: wholeNumber('dropouts'),
}
const identities = await makeIdentities(values.scaling ? Math.max(size.n, ...SCALING) : size.n)
const measured = await measureSession(size, identities)
if (values.scaling) measureScaling(SCALING[0] ?? 0, identities)
const scaling = values.scaling ? SCALING.map((n) => measureScaling(n, identities)) : []
const limits = limitsOf(measured, scaling)
if (values.json) {
  const plain = (_key: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)
  process.stdout.write(`${JSON.stringify({ ...measured, scaling, limits }, plain, 2)}\n`)
} else {
  process.stdout.write(reportText(measured, scaling))
}
process.exitCode = limits.every(({ passes }) => passes) ? 0 : 1
