/** The demo's command line and the plans it makes for every number of sites. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadPlanFile } from '../../bin/plan-file.ts'
import { killRound } from '../../demo/kill-and-return.ts'
import { readOptions } from '../../demo/options.ts'
import { writePlan } from '../../demo/plan.ts'
import { gammaFor, SITE_NAMES } from '../../demo/sites.ts'
import { encodeModel } from '../../shared/onnx/encode.ts'
import { assumptionsOf } from '../../shared/plan/plan-rules.ts'
import { sharingParameters, toleratedDropouts } from '../../shared/protocol/threshold.ts'
import { runAsProcess } from '../bin/run-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-demo-options-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NOTHING = { rounds: undefined, sites: undefined, kill: undefined, seed: undefined, keep: false, json: false }
const DEMO = join(import.meta.dirname, '../../demo/main.ts')

describe('options', () => {
  test('by default five sites, one of them killed, accuracy required', () => {
    expect(readOptions(NOTHING)).toEqual({
      sites: ['north', 'south', 'east', 'west', 'center'],
      rounds: null,
      kill: 'south',
      seed: 1,
      keep: false,
      json: false,
    })
  })

  test('three sites only without a kill, and it says why', () => {
    expect(() => readOptions({ ...NOTHING, sites: '3' })).toThrow(/bears no dropout.*--kill none/)
    expect(readOptions({ ...NOTHING, sites: '3', kill: 'none' }).kill).toBeNull()
  })

  test('wrong usage is exit 2 and starts nothing', async () => {
    const { code, stderr, stdout } = await runAsProcess(['--sites', '3'], { program: DEMO })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('--kill none')
  })

  test.each([
    [{ sites: '2' }, '--sites must be a whole number from 3 to 12'],
    [{ sites: '13' }, '--sites must be a whole number from 3 to 12'],
    [{ rounds: '0' }, '--rounds must be a whole number from 1 to 200'],
    [{ kill: 'nobody' }, '--kill must be none or one of north, south, east, west, center'],
    [{ seed: 'x' }, '--seed must be a whole number'],
  ])('%j is refused', (values, text) => {
    expect(() => readOptions({ ...NOTHING, ...values })).toThrow(text)
  })
})

describe.each(SITE_NAMES.slice(2).map((_, place) => place + 3))('%i sites', (count) => {
  const sites = SITE_NAMES.slice(0, count)

  test('make a plan that everybody accepts', () => {
    const { plan, model, modelBytes } = loadPlanFile(writePlan(folder, { sites, rounds: 3, seed: 1 }))
    expect(plan.participants.enrolled).toHaveLength(count)
    expect(encodeModel(model)).toEqual(modelBytes)
  })

  test('go on while one of them is away, from four sites on', () => {
    const { plan } = loadPlanFile(writePlan(folder, { sites, rounds: 3, seed: 1 }))
    const assumptions = assumptionsOf(plan)
    const dropouts = toleratedDropouts(sharingParameters(count, assumptions), assumptions, 3)
    expect(dropouts).toBeGreaterThanOrEqual(count === 3 ? 0 : 1)
    if (count === 3) return
    const without = sharingParameters(count - 1, assumptions)
    expect(without.participants - assumptions.colluders).toBeGreaterThanOrEqual(3)
  })

  test('assume no more colluders than a fifth', () => {
    expect(gammaFor(count)).toBeLessThanOrEqual(0.2)
  })
})

test('the kill leaves time to come back where there is any', () => {
  expect([1, 2, 3, 4, 5, 6, 20].map(killRound)).toEqual([1, 1, 1, 1, 2, 3, 3])
})
