import fc from 'fast-check'
import { expect, test } from 'vitest'
import { selectCohort } from '../../../coordinator/rounds/select.ts'
import { systemRng } from '../../../shared/random.ts'

const ids = (count: number) => Array.from({ length: count }, (_, place) => `spiffe://a/site/${place}`)

test('draws so many different ones of the eligible, in order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 50 }), (count, size) => {
      const cohort = selectCohort(ids(count), size, systemRng)
      expect(cohort).toHaveLength(Math.min(count, size))
      expect(new Set(cohort).size).toBe(cohort.length)
      expect(cohort.every((id) => ids(count).includes(id))).toBe(true)
      expect([...cohort].sort()).toEqual(cohort)
    }),
  )
})

test('does not depend on the order of the eligible, only on the randomness', () => {
  const rng = () => {
    let counter = 0
    return (length: number) => new Uint8Array(length).map(() => (counter = (counter * 31 + 7) % 251))
  }
  const forwards = selectCohort(ids(20), 5, rng())
  expect(selectCohort(ids(20).reverse(), 5, rng())).toEqual(forwards)
})

test('favours nobody: 2 of 4, six thousand times', () => {
  const counts = new Map<string, number>()
  for (let draw = 0; draw < 6000; draw += 1) {
    const key = selectCohort(ids(4), 2, systemRng).join(' ')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  expect(counts.size).toBe(6)
  // Six standard deviations of a binomial count with p = 1/6.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(6 * Math.sqrt(6000 * (5 / 36)))
})

test('throws a word away that would favour small numbers', () => {
  const words = [0xff_ff_ff_ff, 0x00_00_00_02]
  const rng = (length: number) => {
    const bytes = new Uint8Array(length)
    new DataView(bytes.buffer).setUint32(0, words.shift() ?? 0)
    return bytes
  }
  expect(selectCohort(ids(3), 1, rng)).toEqual([ids(3)[2]])
  expect(words).toEqual([])
})
