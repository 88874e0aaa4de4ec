/** The encodings everything is hashed and signed over. The digests were computed once by an independent program (Python's hashlib). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBitmap, encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import { decodeStored, encodeStored } from '../../../shared/protocol/stored-form.ts'
import { digestTuple, encodeTuple } from '../../../shared/protocol/tuple.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('tuples', () => {
  test('label, then length-prefixed fields, big-endian', () => {
    expect(hex(encodeTuple('ab', 'c', 258, new Uint8Array([9])))).toBe(
      '0002616200000001630000000800000000000001020000000109',
    )
  })

  test('digest', () => {
    expect(hex(digestTuple('blindsum/v1/test', 'site', 7, new Uint8Array(32)))).toBe(
      '1889cfe5947f06e4f49e31e401099bce2cb45ab20b08593dd50df73613c5a36e',
    )
  })

  test('different tuples have different bytes', () => {
    const field = fc.oneof(fc.string(), fc.nat(), fc.uint8Array())
    fc.assert(
      fc.property(fc.array(field), fc.array(field), (a, b) => {
        const normal = (fields: readonly (string | number | Uint8Array)[]) =>
          JSON.stringify(fields.map((one) => hex(encodeTuple('', one))))
        fc.pre(normal(a) !== normal(b))
        expect(hex(encodeTuple('x', ...a))).not.toBe(hex(encodeTuple('x', ...b)))
      }),
    )
  })

  test('integers outside u64 are our bug', () => {
    expect(() => encodeTuple('x', -1)).toThrow()
    expect(() => encodeTuple('x', 1n << 64n)).toThrow()
  })
})

describe('bitmaps', () => {
  test('bit i−1 for index i, least significant first', () => {
    expect([...encodeBitmap([1, 3, 9], 10)]).toEqual([0b101, 0b1])
  })

  test('round trip; other sizes and set padding are refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), (size, picks) => {
        const indices = [...new Set(picks.map((pick) => (pick % size) + 1))].sort((a, b) => a - b)
        expect(decodeBitmap(encodeBitmap(indices, size), size)).toEqual(indices)
        expect(decodeBitmap(encodeBitmap(indices, size + 8), size)).toBeNull()
      }),
    )
    expect(decodeBitmap(new Uint8Array([0b100000]), 5)).toBeNull()
  })
})

test('stored form: what is read back is what was stored', () => {
  const state = { a: new Uint8Array([1, 2]), b: new Map([[3, { c: 4n }]]), d: [null, 'x', true, 1.5], e: new Map() }
  expect(decodeStored(encodeStored(state))).toEqual(state)
})
