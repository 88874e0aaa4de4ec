import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../shared/errors.ts'
import { type Lanes, zeroLanes } from '../../../shared/vector/encoding.ts'
import {
  addPacked,
  PackedReader,
  packedLength,
  packLanes,
  refusePacked,
  unpackInto,
  unpackLanes,
} from '../../../shared/vector/packing.ts'

const vectors = fc.integer({ min: 8, max: 32 }).chain((modulusBits) =>
  fc.record({
    modulusBits: fc.constant(modulusBits),
    lanes: fc
      .array(fc.nat({ max: 2 ** modulusBits - 1 }), { maxLength: 70 })
      .map((all): Lanes => (modulusBits <= 16 ? Uint16Array.from(all) : Uint32Array.from(all))),
  }),
)

/** The definition, bit by bit: bit j of lane i is bit (i·m + j) of the stream, least significant first. */
function packedByDefinition(lanes: Lanes, modulusBits: number): Uint8Array {
  let stream = 0n
  for (const [place, lane] of lanes.entries()) {
    stream |= BigInt.asUintN(modulusBits, BigInt(lane)) << BigInt(place * modulusBits)
  }
  const bytes = new Uint8Array(Math.ceil((lanes.length * modulusBits) / 8))
  return bytes.map((_, at) => Number((stream >> BigInt(8 * at)) & 0xffn))
}

describe('packing', () => {
  test('known answers', () => {
    expect(packLanes(Uint16Array.of(0x123, 0xabc), 12)).toEqual(Uint8Array.of(0x23, 0xc1, 0xab))
    expect(packLanes(Uint16Array.of(0x1ff, 0, 0x155), 9)).toEqual(Uint8Array.of(0xff, 0x01, 0x54, 0x05))
    expect(packLanes(Uint32Array.of(0x89abcdef), 32)).toEqual(Uint8Array.of(0xef, 0xcd, 0xab, 0x89))
    expect(packLanes(Uint32Array.of(0xfffff, 0x12345), 20)).toEqual(Uint8Array.of(0xff, 0xff, 0x5f, 0x34, 0x12))
  })

  test('is the definition, and unpacking is its inverse', () => {
    fc.assert(
      fc.property(vectors, ({ lanes, modulusBits }) => {
        const packed = packLanes(lanes, modulusBits)
        expect(packed).toEqual(packedByDefinition(lanes, modulusBits))
        expect(packed.length).toBe(packedLength(lanes.length, modulusBits))
        expect(unpackLanes({ packed, lengthLanes: lanes.length, modulusBits })).toEqual({ ok: true, lanes })
      }),
    )
  })

  test('only the low m bits of a lane travel', () => {
    expect(packLanes(Uint16Array.of(0xf123), 12)).toEqual(packLanes(Uint16Array.of(0x0123), 12))
    expect(packLanes(Uint32Array.of(0xfff12345), 20)).toEqual(packLanes(Uint32Array.of(0x12345), 20))
  })

  test('ranges cut at multiples of 8 lanes are packed apart and added at their offset', () => {
    fc.assert(
      fc.property(vectors, fc.nat(), ({ lanes, modulusBits }, pick) => {
        const cut = 8 * (pick % (Math.floor(lanes.length / 8) + 1))
        const head = packLanes(lanes.subarray(0, cut), modulusBits)
        const tail = packLanes(lanes.subarray(cut), modulusBits)
        expect(Buffer.concat([head, tail]).equals(packLanes(lanes, modulusBits))).toBe(true)
        const accumulator = zeroLanes(lanes.length, modulusBits)
        expect(addPacked({ accumulator, packed: tail, modulusBits, offsetLanes: cut })).toBeNull()
        expect(addPacked({ accumulator, packed: head, modulusBits, offsetLanes: 0 })).toBeNull()
        expect(accumulator).toEqual(lanes)
      }),
    )
  })

  test('a reader adds the same whatever the blocks it gets', () => {
    fc.assert(
      fc.property(vectors, fc.array(fc.nat({ max: 40 })), ({ lanes, modulusBits }, cuts) => {
        const packed = packLanes(lanes, modulusBits)
        const accumulator = lanes.slice()
        const reader = new PackedReader({ accumulator, modulusBits })
        let at = 0
        for (const length of cuts) {
          reader.push(packed.subarray(at, at + length))
          at = Math.min(packed.length, at + length)
        }
        reader.push(packed.subarray(at))
        expect(reader.finish()).toBeNull()
        const doubled = lanes.map((lane) => 2 * lane)
        expect(packLanes(accumulator, modulusBits)).toEqual(packLanes(doubled, modulusBits))
      }),
    )
  })

  test('sums are sums mod 2^m', () => {
    const accumulator = Uint16Array.of(0xfff, 1)
    addPacked({ accumulator, packed: packLanes(Uint16Array.of(2, 3), 12), modulusBits: 12 })
    expect([...accumulator].map((lane) => lane % 4096)).toEqual([1, 4])
    const wide = Uint32Array.of(0xffffffff)
    addPacked({ accumulator: wide, packed: packLanes(Uint32Array.of(0xffffffff), 32), modulusBits: 32 })
    expect([...wide]).toEqual([0xfffffffe])
  })
})

