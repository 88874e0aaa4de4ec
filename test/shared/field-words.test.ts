/** Problems of a field in words: never the validator's own, never endless, never what a value holds. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { policyFile } from '../../participant/policy/policy-file.ts'
import { ConfigError } from '../../shared/errors.ts'
import { fieldWords } from '../../shared/field-words.ts'
import { planFile } from '../../shared/plan/plan.ts'
import { encodePlan, parsePlan } from '../../shared/plan/plan-document.ts'
import { makePlan } from '../coordinator/integration/plans.ts'

const schema = z.strictObject({
  count: z.int().min(2).max(5).optional(),
  rate: z.number().positive().lt(1).optional(),
  names: z.array(z.string().min(1).max(3)).min(1).max(2).optional(),
  flag: z.boolean().optional(),
  part: z.strictObject({ inner: z.int() }).optional(),
  kind: z.enum(['csv', 'npy']).optional(),
})

function wordsOf(value: unknown): string {
  const { error } = schema.safeParse(value, { error: fieldWords })
  return (error?.issues ?? []).map(({ message }) => message).join('\n')
}

test.each<[unknown, string]>([
  [{ count: 1.5 }, 'must be a whole number, not 1.5'],
  [{ count: '3' }, 'must be a number, not text'],
  [{ count: 1 }, 'must be at least 2, not 1'],
  [{ count: 6 }, 'must be at most 5, not 6'],
  [{ rate: 0 }, 'must be more than 0, not 0'],
  [{ rate: 1 }, 'must be less than 1, not 1'],
  [{ names: 'it' }, 'must be a list, not text'],
  [{ names: [] }, 'must have at least 1 entry, not 0'],
  [{ names: ['a', 'b', 'c'] }, 'must have at most 2 entries, not 3'],
  [{ names: [''] }, 'must have at least 1 character, not 0'],
  [{ flag: 'yes' }, 'must be true or false, not text'],
  [{ part: ['a'] }, 'must be a section with keys of its own, not a list'],
  [{ part: null }, 'must be a section with keys of its own, not empty'],
  [{ part: {} }, 'is missing'],
  [{ kind: 'xml' }, 'must be csv or npy'],
  [{ cuont: 3 }, 'unknown key "cuont"; did you mean count?'],
])('%j: %s', (value, words) => {
  expect(wordsOf(value)).toBe(words)
})

test('of many unknown keys, and of long ones, only so much is told', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${i}${'x'.repeat(100)}`, 1]))
  expect(wordsOf(many).length).toBeLessThan(2000)
})

describe('the validator’s own words for types, bounds and keys are nowhere', () => {
  const itsOwn = /Invalid input|Too small|Too big|Unrecognized/
  const wrong = [null, [], {}, '', 'x', -1, 1.5, 1e15, true]

  test.each([
    ['policy.yaml', policyFile, {}],
    ['plan.yaml', planFile, { model: { file: 'model.onnx' } }],
  ])('%s', (_name, file, others) => {
    for (const field of Object.keys(file.shape)) {
      for (const value of wrong) {
        const { error } = file.safeParse({ ...others, [field]: value, colour: 'red' }, { error: fieldWords })
        expect(error?.issues.map(({ message }) => message).join('\n')).not.toMatch(itsOwn)
      }
    }
  })

  test('a plan document', () => {
    const plan = JSON.parse(new TextDecoder().decode(encodePlan(makePlan())))
    for (const change of [{ rounds: 0 }, { participants: [] }, { colour: 'red' }, { rounds: undefined }]) {
      const document = new TextEncoder().encode(JSON.stringify({ ...plan, ...change }))
      expect(problemsOf(document)).toMatch(new RegExp(`^plan[.:].*${Object.keys(change)[0]}`))
      expect(problemsOf(document)).not.toMatch(itsOwn)
    }
  })
})

function problemsOf(document: Uint8Array): string {
  try {
    parsePlan(document)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
  return ''
}
