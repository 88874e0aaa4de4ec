/** Encodings for the vector tests: small and legal; every test changes what it is about. */
import fc from 'fast-check'
import type { VectorEncoding } from '../../../shared/vector/encoding.ts'

export const baseEncoding: VectorEncoding = {
  parameterCount: 50,
  scalars: [
    { name: 'examples', fractionBits: 0 },
    { name: 'lossSum', fractionBits: 20 },
  ],
  inputBits: 16,
  modulusBits: 20,
  laneRange: 1,
  clipNorm: 10,
  minWeight: 1,
  maxWeight: 1000,
  maxParticipants: 16,
}

/** Every legal pair of input bits and cohort size, the modulus as narrow as allowed or wider. */
export const anyEncoding: fc.Arbitrary<VectorEncoding> = fc
  .record({
    parameterCount: fc.integer({ min: 1, max: 60 }),
    inputBits: fc.integer({ min: 2, max: 24 }),
    maxParticipants: fc.integer({ min: 1, max: 40 }),
    spareBits: fc.integer({ min: 0, max: 6 }),
    laneRange: fc.double({ min: 0.01, max: 5, noNaN: true }),
    clipNorm: fc.double({ min: 0.1, max: 50, noNaN: true }),
    maxWeight: fc.integer({ min: 1, max: 100_000 }),
  })
  .map(({ spareBits, ...chosen }) => {
    const neededBits = chosen.inputBits + Math.ceil(Math.log2(chosen.maxParticipants))
    const modulusBits = Math.min(32, Math.max(8, neededBits + spareBits))
    return { ...baseEncoding, ...chosen, modulusBits }
  })

export const seed = (first: number) => Uint8Array.from({ length: 32 }, (_, place) => first + place)
