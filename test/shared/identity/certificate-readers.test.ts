/**
 * Our reader of certificates against asn1-schema's, an independent one: where both read a certificate, however it was
 * altered, they read the same, so that no byte means one thing to us and another to the rest of the world.
 */
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  KeyUsage,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCertificate } from '../../../shared/identity/certificate.ts'
import { ecKeys, makeAuthority, makeIntermediate, makeLeaf, rawExtension } from './test-pki.ts'

const root = makeAuthority('a.example', { pathLength: 2 })
const unknown = rawExtension('1.2.840.113549.77', true, Uint8Array.from([5, 0]))
const certificates = [
  root,
  makeIntermediate(root, { permittedUris: ['a.example'], excludedUris: ['.b'] }),
  makeLeaf(root),
  makeLeaf(root, { dnsNames: ['a.example'], extra: [unknown] }),
  makeLeaf(root, { name: '', keys: ecKeys('P-384'), extendedKeyUsage: null }),
  makeLeaf(root, { keyUsage: ['digitalSignature', 'keyAgreement', 'decipherOnly'], ca: null }),
].map(({ der }) => der)

const READ = ['2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.30', '2.5.29.37']

function ours(der: Uint8Array) {
  const facts = readCertificate(der)
  const { subjectEmpty, signatureAlgorithm, criticalUnknown, basicConstraints, keyUsage, extendedKeyUsage, san } = facts
  const usage = keyUsage && { critical: keyUsage.critical, uses: [...keyUsage.uses].sort() }
  const purposes = extendedKeyUsage && [...extendedKeyUsage]
  return { subjectEmpty, signatureAlgorithm, criticalUnknown, basicConstraints, usage, purposes, san }
}

function theirs(der: Uint8Array): ReturnType<typeof ours> {
  const { tbsCertificate, signatureAlgorithm } = AsnConvert.parse(der, Certificate)
  const extensions = tbsCertificate.extensions ?? []
  const find = (id: string) => extensions.find(({ extnID }) => extnID === id)
  const parse = <T>(extension: Extension | undefined, type: new () => T) =>
    extension === undefined ? null : AsnConvert.parse(extension.extnValue.buffer, type)
  const [usage, san] = [find('2.5.29.15'), find('2.5.29.17')]
  const basic = parse(find('2.5.29.19'), BasicConstraints)
  const names = parse(san, SubjectAlternativeName)
  const purposes = parse(find('2.5.29.37'), ExtendedKeyUsage)
  return {
    subjectEmpty: tbsCertificate.subject.length === 0,
    signatureAlgorithm: signatureAlgorithm.algorithm,
    criticalUnknown: extensions.filter((e) => e.critical && !READ.includes(e.extnID)).map((e) => e.extnID),
    basicConstraints: basic && { ca: basic.cA, pathLength: basic.pathLenConstraint ?? null },
    usage: usage ? { critical: usage.critical, uses: parse(usage, KeyUsage)?.toJSON().sort() ?? [] } : null,
    purposes: purposes && [...new Set(purposes)],
    san: san
      ? { critical: san.critical, uris: (names ?? []).flatMap((name) => name.uniformResourceIdentifier ?? []) }
      : null,
  }
}

const readOrNull = <T>(read: () => T): T | null => {
  try {
    return read()
  } catch {
    return null
  }
}

describe('two readers of one certificate', () => {
  test.each(certificates.map((der, place) => [place, der] as const))('agree on certificate %i', (_, der) => {
    expect(ours(der)).toEqual(theirs(der))
  })

  test('agree wherever both read an altered one', () => {
    const change = fc.record({ at: fc.nat(), bit: fc.nat(7) })
    let read = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...certificates),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (good, changes) => {
          const der = good.slice()
          for (const { at, bit } of changes) der[at % der.length] = (der[at % der.length] ?? 0) ^ (1 << bit)
          const [own, other] = [readOrNull(() => ours(der)), readOrNull(() => theirs(der))]
          if (own === null || other === null) return
          read += 1
          expect(own).toEqual(other)
        },
      ),
      { numRuns: 600 },
    )
    expect(read).toBeGreaterThan(100)
  })

  test('ours writes an object id with a number of 128 bits in decimals', () => {
    const id = '2.25.329800735698586629295641978511506172918'
    const { der } = makeLeaf(root, { extra: [rawExtension(id, true, Uint8Array.from([5, 0]))] })
    expect(readCertificate(der).criticalUnknown).toEqual([id])
  })
})
