/**
 * Unpacking with addition as fast as we know how in plain JavaScript: a whole word is read where a lane begins, so that there is
 * no loop over bits inside the loop over lanes. What the kernels in WebAssembly are compared with.
 */
import { endianness } from 'node:os'
import { invariant } from '../../shared/errors.ts'
import { systemRng } from '../../shared/random.ts'
import { zeroLanes } from '../../shared/vector/encoding.ts'
import { type AddPackedLanes, addPackedLanes, packedLength } from '../../shared/vector/packing.ts'

/** A lane of so many bits lies within 32 bits from the byte on where it begins. */
const WORD_MODULUS = 25
const WORD_BYTES = 4

export const plainUnpackAdd: AddPackedLanes = (target, packed, modulusBits) => {
  if (modulusBits === 16 && packed.byteOffset % 2 === 0 && endianness() === 'LE') {
    const words = new Uint16Array(packed.buffer, packed.byteOffset, target.length)
    for (let place = 0; place < target.length; place += 1) target[place] = target[place]! + words[place]!
    return
  }
  const readable = ((packed.length - WORD_BYTES) * 8) / modulusBits
  const whole = modulusBits > WORD_MODULUS ? 0 : Math.min(target.length, Math.floor(Math.max(0, readable) / 8) * 8)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const mask = 2 ** modulusBits - 1
  let bit = 0
  for (let place = 0; place < whole; place += 1) {
    target[place] = target[place]! + ((view.getUint32(bit >>> 3, true) >>> (bit & 7)) & mask)
    bit += modulusBits
  }
  addPackedLanes(target.subarray(whole), packed.subarray((whole / 8) * modulusBits), modulusBits)
}

/** Against the reference, for every modulus. @throws InvariantError */
export function checkPlainUnpackAdd(): void {
  for (let modulusBits = 8; modulusBits <= 32; modulusBits += 1) {
    for (const lengthLanes of [1, 8, 1003]) {
      const packed = systemRng(packedLength(lengthLanes, modulusBits))
      const [got, want] = [
        zeroLanes(lengthLanes, modulusBits).fill(65_000),
        zeroLanes(lengthLanes, modulusBits).fill(65_000),
      ]
      plainUnpackAdd(got, packed, modulusBits)
      addPackedLanes(want, packed, modulusBits)
      const isSame = want.every((lane, place) => lane === got[place])
      invariant(isSame, `${lengthLanes} lanes of ${modulusBits} bits are added as the reference adds them`)
    }
  }
}
