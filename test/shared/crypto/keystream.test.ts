import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { KEYSTREAM_LIMIT_BYTES, Keystream } from '../../../shared/crypto/keystream.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { ascending, bytes } from '../../vectors/hex.ts'
import rfc8439 from '../../vectors/rfc-8439.json' with { type: 'json' }

const key = ascending(7, 32)

describe('ChaCha20 keystream', () => {
  test.each(rfc8439.chacha20Blocks)('RFC 8439 $section', ({ key: vectorKey, counter, keystream }) => {
    const stream = new Keystream(bytes(vectorKey), counter * 64)
    expect(encodeHex(stream.read(64))).toBe(keystream)
  })

  test('any range alone is the same bytes as in one run', () => {
    const whole = new Uint8Array(new Keystream(key).read(300_000))
    const offset = fc.nat({ max: 250_000 })
    fc.assert(
      fc.property(offset, fc.nat({ max: 50_000 }), fc.nat({ max: 50_000 }), (from, length, cut) => {
        const stream = new Keystream(key, from)
        const first = stream.read(Math.min(cut, length))
        const second = stream.read(length - first.length)
        expect(Buffer.concat([first, second]).equals(whole.subarray(from, from + length))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('words are little-endian', () => {
    const raw = Buffer.from(new Keystream(key).read(12))
    expect([...new Keystream(key).readWords16(2)]).toEqual([raw.readUInt16LE(0), raw.readUInt16LE(2)])
    expect([...new Keystream(key).readWords32(3)]).toEqual([0, 4, 8].map((at) => raw.readUInt32LE(at)))
  })

  test('the last block can be read, the one after it cannot', () => {
    const stream = new Keystream(key, KEYSTREAM_LIMIT_BYTES - 64)
    expect(stream.read(64).length).toBe(64)
    expect(() => stream.read(1)).toThrow(InvariantError)
    expect(() => new Keystream(key, KEYSTREAM_LIMIT_BYTES).read(1)).toThrow(InvariantError)
  })

  test('keys of another length and offsets out of range are our bug', () => {
    expect(() => new Keystream(key.subarray(1))).toThrow(InvariantError)
    expect(() => new Keystream(key, -1)).toThrow(InvariantError)
    expect(() => new Keystream(key, KEYSTREAM_LIMIT_BYTES + 1)).toThrow(InvariantError)
    expect(() => new Keystream(key, 0.5)).toThrow(InvariantError)
  })
})
