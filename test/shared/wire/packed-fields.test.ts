/** Fields in which one value follows the other: a length that does not come out even is refused, nothing is cut or padded. */
import { describe, expect, test } from 'vitest'
import {
  attestationFromWire,
  certificateFromWire,
  dealFromWire,
  instructionFromWire,
} from '../../../shared/wire/from-wire.ts'
import { planSignatureFromWire } from '../../../shared/wire/plan-signature.ts'

const malformed = expect.objectContaining({ code: 'malformed' })

describe("a certificate's signers and signatures", () => {
  const two = { signers: Uint8Array.of(0b101), signatures: new Uint8Array(128).fill(7) }
  const sets = { shared: Uint8Array.of(0b111), survivors: Uint8Array.of(0b111) }

  test('are read in index order', () => {
    const { signatures } = certificateFromWire({ ...sets, ...two })
    expect(signatures.map(({ index }) => index)).toEqual([1, 3])
    expect(signatures.every(({ signature }) => signature.length === 64)).toBe(true)
  })

  test.each([
    ['a byte less', { ...sets, ...two, signatures: two.signatures.subarray(1) }],
    ['a byte more', { ...sets, ...two, signatures: new Uint8Array(129) }],
    ['a signature more than signers', { ...sets, ...two, signatures: new Uint8Array(192) }],
    ['a signer more than signatures', { ...sets, ...two, signers: Uint8Array.of(0b111) }],
    ['signers over another roster than the sets', { ...sets, ...two, signers: Uint8Array.of(0b101, 0) }],
  ])('%s', (_, certificate) => {
    expect(() => certificateFromWire(certificate)).toThrow(malformed)
  })
})

type Step = Parameters<typeof instructionFromWire>[0]

test('roster lines come whole', () => {
  const roster = (bytes: number): Step => ({
    $case: 'shareKeys',
    value: { ownIndex: 1, lines: new Uint8Array(bytes), neighbours: [], threshold: 2 },
  })
  const read = instructionFromWire(roster(3 * 67))
  expect(read?.kind === 'share-keys' && read.lines.length).toBe(3)
  for (const bytes of [3 * 67 - 1, 3 * 67 + 1]) expect(() => instructionFromWire(roster(bytes))).toThrow(malformed)
})

test('a deal for a holder has its leaf', () => {
  const part = {
    owner: 1,
    ciphertext: new Uint8Array(0),
    leaf: undefined,
    path: [],
    root: new Uint8Array(32),
    selfSeedCommitment: new Uint8Array(32),
    signature: new Uint8Array(64),
  }
  const value = { shared: Uint8Array.of(1), deals: [part] }
  expect(() => instructionFromWire({ $case: 'maskInput', value })).toThrow(malformed)
})

test('fields of a fixed length have it', () => {
  const deal = {
    owner: 1,
    selfSeedCommitment: new Uint8Array(32),
    leaves: [],
    ciphertexts: [],
    signature: new Uint8Array(64),
  }
  expect(dealFromWire(deal)).toEqual(deal)
  for (const bytes of [31, 33]) {
    expect(() => dealFromWire({ ...deal, selfSeedCommitment: new Uint8Array(bytes) })).toThrow(malformed)
  }
})

test('an attestation is there, and its signature has its length', () => {
  const signature = new Uint8Array(64).fill(3)
  expect(attestationFromWire({ signature })).toEqual({ kind: 'attest-survivors', signature })
  expect(() => attestationFromWire(undefined)).toThrow(malformed)
  expect(() => attestationFromWire({ signature: signature.subarray(1) })).toThrow(malformed)
})

test("the chain of a plan's author is as long as a chain can be", () => {
  const signed = (certificates: number) => ({
    authorId: 'spiffe://lab.example/operator/ada',
    signedAtMs: 1,
    certificateChain: Array.from({ length: certificates }, () => new Uint8Array(4)),
    signature: new Uint8Array(64),
  })
  expect(planSignatureFromWire(signed(1))?.certificateChain).toHaveLength(1)
  expect(() => planSignatureFromWire(signed(100))).toThrow(malformed)
})
