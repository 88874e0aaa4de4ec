import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derSignature } from '../../../shared/crypto/ecdsa-form.ts'
import { InvariantError } from '../../../shared/errors.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const message = Buffer.from('masked input 7')
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a raw signature and its DER form are valid together', () => {
  for (let time = 0; time < 50; time += 1) {
    const raw = new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
    expect(verify('sha256', message, publicKey, derSignature(raw))).toBe(true)
    raw[time] = (raw[time] ?? 0) ^ 1
    expect(verify('sha256', message, publicKey, derSignature(raw))).toBe(false)
  }
})

test.each([
  ['zeros', [], [], '3006020100020100'],
  ['small numbers', [5], [0x7f], '300602010502017f'],
  ['a high bit', [0x80], [1, 0], '3008020200800202' + '0100'],
])('%s: leading zeros go, but for one before a high bit', (_, r, s, expected) => {
  const raw = new Uint8Array(64)
  raw.set(r, 32 - r.length)
  raw.set(s, 64 - s.length)
  expect(hex(derSignature(raw))).toBe(expected)
})

test('any 64 bytes are at most 72 in DER and never verify by accident, or throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (raw) => {
      const der = derSignature(raw)
      expect(der.length).toBe(2 + (der[1] ?? 0))
      expect(der.length).toBeLessThanOrEqual(72)
      expect(verify('sha256', message, publicKey, der)).toBe(false)
    }),
  )
})

test('another length is our bug', () => {
  expect(() => derSignature(new Uint8Array(63))).toThrow(InvariantError)
})
