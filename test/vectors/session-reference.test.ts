/**
 * The session vectors recomputed by the second implementation in reference/, from the draws, the certificates and the
 * inputs alone: what somebody would do who writes Blindsum in another language.
 */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import certificates from './certificates.json' with { type: 'json' }
import { bytes, hex } from './hex.ts'
import { keystreamLanes, xchacha20Poly1305Seal } from './reference/chacha20.ts'
import { interpolateAtZero, shareAt } from './reference/gf65536.ts'
import { bitmapOf, packedOf, quantised, uploadDigestOf } from './reference/lanes.ts'
import { auditPath, treeHash } from './reference/merkle.ts'
import { p256Public, p256Sign } from './reference/p256.ts'
import * as tuple from './reference/tuples.ts'
import { hkdfSha256, x25519, x25519Public } from './reference/x25519.ts'
import session16 from './session-16-bit.json' with { type: 'json' }
import session32 from './session-32-bit.json' with { type: 'json' }
import { expectShownTuples } from './shown-tuples.ts'

describe.each([
  ['16-bit session', session16],
  ['32-bit session', session32],
] as const)('%s', (name, session) => {
  const contextDigest = session.context.sha256
  const digests = { contextDigest, rosterDigest: session.roster.tuple.sha256 }
  const { inputBits, modulusBits } = session.encoding
  const laneWidth = modulusBits <= 16 ? 16 : 32
  const modulus = 2 ** modulusBits
  const { threshold } = session.roster
  const derived = (secret: string, info: tuple.DescribedTuple) =>
    hex(
      hkdfSha256({
        secret: bytes(secret),
        salt: bytes(digests.rosterDigest),
        info: bytes(tuple.encodeDescribed(info)),
        lengthBytes: 32,
      }),
    )
  const signed = (secretKey: string, message: tuple.DescribedTuple) =>
    hex(p256Sign(bytes(secretKey), bytes(tuple.encodeDescribed(message))))
  const at = (index: number) => session.participants[index - 1]!
  const agreed = (own: string, peer: string) => hex(x25519(bytes(own), bytes(peer)))

  test('every tuple has the bytes and the digest of its fields', () => {
    expect(expectShownTuples(session)).toBeGreaterThan(80)
  })

  test('the draws are those of the test stream', () => {
    for (const { index, draws } of session.participants) {
      for (const [place, drawn] of draws.entries()) {
        const stream = createHash('shake256', { outputLength: drawn.length / 2 })
        expect(stream.update(`${name} site ${index}/${place}`).digest('hex')).toBe(drawn)
      }
    }
  })

  test('stage 0: keys, advertisements and the roster', () => {
    const leaves = session.participants.map((one, place) => {
      const { spiffeId, secretKey, certificateChain } = certificates.sites[place]!
      const [channel = '', mask = '', signing = ''] = one.draws
      expect(one).toMatchObject({ index: place + 1, spiffeId })
      expect(one.channel).toEqual({ secretKey: channel, publicKey: hex(x25519Public(bytes(channel))) })
      expect(one.mask).toEqual({ secretKey: mask, publicKey: hex(x25519Public(bytes(mask))) })
      expect(one.signing).toEqual({ secretKey: signing, publicKey: hex(p256Public(bytes(signing))) })
      const entry = {
        spiffeId,
        channelKey: one.channel.publicKey,
        maskKey: one.mask.publicKey,
        signingKey: one.signing.publicKey,
        advertisedAtMs: certificates.nowMs,
      }
      const statement = tuple.advertiseTuple(contextDigest, entry)
      expect(one.advertisement.encoded).toBe(tuple.encodeDescribed(statement))
      expect(one.signature).toBe(signed(secretKey, statement))
      const entryHash = tuple.digestDescribed(tuple.entryTuple(entry, certificateChain, one.signature))
      expect(one.entry.sha256).toBe(entryHash)
      return tuple.encodeDescribed(
        tuple.rosterLeafTuple(place + 1, { enrolment: place + 1, signingKey: entry.signingKey, entryHash }),
      )
    })
    const root = treeHash(leaves)
    expect(session.roster.root).toBe(root)
    expect(tuple.digestDescribed(tuple.rosterTuple(contextDigest, leaves.length, root))).toBe(digests.rosterDigest)
    // c = max(0, ⌈4/3⌉ − 1) = 1, t = q = ⌊(4 + 1)/2⌋ + 1.
    expect(session.roster).toMatchObject({ threshold: 3, quorum: 3 })
  })

  test('stage 1: shares, commitments, ciphertexts and the signed tree of every deal', () => {
    expect(session.deals.map(({ owner }) => owner)).toEqual(session.shared.indices)
    for (const deal of session.deals) {
      const { owner } = deal
      const own = at(owner)
      const [selfSeed = '', selfCoefficients = '', maskCoefficients = '', ...nonces] = own.draws.slice(3)
      const polynomial = (secret: string, drawn: string) => [secret, ...(drawn.match(/.{64}/g) ?? [])].map(bytes)
      const self = polynomial(selfSeed, selfCoefficients)
      const mask = polynomial(own.mask.secretKey, maskCoefficients)
      expect([self.length, mask.length]).toEqual([threshold, threshold])
      const leaves = deal.holders.map(({ holder, ...held }) => {
        const selfSeedShare = hex(shareAt(self, holder))
        const maskKeyShare = hex(shareAt(mask, holder))
        expect(held).toMatchObject({ selfSeedShare, maskKeyShare })
        let ciphertext = ''
        if (holder !== owner) {
          const secret = agreed(own.channel.secretKey, at(holder).channel.publicKey)
          const key = derived(secret, tuple.shareKeyTuple(contextDigest, owner, holder))
          const nonce = nonces.shift() ?? ''
          const box = xchacha20Poly1305Seal({
            key: bytes(key),
            nonce: bytes(nonce),
            plaintext: bytes(selfSeedShare + maskKeyShare),
            associatedData: bytes(tuple.encodeDescribed(tuple.shareCiphertextTuple(digests, owner, holder))),
          })
          ciphertext = nonce + hex(box)
          expect(held.sealed).toMatchObject({ agreed: secret, key, nonce, ciphertext })
        } else expect(held.sealed).toBeNull()
        const committed = (kind: string, share: string) =>
          tuple.digestDescribed(tuple.shareCommitmentTuple(digests, { owner, holder, kind, share }))
        const leaf = tuple.encodeDescribed(
          tuple.dealLeafTuple({
            holder,
            ciphertextDigest: tuple.sha256Of(ciphertext),
            selfShareCommitment: committed('self-mask-seed', selfSeedShare),
            maskKeyShareCommitment: committed('mask-key', maskKeyShare),
          }),
        )
        expect(held.leaf.encoded).toBe(leaf)
        return leaf
      })
      expect(nonces).toEqual([])
      const root = treeHash(leaves)
      expect(deal.root).toBe(root)
      for (const [place, { path }] of deal.holders.entries()) expect(path).toEqual(auditPath(place, leaves))
      const selfSeedCommitment = tuple.digestDescribed(tuple.seedCommitmentTuple(digests, owner, selfSeed))
      const statement = tuple.dealTuple(digests, { owner, selfSeedCommitment, root })
      expect(deal.statement.encoded).toBe(tuple.encodeDescribed(statement))
      expect(deal.signature).toBe(signed(own.signing.secretKey, statement))
    }
  })

  /** PRG(key), modulo 2^m. */
  const mask = (key: string) => keystreamLanes(bytes(key), laneWidth, session.sum.length)
  const plus = (a: readonly number[], b: readonly number[], sign: number) =>
    a.map((lane, place) => (((lane + sign * b[place]!) % modulus) + modulus) % modulus)

  test('stage 2: the encoded, masked, packed and signed input of every survivor', () => {
    for (const one of session.maskedInputs) {
      const own = at(one.index)
      const scalars = session.encoding.scalars.map(({ name: scalar, fractionBits }) => {
        const value = scalar === 'examples' ? Math.min(one.weight, session.encoding.maxWeight) : one.scalars.lossSum
        return BigInt(Math.floor(value * 2 ** fractionBits + 0.5))
      })
      const { update, weight, roundingSeed } = one
      expect(quantised({ update, weight, scalars, roundingSeed, encoding: session.encoding })).toEqual(one.lanes)
      const selfKey = derived(own.draws[3]!, tuple.selfMaskTuple(contextDigest, one.index))
      expect(one.selfMask).toMatchObject({ key: selfKey, sign: 1 })
      let masked = plus(one.lanes, mask(selfKey), 1)
      const asked = [{ key: selfKey, sign: 1 }]
      for (const other of session.shared.indices) {
        if (other === one.index) continue
        const [lower, higher] = [Math.min(one.index, other), Math.max(one.index, other)]
        const secret = agreed(own.mask.secretKey, at(other).mask.publicKey)
        expect(one.pairwiseMasks.find((pair) => pair.with === other)?.agreed).toBe(secret)
        const key = derived(secret, tuple.pairwiseMaskTuple(contextDigest, lower, higher))
        const sign = one.index === lower ? 1 : -1
        asked.push({ key, sign })
        masked = plus(masked, mask(key), sign)
      }
      expect(one.masksAsked).toEqual(asked)
      expect(one.pairwiseMasks.map(({ key, sign }) => ({ key, sign }))).toEqual(asked.slice(1))
      expect(one.masked).toEqual(masked)
      expect(one.packed).toBe(packedOf(masked, modulusBits))
      expect(one.digest).toBe(uploadDigestOf(bytes(one.packed)))
      expect(one.signature).toBe(signed(own.signing.secretKey, tuple.contributionTuple(digests, one.digest)))
    }
  })

  test('stage 3: the sets and the certificate', () => {
    const size = session.participants.length
    expect(session.shared.bitmap).toBe(bitmapOf(session.shared.indices, size))
    expect(session.survivors.bitmap).toBe(bitmapOf(session.survivors.indices, size))
    const statement = tuple.survivorsTuple(digests, session.shared.bitmap, session.survivors.bitmap)
    expect(session.attestations.statement.encoded).toBe(tuple.encodeDescribed(statement))
    const signatures = session.survivors.indices.map((index) => ({
      index,
      signature: signed(at(index).signing.secretKey, statement),
    }))
    expect(session.attestations.signatures).toEqual(signatures)
    const certificate = {
      shared: session.shared.bitmap,
      survivors: session.survivors.bitmap,
      signatures: signatures.slice(0, session.roster.quorum),
    }
    expect(session.certificate.signers).toEqual(certificate.signatures.map(({ index }) => index))
    expect(session.certificate.request.sha256).toBe(tuple.digestDescribed(tuple.revealRequestTuple(certificate)))
  })

  test('stage 4: the shares revealed, the secrets rebuilt, and the sum of the inputs', () => {
    const { indices: survivors } = session.survivors
    for (const { from, shares } of session.reveals) {
      expect(shares).toEqual(
        session.deals.map(({ owner, holders }) => {
          const held = holders.find(({ holder }) => holder === from)!
          return survivors.includes(owner)
            ? { owner, kind: 'self-mask-seed', share: held.selfSeedShare }
            : { owner, kind: 'mask-key', share: held.maskKeyShare }
        }),
      )
    }
    let sum = new Array<number>(session.sum.length).fill(0)
    for (const { masked } of session.maskedInputs) sum = plus(sum, masked, 1)
    const masksToAdd: { key: string; sign: number }[] = []
    for (const { owner, kind, holders, secret } of session.unmasking) {
      const shares = holders.map((holder) => {
        const revealed = session.reveals.find(({ from }) => from === holder)!
        return { holder, share: bytes(revealed.shares.find((share) => share.owner === owner)!.share) }
      })
      expect(shares.length).toBe(threshold)
      expect(hex(interpolateAtZero(shares))).toBe(secret)
      if (survivors.includes(owner)) {
        expect([kind, secret]).toEqual(['self-mask-seed', at(owner).draws[3]])
        masksToAdd.push({ key: derived(secret, tuple.selfMaskTuple(contextDigest, owner)), sign: -1 })
        continue
      }
      expect([kind, secret]).toEqual(['mask-key', at(owner).mask.secretKey])
      for (const survivor of survivors) {
        const [lower, higher] = [Math.min(owner, survivor), Math.max(owner, survivor)]
        const info = tuple.pairwiseMaskTuple(contextDigest, lower, higher)
        // The survivor added it when its index is the lower one.
        const sign = survivor === lower ? -1 : 1
        masksToAdd.push({ key: derived(agreed(secret, at(survivor).mask.publicKey), info), sign })
      }
    }
    expect(session.masksToAdd).toEqual(masksToAdd)
    for (const { key, sign } of masksToAdd) sum = plus(sum, mask(key), sign)
    expect(session.sum).toEqual(sum)
    const inputs = session.maskedInputs.reduce(
      (total, { lanes }) => plus(total, lanes, 1),
      sum.map(() => 0),
    )
    expect(sum).toEqual(inputs)
  })

  test('the decoded sum', () => {
    const { parameterCount, laneRange, maxWeight } = session.encoding
    const examples = session.maskedInputs.reduce((total, { weight }) => total + Math.min(weight, maxWeight), 0)
    const lossSum = session.maskedInputs.reduce(
      (total, { scalars }) => total + Math.floor(scalars.lossSum * 2 ** 20 + 0.5),
      0,
    )
    expect(session.decoded.scalars).toEqual({ examples, lossSum: lossSum / 2 ** 20 })
    const unit = (laneRange * maxWeight) / ((2 ** (inputBits - 1) - 1) * examples)
    const signedLanes = session.sum.slice(0, parameterCount).map((lane) => (lane < modulus / 2 ? lane : lane - modulus))
    expect(session.decoded.weightedMean).toEqual(signedLanes.map((lane) => Math.fround(lane * unit)))
  })
})

test('the two sessions show both kinds of share, both lane widths, and a gap in U2 and in U3', () => {
  const kinds = (session: { readonly unmasking: readonly { readonly kind: string }[] }) =>
    session.unmasking.map(({ kind }) => kind)
  expect(kinds(session16)).toContain('mask-key')
  expect(kinds(session16)).toContain('self-mask-seed')
  expect([session16.encoding.modulusBits <= 16, session32.encoding.modulusBits > 16]).toEqual([true, true])
  expect(session16.shared.indices).toEqual([1, 2, 3, 4])
  expect(session16.survivors.indices).toEqual([1, 2, 4])
  expect(session32.shared.indices).toEqual([1, 2, 3])
})
