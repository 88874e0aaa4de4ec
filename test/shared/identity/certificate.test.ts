/** What one check alone stands against: a second form of the same certificate that OpenSSL reads, a key of an unknown kind. */
import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { publicKeyOf, readCertificate } from '../../../shared/identity/certificate.ts'
import { makeAuthority, makeLeaf, rawExtension } from './test-pki.ts'

test('a public key of an unknown type', () => {
  const { der } = makeLeaf(makeAuthority())
  const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex')
  const place = Buffer.from(der).indexOf(ecPublicKey)
  expect(place).toBeGreaterThan(0)
  const unknown = Uint8Array.from(der)
  unknown[place + ecPublicKey.length - 1] = 99
  expect(publicKeyOf(readCertificate(der)).asymmetricKeyType).toBe('ec')
  const read = readCertificate(unknown)
  expect(() => publicKeyOf(read)).toThrow(expect.objectContaining({ code: 'key_unsupported' }))
})

test('a length that takes more bytes than it needs, deep inside the subject', () => {
  const { der } = makeLeaf(makeAuthority(), { name: 'north' })
  const padded = withLongLength(der, Buffer.from('north'))
  expect(padded).toHaveLength(der.length + 1)
  expect(new X509Certificate(padded).raw.equals(padded)).toBe(true)
  expect(() => readCertificate(padded)).toThrow(expect.objectContaining({ code: 'certificate_malformed' }))
})

test('an extension whose value is strict DER and has a part more than the standard puts there', () => {
  const basicConstraints = (parts: string) => {
    const value = Buffer.from(`30${(parts.length / 2).toString(16).padStart(2, '0')}${parts}`, 'hex')
    return makeLeaf(makeAuthority(), { ca: null, extra: [rawExtension('2.5.29.19', true, value)] }).der
  }
  expect(readCertificate(basicConstraints('0101ff020100')).basicConstraints).toEqual({ ca: true, pathLength: 0 })
  const long = basicConstraints('0101ff020100020101')
  expect(() => readCertificate(long)).toThrow(expect.objectContaining({ code: 'certificate_malformed' }))
})

/** The DER with the length of each element that is exactly `content` written in two bytes; all around it fits again. */
function withLongLength(der: Uint8Array, content: Uint8Array): Uint8Array {
  const bytes = Buffer.from(der)
  const { begins, end } = elementAt(bytes, 0)
  const inside = bytes.subarray(begins, end)
  const isIt = inside.equals(content)
  const isConstructed = ((bytes[0] ?? 0) & 0x20) !== 0
  const made =
    isIt || !isConstructed ? inside : Buffer.concat(elementsOf(inside).map((one) => withLongLength(one, content)))
  const length = isIt ? [0x81, made.length] : lengthOf(made.length)
  return Buffer.concat([Uint8Array.of(bytes[0] ?? 0, ...length), made])
}

function elementsOf(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const { end } = elementAt(bytes, at)
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}

/** Where the content of the element at `at` begins and ends. */
function elementAt(bytes: Buffer, at: number): { readonly begins: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0
  const more = first < 0x80 ? 0 : first & 0x7f
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more)
  const begins = at + 2 + more
  return { begins, end: begins + length }
}

function lengthOf(length: number): number[] {
  return length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}
