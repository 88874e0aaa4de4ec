/** What makes a quorum certificate worthless, one flaw at a time; every signature in it is genuine. */
import { describe, expect, test } from 'vitest'
import { generateSigningKey, sign } from '../../../shared/crypto/signatures.ts'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import { type QuorumCertificate, quorumCertificateFlaw } from '../../../shared/protocol/quorum-certificate.ts'
import { survivorsStatement } from '../../../shared/protocol/statements.ts'

const SIZE = 5
const QUORUM = 3
const digests = { contextDigest: new Uint8Array(32).fill(1), rosterDigest: new Uint8Array(32).fill(2) }
const keys = Array.from({ length: SIZE }, () => generateSigningKey())
const roster = keys.map(({ publicKey }, place) => ({
  enrolment: place + 1,
  signingKey: publicKey,
  entryHash: new Uint8Array(32),
}))

const EVERYBODY = encodeBitmap([1, 2, 3, 4, 5], SIZE)

/** Signed by these indices over these survivors and this U2. */
function certificate(
  signers: readonly number[],
  survivors: Uint8Array = encodeBitmap([1, 2, 3, 4], SIZE),
  shared: Uint8Array = EVERYBODY,
) {
  const statement = survivorsStatement(digests, shared, survivors)
  const signatures = signers.map((index) => {
    const key = keys[index - 1]
    return { index, signature: key === undefined ? new Uint8Array(64) : sign(key, statement) }
  })
  return { shared, survivors, signatures }
}

const flawOf = (made: QuorumCertificate) => quorumCertificateFlaw(made, { digests, roster, quorum: QUORUM })

test('a quorum of survivors makes a certificate', () => {
  expect(flawOf(certificate([1, 2, 4]))).toBeNull()
})

describe('a flaw is', () => {
  const made = certificate([1, 2, 4])
  test.each([
    ['a signature too few', certificate([1, 2])],
    ['a signature too many', certificate([1, 2, 3, 4])],
    ['a signer who is in U2 but did not survive', certificate([1, 2, 5])],
    ['a signer outside of the roster', certificate([1, 2, 6])],
    ['one signer several times', certificate([2, 2, 2])],
    ['signers out of order', certificate([4, 2, 1])],
    ['survivors over a larger roster', certificate([1, 2, 4], Uint8Array.of(0b1111, 0))],
    ['survivors with padding set', certificate([1, 2, 4], Uint8Array.of(0xff))],
    ['U2 over a larger roster', certificate([1, 2, 4], undefined, Uint8Array.of(0b11111, 0))],
    ['U2 with padding set', certificate([1, 2, 4], undefined, Uint8Array.of(0xff))],
    ['another U2 than was signed', { ...made, shared: encodeBitmap([1, 2, 3, 4], SIZE) }],
    ['other survivors than were signed', { ...made, survivors: EVERYBODY }],
  ])('%s', (_, flawed) => {
    expect(flawOf(flawed)).not.toBeNull()
  })
})
