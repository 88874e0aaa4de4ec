import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeHex } from '../../../shared/crypto/digest.ts'
import { merklePath, merklePaths, merkleRoot, verifyMerklePath } from '../../../shared/crypto/merkle.ts'
import { InvariantError } from '../../../shared/errors.ts'
import { bytes } from '../../vectors/hex.ts'
import rfc6962 from '../../vectors/rfc-6962.json' with { type: 'json' }

const { auditPaths, entries, rootsBySize } = rfc6962
const leaves = entries.map(bytes)
const someLeaves = fc.uniqueArray(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 40, selector: encodeHex })

describe('RFC 6962 tree', () => {
  test.each(rootsBySize.map((root, size) => [size, root] as const))('root over %i entries', (size, root) => {
    expect(encodeHex(merkleRoot(leaves.slice(0, size)))).toBe(root)
  })

  test.each(auditPaths)('audit path of entry $index of $size', ({ index, size, path }) => {
    expect(merklePath(leaves.slice(0, size), index).map(encodeHex)).toEqual(path)
    const claim = { leaf: leaves[index]!, index, size, path: path.map(bytes), root: bytes(rootsBySize[size]!) }
    expect(verifyMerklePath(claim)).toBe(true)
  })

  test('every entry of every tree has a path that verifies, alone or made with the others', () => {
    fc.assert(
      fc.property(someLeaves, (all) => {
        const root = merkleRoot(all)
        const paths = merklePaths(all)
        for (const [index, leaf] of all.entries()) {
          expect(merklePath(all, index)).toEqual(paths[index])
          expect(verifyMerklePath({ leaf, index, size: all.length, path: paths[index]!, root })).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('no path verifies for another entry, index, size, path or root', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(), fc.nat({ max: 60 }), (all, pick, otherPlace) => {
        const index = pick % all.length
        const claim = {
          leaf: all[index]!,
          index,
          size: all.length,
          path: merklePath(all, index),
          root: merkleRoot(all),
        }
        expect(verifyMerklePath({ ...claim, leaf: Uint8Array.of(...claim.leaf, 0) })).toBe(false)
        expect(verifyMerklePath({ ...claim, path: [...claim.path, new Uint8Array(32)] })).toBe(false)
        expect(verifyMerklePath({ ...claim, root: new Uint8Array(32) })).toBe(false)
        expect(verifyMerklePath({ ...claim, root: new Uint8Array(31) })).toBe(false)
        if (claim.path.length > 0) {
          expect(verifyMerklePath({ ...claim, path: claim.path.slice(1) })).toBe(false)
          expect(verifyMerklePath({ ...claim, path: claim.path.map((hash) => hash.subarray(1)) })).toBe(false)
        }
        if (otherPlace !== index) expect(verifyMerklePath({ ...claim, index: otherPlace })).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    [-1, 8],
    [8, 8],
    [0, 0],
    [0.5, 8],
    [Number.NaN, 8],
    [0, Number.POSITIVE_INFINITY],
  ])('index %d of size %d is false', (index, size) => {
    const claim = { leaf: leaves[0]!, index, size, path: merklePath(leaves, 0), root: merkleRoot(leaves) }
    expect(verifyMerklePath(claim)).toBe(false)
  })

  test('asking for the path of an entry that is not there is our bug', () => {
    expect(() => merklePath(leaves, 8)).toThrow(InvariantError)
    expect(() => merklePath([], 0)).toThrow(InvariantError)
  })
})
