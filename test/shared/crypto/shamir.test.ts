import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { reconstructSecret, splitSecret } from '../../../shared/crypto/shamir.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { systemRng } from '../../../shared/random.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import { completingShare } from '../../vectors/reference/gf65536.ts'
import { shamirShares, vectorRng } from '../../vectors/shamir-gf65536.ts'

const secretBytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
const holderSet = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 12 })

function held(shares: ReadonlyMap<number, Uint8Array>, holders: readonly number[]) {
  return holders.map((holder) => ({ holder, share: shares.get(holder)! }))
}

describe('Shamir', () => {
  test('shares of the vector, and the secret from three of them', () => {
    const holders = Object.keys(shamirShares.shares).map(Number)
    const secret = bytes(shamirShares.secret)
    const shares = splitSecret({ secret, threshold: shamirShares.threshold, holders, rng: vectorRng })
    expect(Object.fromEntries([...shares].map(([holder, share]) => [holder, encodeHex(share)]))).toEqual(
      shamirShares.shares,
    )
    expect(reconstructSecret(held(shares, [65535, 2, 64]), 3)).toEqual(secret)
  })

  test('any t of h holders reconstruct the secret, in any order', () => {
    fc.assert(
      fc.property(secretBytes, holderSet, fc.nat(), fc.infiniteStream(fc.nat()), (secret, holders, pick, order) => {
        const threshold = 1 + (pick % holders.length)
        const shares = splitSecret({ secret, threshold, holders, rng: systemRng })
        const left = [...holders]
        const some = Array.from({ length: threshold }, () => left.splice(order.next().value % left.length, 1)[0]!)
        expect(reconstructSecret(held(shares, some), threshold)).toEqual(secret)
      }),
    )
  })

  test('every t of 6 holders reconstruct the secret, for every t', () => {
    const secret = ascending(77, 32)
    const holders = [1, 2, 3, 500, 0x8000, 0xffff]
    for (let threshold = 1; threshold <= 6; threshold += 1) {
      const shares = splitSecret({ secret, threshold, holders, rng: systemRng })
      for (let mask = 0; mask < 64; mask += 1) {
        const some = holders.filter((_, place) => (mask >> place) & 1)
        if (some.length !== threshold) continue
        expect(reconstructSecret(held(shares, some), threshold)).toEqual(secret)
      }
    }
  })

  test('t − 1 shares fit every secret: for any of them and any candidate there is the polynomial', () => {
    const candidates = fc.oneof(secretBytes, fc.constant(new Uint8Array(32)))
    fc.assert(
      fc.property(secretBytes, candidates, holderSet, fc.nat(), (secret, candidate, holders, pick) => {
        const threshold = 1 + (pick % holders.length)
        const shares = splitSecret({ secret, threshold, holders, rng: systemRng })
        const known = held(shares, holders.slice(0, threshold - 1))
        // The one polynomial of degree t − 1 through the candidate at zero and the known shares, at everybody else's x.
        const others = holders.slice(threshold - 1)
        for (const holder of others) {
          const share = completingShare(known, candidate, holder)
          expect(reconstructSecret([...known, { holder, share }], threshold)).toEqual(candidate)
        }
        // It is one polynomial: its other values, taken together with the known ones, make the candidate too.
        const completed = [
          ...known,
          ...others.map((holder) => ({ holder, share: completingShare(known, candidate, holder) })),
        ]
        expect(reconstructSecret(completed.toReversed(), threshold)).toEqual(candidate)
      }),
    )
  })

  test('a share of threshold 2 looks uniform whatever the secret (chi-square over its bytes)', () => {
    const secret = new Uint8Array(32)
    const counts = new Array<number>(256).fill(0)
    const rounds = 2000
    for (let round = 0; round < rounds; round += 1) {
      const shares = splitSecret({ secret, threshold: 2, holders: [1, 2], rng: systemRng })
      for (const byte of shares.get(2)!) counts[byte]! += 1
    }
    const expected = (rounds * 32) / 256
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // 255 degrees of freedom: P[chi² > 410] < 1e-9.
    expect(chiSquare).toBeLessThan(410)
  })

  test('exactly the first t shares are used', () => {
    const secret = ascending(0, 32)
    const shares = splitSecret({ secret, threshold: 2, holders: [1, 2, 3], rng: systemRng })
    const garbage = { holder: 3, share: new Uint8Array(32).fill(0xaa) }
    expect(reconstructSecret([...held(shares, [1, 2]), garbage], 2)).toEqual(secret)
    expect(reconstructSecret([garbage, ...held(shares, [1, 2])], 2)).not.toEqual(secret)
  })

  test('illegal calls are our bug', () => {
    const split = { secret: new Uint8Array(32), threshold: 2, holders: [1, 2, 3], rng: systemRng }
    const illegal = [
      { ...split, secret: new Uint8Array(31) },
      { ...split, threshold: 0 },
      { ...split, threshold: 4 },
      { ...split, threshold: 1.5 },
      { ...split, holders: [1, 2, 2] },
      { ...split, holders: [0, 1, 2] },
      { ...split, holders: [1, 2, 0x10000] },
    ]
    for (const input of illegal) expect(() => splitSecret(input)).toThrow(InvariantError)
    const share = new Uint8Array(32)
    expect(() => reconstructSecret([{ holder: 1, share }], 2)).toThrow(InvariantError)
    const twice = [
      { holder: 1, share },
      { holder: 1, share },
    ]
    expect(() => reconstructSecret(twice, 2)).toThrow(InvariantError)
    expect(() => reconstructSecret([{ holder: 1, share: new Uint8Array(30) }], 1)).toThrow(InvariantError)
  })
})
