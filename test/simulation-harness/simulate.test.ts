/** Whole simulated sessions over real threads: exact sums under dropouts, and every misbehaviour caught. */
import { describe, expect, test } from 'vitest'
import { Crew } from '../../simulation/crew.ts'
import { MISBEHAVIOURS } from '../../simulation/fates.ts'
import { certifyCohort } from '../../simulation/identities.ts'
import { idAtPlace, parametersOf, STARTED_AT_MS, TRUST_DOMAIN } from '../../simulation/plan.ts'
import { isSumOf } from '../../simulation/round.ts'
import { simulate } from '../../simulation/simulate.ts'
import { smallPlan } from './small-plan.ts'

test('twenty on the complete graph, two rounds with a fifth silent: both sums exact', async () => {
  const steps = new Set<string>()
  const plan = smallPlan({ dropout: 0.2, deltaPpm: 200_000, rounds: 2 })
  const report = await simulate(plan, ({ step }) => steps.add(step))
  expect(report).toMatchObject({ ok: true, exact: true, parameters: { graph: 'complete', neighbours: 19 } })
  expect(report.rounds.map(({ round, outcome, exact, surprises }) => ({ round, outcome, exact, surprises }))).toEqual([
    { round: 1, outcome: 'completed', exact: true, surprises: [] },
    { round: 2, outcome: 'completed', exact: true, surprises: [] },
  ])
  for (const { dropouts, roster, shared, survivors, steps: walked } of report.rounds) {
    expect(dropouts).toEqual([1, 0, 1, 1, 1])
    expect([roster, shared, survivors]).toEqual([19, 19, 18])
    expect(walked.map(({ participants }) => participants)).toEqual([19, 19, 18, 17, 16, 16])
    for (const { participantMs, coordinatorMs, upBytes } of walked.slice(0, 5)) {
      expect(participantMs.mean).toBeGreaterThan(0)
      expect(participantMs.greatest).toBeGreaterThanOrEqual(participantMs.mean)
      expect(coordinatorMs).toBeGreaterThan(0)
      expect(upBytes.mean).toBeGreaterThan(0)
    }
  }
  expect(steps).toContain('mask input')
})

test('seventy on the sparse graph, silent and corrupt: the sum is exact, each misbehaviour is caught by its check', async () => {
  const plan = smallPlan({
    participants: 70,
    graph: 'sparse',
    lanes: 500,
    dropout: 0.1,
    corrupt: 1 / 7,
    deltaPpm: 250_000,
  })
  const { exact, parameters, rounds } = await simulate(plan)
  const [round] = rounds
  expect({ exact, graph: parameters.graph, surprises: round?.surprises }).toEqual({
    exact: true,
    graph: 'sparse',
    surprises: [],
  })
  const found = round?.misbehaviours.map(({ misbehaviour, code }) => [misbehaviour, code]) ?? []
  expect(Object.fromEntries(found)).toEqual({
    'bad-share': 'share_off_commitment',
    'garbage-ciphertexts': 'no_share',
    'false-receipt': 'bad_signature',
    'wrong-digest': 'digest_mismatch',
    'conflicting-deal': 'conflicting_repeat',
    'false-attestation': 'bad_signature',
    'wrong-length': 'wrong_length',
    'false-deal': 'bad_signature',
    'conflicting-attestation': 'conflicting_repeat',
    'false-advertisement': 'bad_signature',
  })
  expect(found).toHaveLength(Object.keys(MISBEHAVIOURS).length)
  const of = (name: string) => round?.misbehaviours.find(({ misbehaviour }) => misbehaviour === name)
  expect(of('bad-share')).toMatchObject({ by: 'coordinator', named: true })
  expect(of('garbage-ciphertexts')?.by).toMatch(/holders/)
  expect(round?.complaints).toBeGreaterThan(0)
})

test('a semi-honest coordinator: other parameters on the sparse graph, and a sum as exact', async () => {
  const many = smallPlan({ participants: 500, graph: 'sparse', adversary: 'semi-honest' })
  expect(parametersOf(many).threshold).toBeLessThan(parametersOf({ ...many, adversary: 'malicious' }).threshold)
  const plan = smallPlan({ participants: 8, lanes: 100, adversary: 'semi-honest', inputBits: 8 })
  expect(await simulate(plan)).toMatchObject({ exact: true, plan: { adversary: 'semi-honest', inputBits: 8 } })
})

test('too many silent: the session aborts with its reason, and is not called exact', async () => {
  const report = await simulate(smallPlan({ participants: 10, dropout: 0.5, deltaPpm: 500_000 }))
  expect(report).toMatchObject({ ok: false, exact: false })
  expect(report.rounds[0]).toMatchObject({ outcome: 'aborted', exact: false })
  expect(report.rounds[0]?.reason).toMatch(/^too_few_/)
})

describe('what cannot be simulated is told before anything starts', () => {
  test.each([
    ['no sparse graph for so few', smallPlan({ graph: 'sparse' })],
    ['everybody may collude', smallPlan({ participants: 3, gammaPpm: 500_000 })],
    ['more faults than participants', smallPlan({ dropout: 0.5, corrupt: 0.6 })],
  ])('%s', async (_, plan) => {
    await expect(simulate(plan)).rejects.toMatchObject({ name: 'ConfigError', code: 'simulation_impossible' })
  })
})

test('a thread that fails ends the simulation with a clear error', async () => {
  const plan = smallPlan({ participants: 3 })
  const { bundle, all } = await certifyCohort([idAtPlace(0)], { trustDomain: TRUST_DOMAIN, nowMs: STARTED_AT_MS })
  const crew = new Crew({ plan, bundle, own: [...all.entries()] })
  try {
    const answer = crew.instruct(2, new Uint8Array(1))
    await expect(answer).rejects.toMatchObject({ name: 'ConfigError', code: 'simulation_thread_failed' })
  } finally {
    await crew.end()
  }
})

test('one lane off by one is not exact; bits above the modulus do not count', () => {
  const parts = [Uint32Array.of(1, 2, 3), Uint32Array.of(4, 5, 0xffff_ffff)]
  expect(isSumOf(Uint32Array.of(5, 7, 2), parts, 32)).toBe(true)
  expect(isSumOf(Uint32Array.of(5, 7, 3), parts, 32)).toBe(false)
  expect(isSumOf(Uint32Array.of(5, 7 + 2 ** 20, 2), parts, 20)).toBe(true)
  expect(isSumOf(Uint32Array.of(5, 7 + 2 ** 19, 2), parts, 20)).toBe(false)
})