describe('what is refused', () => {
  const lanes = Uint16Array.of(1, 2, 3)
  const packed = packLanes(lanes, 9)
  const longer = Uint8Array.of(...packed, 0)

  test.each([
    ['a byte too few', packed.subarray(1), 'packed_length_mismatch'],
    ['a byte too many', longer, 'packed_length_mismatch'],
    ['nothing', new Uint8Array(0), 'packed_length_mismatch'],
    ['the lowest padding bit', packed.map((byte, at) => byte | (at === 3 ? 8 : 0)), 'packed_padding_not_zero'],
    ['the highest padding bit', packed.map((byte, at) => byte | (at === 3 ? 128 : 0)), 'packed_padding_not_zero'],
  ])('%s', (_, malformed, code) => {
    expect(unpackLanes({ packed: malformed, lengthLanes: 3, modulusBits: 9 })).toMatchObject({ ok: false, code })
    const target = lanes.slice()
    expect(unpackInto({ target, packed: malformed, modulusBits: 9 })).toMatchObject({ code })
    expect(addPacked({ accumulator: target, packed: malformed, modulusBits: 9 })).toMatchObject({ code })
    expect(target).toEqual(lanes)
    const reader = new PackedReader({ accumulator: new Uint16Array(3), modulusBits: 9 })
    for (const byte of malformed) reader.push(Uint8Array.of(byte))
    expect(reader.finish()).toMatchObject({ code })
  })

  test('a reader writes nothing beyond its accumulator', () => {
    const buffer = new Uint16Array(40)
    const reader = new PackedReader({ accumulator: buffer.subarray(0, 3), modulusBits: 16 })
    reader.push(new Uint8Array(80).fill(0xff))
    expect(reader.finish()).toMatchObject({ code: 'packed_length_mismatch' })
    expect([...buffer.subarray(0, 4)]).toEqual([0xffff, 0xffff, 0xffff, 0])
  })

  test('a part is no whole: eight lanes of sixteen are added only where an offset says so', () => {
    const part = packLanes(new Uint16Array(8).fill(5), 9)
    const accumulator = new Uint16Array(16)
    expect(addPacked({ accumulator, packed: part, modulusBits: 9 })).toMatchObject({ code: 'packed_length_mismatch' })
    expect(accumulator).toEqual(new Uint16Array(16))
    expect(addPacked({ accumulator, packed: part, modulusBits: 9, offsetLanes: 8 })).toBeNull()
    expect(accumulator).toEqual(new Uint16Array(16).fill(5, 8))
    expect(addPacked({ accumulator, packed: part, modulusBits: 9, offsetLanes: 9 })).not.toBeNull()
  })

  test('a vector without padding has no bits to refuse', () => {
    expect(refusePacked({ lengthBytes: 9, lastByte: 0xff, lengthLanes: 8, modulusBits: 9 })).toBeNull()
  })

  test('a modulus out of range, or wider than the lanes, is our bug', () => {
    expect(() => packLanes(lanes, 7)).toThrow(InvariantError)
    expect(() => packLanes(lanes, 33)).toThrow(InvariantError)
    expect(() => new PackedReader({ accumulator: lanes, modulusBits: 17 })).toThrow(InvariantError)
  })
})
