import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex, sha256 } from '../../../shared/crypto/digest.ts'
import { systemRng } from '../../../shared/random.ts'
import { UPLOAD_BLOCK_BYTES, UploadDigest, uploadDigest } from '../../../shared/vector/upload-digest.ts'

const MIB = UPLOAD_BLOCK_BYTES
const bytes = systemRng(2 * MIB + 12_345)

describe('upload digest', () => {
  test('is SHA-256 over the SHA-256 of each MiB', () => {
    const blocks = [bytes.subarray(0, MIB), bytes.subarray(MIB, 2 * MIB), bytes.subarray(2 * MIB)]
    expect(uploadDigest(bytes)).toEqual(sha256(...blocks.map((block) => sha256(block))))
    expect(uploadDigest(bytes.subarray(0, MIB))).toEqual(sha256(sha256(blocks[0]!)))
    expect(uploadDigest(bytes.subarray(0, 5))).toEqual(sha256(sha256(bytes.subarray(0, 5))))
    expect(uploadDigest(new Uint8Array(0))).toEqual(sha256())
  })

  test('known answer: one MiB of zeros', () => {
    // sha256sum of `head -c 1048576 /dev/zero`, then of those 32 bytes.
    const inner = '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58'
    expect(encodeHex(sha256(new Uint8Array(MIB)))).toBe(inner)
    expect(uploadDigest(new Uint8Array(MIB))).toEqual(sha256(new Uint8Array(Buffer.from(inner, 'hex'))))
  })

  test('is the same however the bytes are cut', () => {
    const whole = uploadDigest(bytes)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: MIB + MIB / 2 }), { maxLength: 6 }), (cuts) => {
        const digest = new UploadDigest()
        let at = 0
        for (const length of cuts) {
          digest.update(bytes.subarray(at, at + length))
          at = Math.min(bytes.length, at + length)
        }
        digest.update(bytes.subarray(at))
        expect(digest.final()).toEqual(whole)
      }),
      { numRuns: 25 },
    )
  })

  test('goes on behind whole blocks, and after a look at the digest so far', () => {
    const first = new UploadDigest()
    first.update(bytes.subarray(0, 2 * MIB + 100))
    expect(first.final()).toEqual(uploadDigest(bytes.subarray(0, 2 * MIB + 100)))
    expect(first.blockDigests).toHaveLength(2)
    const resumed = new UploadDigest(first.blockDigests)
    resumed.update(bytes.subarray(2 * MIB))
    first.update(bytes.subarray(2 * MIB + 100))
    expect(resumed.final()).toEqual(uploadDigest(bytes))
    expect(first.final()).toEqual(uploadDigest(bytes))
  })
})
