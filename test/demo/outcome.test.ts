/** The demo's gate: what makes it fail, and the JSON object for scripts. */
import { describe, expect, test } from 'vitest'
import type { FinishedRound } from '../../bin/run-progress.ts'
import { brokenPromises, type Measured, outcomeAsJson } from '../../demo/outcome.ts'

const OPTIONS = { sites: ['a', 'b', 'c', 'd', 'e'], rounds: null, kill: 'b', seed: 1, keep: false, json: true }

function round(version: number, survivors = 5, roster = 5): FinishedRound {
  return {
    version,
    modelSha256: '',
    survivors,
    roster,
    metrics: {},
    bytesUpPerSite: 59,
    float32Bytes: 100,
    seconds: 1,
    trainLoss: undefined,
    evalLoss: undefined,
    evalAccuracy: undefined,
  }
}

const WELL: Measured = {
  options: OPTIONS,
  rounds: [round(1), round(2), round(3, 4), round(4, 4, 4), round(5), round(6), round(7)],
  plannedRounds: 7,
  killedInRound: 3,
  finalAccuracy: 0.955,
  centralAccuracy: 0.96,
  verify: true,
  tamperedVerify: false,
  tamperedLink: 'model of version 7 (model_differs)',
  seconds: 61.234,
}

describe('brokenPromises', () => {
  test('finds nothing when all is well', () => {
    expect(brokenPromises(WELL)).toEqual([])
  })

  test.each<[string, Partial<Measured>, RegExp]>([
    ['accuracy too low', { finalAccuracy: 0.9499, centralAccuracy: 0.95 }, /reached 95.0 %, less than/],
    ['too far behind central', { finalAccuracy: 0.955, centralAccuracy: 0.9701 }, /1.5 % behind central/],
    ['a round missing', { rounds: WELL.rounds.slice(0, 6) }, /6 of 7 rounds/],
    ['nobody was killed after all', { rounds: WELL.rounds.map((r) => ({ ...r, survivors: 5, roster: 5 })) }, /round 3/],
    ['the killed one stayed away', { rounds: [...WELL.rounds.slice(0, 6), round(7, 4, 4)] }, /b did not come back/],
    ['does not verify', { verify: false }, /does not verify/],
    ['a changed model verifies', { tamperedVerify: true }, /one byte changed verifies/],
    ['the link is not named', { tamperedLink: '' }, /not named/],
    ['uploads too large', { rounds: WELL.rounds.map((r) => ({ ...r, bytesUpPerSite: 71 })) }, /more than 70 %/],
  ])('%s', (_, change, text) => {
    expect(brokenPromises({ ...WELL, ...change }).join('\n')).toMatch(text)
  })

  test('accuracy is not required when rounds were given', () => {
    const measured = { ...WELL, options: { ...OPTIONS, rounds: 7 }, finalAccuracy: 0.3 }
    expect(brokenPromises(measured)).toEqual([])
  })

  test('without a kill everybody is counted in every round', () => {
    const calm = { ...WELL, options: { ...OPTIONS, kill: null }, killedInRound: null }
    expect(brokenPromises(calm)).toHaveLength(2)
    expect(brokenPromises({ ...calm, rounds: [1, 2, 3, 4, 5, 6, 7].map((version) => round(version)) })).toEqual([])
  })
})

test('the JSON object has exactly the promised fields', () => {
  expect(JSON.parse(outcomeAsJson(WELL))).toEqual({
    ok: true,
    rounds: 7,
    sites: 5,
    finalAccuracy: 0.955,
    centralAccuracy: 0.96,
    survivorsPerRound: [5, 5, 4, 4, 5, 5, 5],
    bytesUpPerSite: 59,
    float32BytesPerSite: 100,
    seconds: 61.2,
    verify: true,
    tamperedVerify: false,
  })
})
