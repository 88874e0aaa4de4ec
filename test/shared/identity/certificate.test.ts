/** Reading a certificate is not yet using its key: a key of a kind that nobody here knows is refused when it is asked for. */
import { expect, test } from 'vitest'
import { publicKeyOf, readCertificate } from '../../../shared/identity/certificate.ts'
import { makeAuthority, makeLeaf } from './test-pki.ts'

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
