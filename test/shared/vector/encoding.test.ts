import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refuseEncoding, type VectorEncoding, vectorLayout, zeroLanes } from '../../../shared/vector/encoding.ts'
import { anyEncoding, baseEncoding } from './encodings.ts'

const examples = { name: 'examples', fractionBits: 0 }

describe('encoding', () => {
  test('a legal encoding has no problems', () => {
    fc.assert(
      fc.property(anyEncoding, (encoding) => {
        expect(refuseEncoding(encoding)).toEqual([])
      }),
    )
  })

  test.each<[string, Partial<VectorEncoding>, string]>([
    ['a modulus one bit too narrow', { modulusBits: 19 }, 'could overflow'],
    ['one participant more than the modulus holds', { maxParticipants: 17 }, 'could overflow'],
    ['a modulus below 8 bits', { inputBits: 2, modulusBits: 7, maxParticipants: 2 }, 'modulusBits'],
    ['a modulus above 32 bits', { modulusBits: 33 }, 'modulusBits'],
    ['one input bit', { inputBits: 1 }, 'inputBits'],
    ['25 input bits', { inputBits: 25, modulusBits: 32 }, 'inputBits'],
    ['half an input bit', { inputBits: 15.5 }, 'inputBits'],
    ['no parameters', { parameterCount: 0 }, 'parameterCount'],
    ['no participants', { maxParticipants: 0 }, 'maxParticipants'],
    ['more participants than roster indices', { maxParticipants: 65_536, modulusBits: 32 }, 'maxParticipants'],
    ['a lane range of nothing', { laneRange: 0 }, 'laneRange'],
    ['an infinite clip', { clipNorm: Number.POSITIVE_INFINITY }, 'clipNorm'],
    ['a clip that is no number', { clipNorm: Number.NaN }, 'clipNorm'],
    ['weights the wrong way round', { minWeight: 1001 }, 'minWeight 1001'],
    ['a weight of nothing', { minWeight: 0 }, 'minWeight'],
    ['a weight beyond 47 bits', { maxWeight: 2 ** 47 }, 'maxWeight'],
    ['half a weight', { maxWeight: 10.5 }, 'maxWeight'],
    ['no examples', { scalars: [{ name: 'loss', fractionBits: 20 }] }, 'examples'],
    ['fractional examples', { scalars: [{ name: 'examples', fractionBits: 1 }] }, 'examples'],
    ['a name twice', { scalars: [examples, examples] }, 'twice'],
    ['a name with a blank', { scalars: [examples, { name: 'a b', fractionBits: 0 }] }, 'name'],
    ['a name of the prototype', { scalars: [examples, { name: '__proto__', fractionBits: 0 }] }, 'name'],
    ['41 fraction bits', { scalars: [examples, { name: 'loss', fractionBits: 41 }] }, 'fractionBits'],
  ])('%s is refused', (_, change, words) => {
    const problems = refuseEncoding({ ...baseEncoding, ...change })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(words)
  })

  test('all problems come at once', () => {
    expect(refuseEncoding({ ...baseEncoding, inputBits: 1, laneRange: -1, maxWeight: 0 })).toHaveLength(3)
  })

  test('the layout of the default: 16-bit inputs of 16 participants', () => {
    expect(vectorLayout(baseEncoding)).toEqual({
      parameterLanes: 50,
      limbBits: 15,
      limbsPerScalar: 4,
      scalarLanes: 8,
      lengthLanes: 58,
      laneWidth: 32,
      modulusBits: 20,
      packedBytes: 145,
    })
  })

  test('lanes are 16 bits wide up to a modulus of 2^16', () => {
    expect(vectorLayout({ ...baseEncoding, inputBits: 12, modulusBits: 16 }).laneWidth).toBe(16)
    expect(vectorLayout({ ...baseEncoding, inputBits: 12, modulusBits: 17 }).laneWidth).toBe(32)
    expect(zeroLanes(3, 16)).toEqual(new Uint16Array(3))
    expect(zeroLanes(3, 17)).toEqual(new Uint32Array(3))
  })
})
