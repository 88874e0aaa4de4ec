/** Finds every tuple in a vector file and has the reference encode and hash it from its label and fields. */
import { expect } from 'vitest'
import { type DescribedTuple, encodeDescribed, sha256Of } from './reference/tuples.ts'

/** How many there were. */
export function expectShownTuples(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((count: number, one) => count + expectShownTuples(one), 0)
  if (value === null || typeof value !== 'object') return 0
  if (!isShown(value)) return expectShownTuples(Object.values(value))
  expect(encodeDescribed(value), value.label).toBe(value.encoded)
  if (value.sha256 !== undefined) expect(sha256Of(value.encoded), value.label).toBe(value.sha256)
  return 1
}

function isShown(value: object): value is DescribedTuple & { readonly encoded: string; readonly sha256?: string } {
  return 'label' in value && 'fields' in value && 'encoded' in value
}
