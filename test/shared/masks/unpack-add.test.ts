/** Packed lanes added in WebAssembly are the plain loop's, for every modulus, width and length, cut anywhere. */
import { describe, expect, test } from 'vitest'
import { hasKernels } from '../../../shared/masks/kernels.ts'
import { unpackAdd } from '../../../shared/masks/unpack-add.ts'
import { systemRng } from '../../../shared/random.ts'
import type { Lanes } from '../../../shared/vector/encoding.ts'
import { addPackedLanes, PackedReader, packedLength } from '../../../shared/vector/packing.ts'

/** Random bytes whose padding is zero. */
function randomPacked(lengthLanes: number, modulusBits: number): Uint8Array {
  const packed = systemRng(packedLength(lengthLanes, modulusBits))
  const padding = packed.length * 8 - lengthLanes * modulusBits
  const last = packed.length - 1
  packed[last] = (packed[last] ?? 0) & (0xff >> padding)
  return packed
}

function randomLanes(lengthLanes: number, width: 16 | 32): Lanes {
  const bytes = new Uint8Array(new SharedArrayBuffer((lengthLanes * width) / 8))
  bytes.set(systemRng(bytes.length))
  return width === 16 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer)
}

test('this runtime has the kernels, or the plain loop is what is used', () => {
  expect(unpackAdd === addPackedLanes).toBe(!hasKernels())
})

const CASES = [16, 32].flatMap((width) =>
  Array.from({ length: width - 7 }, (_, more) => [8 + more, width as 16 | 32] as const),
)
describe.each(CASES)('modulo 2^%i in lanes of %i bits', (modulusBits, width) => {
  test.each([1, 7, 8, 9, 1000, 32_768, 32_769, 70_001])('%i lanes', (lengthLanes) => {
    const packed = randomPacked(lengthLanes, modulusBits)
    const lanes = randomLanes(lengthLanes, width)
    const expected = lanes.slice()
    addPackedLanes(expected, packed, modulusBits)
    unpackAdd(lanes, packed, modulusBits)
    expect(Buffer.compare(new Uint8Array(lanes.buffer), new Uint8Array(expected.buffer))).toBe(0)
  })
})

test.each([1, 13, 4096, 100_000])('through a reader, %i bytes at a time', (step) => {
  const [lengthLanes, modulusBits] = [50_003, 23]
  const packed = randomPacked(lengthLanes, modulusBits)
  const [accumulator, expected] = [new Uint32Array(lengthLanes), new Uint32Array(lengthLanes)]
  addPackedLanes(expected, packed, modulusBits)
  const reader = new PackedReader({ accumulator, modulusBits, addLanes: unpackAdd })
  for (let at = 0; at < packed.length; at += step) reader.push(packed.subarray(at, at + step))
  expect(reader.finish()).toBeNull()
  expect(Buffer.compare(new Uint8Array(accumulator.buffer), new Uint8Array(expected.buffer))).toBe(0)
})
