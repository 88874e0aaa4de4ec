/** The plan document: one plan, one digest; every rule across fields refused in words that name the field. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../shared/errors.ts'
import { encodePlan, parsePlan, planDigest } from '../../../shared/plan/plan-document.ts'
import { encodingOf, sessionContext } from '../../../shared/plan/plan-rules.ts'
import { contextDigest } from '../../../shared/protocol/context.ts'
import { makePlan, type PlanChanges } from '../../coordinator/integration/plans.ts'

const problemsOf = (document: Uint8Array): readonly string[] => {
  try {
    parsePlan(document)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (document: Uint8Array) => new TextDecoder().decode(document)

describe('the document', () => {
  test('is read back as it was written, and has one digest', () => {
    const plan = makePlan()
    const document = encodePlan(plan)
    expect(parsePlan(document)).toEqual(plan)
    expect(planDigest(document)).toEqual(planDigest(encodePlan(parsePlan(document))))
  })

  test.each([
    ['white space', (t: string) => ` ${t}`],
    ['a byte order mark', (t: string) => `\ufeff${t}`],
    ['a key twice', (t: string) => t.replace('"rounds":2', '"rounds":2,"rounds":2')],
    ['a number in another form', (t: string) => t.replace('"rounds":2', '"rounds":2.0')],
  ])('is refused with %s: its digest would be ambiguous', (_, change) => {
    const changed = change(text(encodePlan(makePlan())))
    expect(changed).not.toBe(text(encodePlan(makePlan())))
    expect(problemsOf(bytes(changed))).not.toEqual([])
  })

  test.each([
    ['no JSON', 'rounds: 2'],
    ['an unknown key', text(encodePlan(makePlan())).replace('"rounds"', '"extra":1,"rounds"')],
    ['another format', text(encodePlan(makePlan())).replace('blindsum/plan/v1', 'blindsum/plan/v2')],
    ['a SPIFFE ID without a path', text(encodePlan(makePlan())).replace('/site/east', '')],
  ])('is refused with %s', (_, document) => {
    expect(problemsOf(bytes(document))).not.toEqual([])
  })

  test('all problems come at once, each with its field', () => {
    const broken = text(encodePlan(makePlan()))
      .replace('"rounds":2', '"rounds":0')
      .replace('"batchSize":32', '"batchSize":-1')
    expect(problemsOf(bytes(broken)).map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining(['plan.rounds', 'plan.training.batchSize']),
    )
  })
})

describe('rules across fields', () => {
  const cases: readonly [string, PlanChanges, RegExp][] = [
    ['a modulus that could overflow', { aggregation: { inputBits: 16, modulusBits: 17 } }, /aggregation/],
    ['bounds the wrong way round', { aggregation: { minExamples: 5, maxExamples: 4 } }, /minExamples/],
    ['more than are enrolled', { participants: { targetCohort: 9 } }, /targetCohort/],
    ['a cohort the colluders could fill', { security: { gamma: 0.4 } }, /minimumCohort|security/],
    ['a stage longer than the admission window', { timing: { stageDeadlineMs: 400_000 } }, /admissionWindowMs/],
    ['a minimum cohort above the cohort', { participants: { minimumCohort: 6 } }, /minimumCohort/],
  ]
  test.each(cases)('%s', (_, changes, field) => {
    expect(problemsOf(encodePlan(makePlan(changes))).join('\n')).toMatch(field)
  })

  test('a rate finer than a millionth, which would round C down unseen', () => {
    const document = text(encodePlan(makePlan())).replace('"gamma":0', '"gamma":0.2000004')
    expect(problemsOf(bytes(document)).join()).toMatch(/six decimals/)
  })

  test('an identity that stands twice', () => {
    const plan = makePlan()
    const [first = ''] = plan.participants.enrolled
    const enrolled = [first, ...plan.participants.enrolled]
    expect(problemsOf(encodePlan({ ...plan, participants: { ...plan.participants, enrolled } })).join()).toMatch(
      /twice/,
    )
  })
})

test('the modulus is by default the least that cannot overflow', () => {
  const { modulusBits, inputBits } = encodingOf(makePlan())
  expect(modulusBits).toBe(inputBits + 3)
})

test('every part of a session changes its context digest', () => {
  const session = {
    trustDomain: 'lab.example',
    runId: 'run',
    round: 1,
    sessionId: new Uint8Array(16),
    planDigest: new Uint8Array(32),
    modelDigest: new Uint8Array(32),
  }
  const digestOf = (changes: Partial<typeof session>, plan: PlanChanges = {}) =>
    Buffer.from(contextDigest(sessionContext(makePlan(plan), { ...session, ...changes }))).toString('hex')
  const one = new Uint8Array(32).fill(1)
  const digests = [
    digestOf({}),
    digestOf({ trustDomain: 'other.example' }),
    digestOf({ runId: 'another' }),
    digestOf({ round: 2 }),
    digestOf({ sessionId: new Uint8Array(16).fill(1) }),
    digestOf({ planDigest: one }),
    digestOf({ modelDigest: one }),
    digestOf({}, { aggregation: { inputBits: 15 } }),
    digestOf({}, { aggregation: { clipNorm: 11 } }),
    digestOf({}, { aggregation: { laneRange: 2 } }),
    digestOf({}, { aggregation: { maxExamples: 999 } }),
    digestOf({}, { aggregation: { minExamples: 2 } }),
    digestOf({}, { aggregation: { modulusBits: 20 } }),
    digestOf({}, { participants: { minimumCohort: 4 } }),
    digestOf({}, { security: { gamma: 0.2 } }),
    digestOf({}, { security: { gamma: 0, delta: 0.1 } }),
    digestOf({}, { security: { gamma: 0, adversary: 'semi-honest' } }),
    digestOf({}, { security: { gamma: 0, graph: 'complete' } }),
  ]
  expect(new Set(digests).size).toBe(digests.length)
})
