import { expect, test } from 'vitest'
import { UpdateDigest, updateDigest } from '../../../participant/protocol/update-digest.ts'
import { digestTuple } from '../../../shared/protocol/tuple.ts'

const scalars = { examples: 7, trainLossSum: 0.1, evalExamples: 3 }
const update = Float32Array.from({ length: 1000 }, (_, place) => Math.sin(place))

test('is the digest of one tuple: label, bytes, every scalar by name', () => {
  const bytes = new Uint8Array(update.buffer)
  const named = ['evalExamples=3', 'examples=7', 'trainLossSum=0.1']
  expect(updateDigest(update, scalars)).toEqual(digestTuple('blindsum/v1/update', bytes, ...named))
})

test('comes out the same in parts, and of shared memory', () => {
  const shared = new Float32Array(new SharedArrayBuffer(update.byteLength))
  shared.set(update)
  const digest = new UpdateDigest(update.length)
  for (let from = 0; from < update.length; from += 300) digest.add(shared.subarray(from, from + 300))
  expect(digest.final(scalars)).toEqual(updateDigest(update, scalars))
})

test('is another for one other bit, count or metric', () => {
  const other = update.slice()
  other[999] = 0
  for (const [values, sums] of [
    [other, scalars],
    [update.subarray(1), scalars],
    [update, { ...scalars, examples: 8 }],
    [update, { ...scalars, trainLossSum: 0.2 }],
  ] as const) {
    expect(updateDigest(values, sums)).not.toEqual(updateDigest(update, scalars))
  }
})
