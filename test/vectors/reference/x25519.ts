/** X25519 by the Montgomery ladder of RFC 7748 section 5, and HKDF-SHA256 by the two steps of RFC 5869 section 2. */
import { createHmac } from 'node:crypto'
import { littleEndian, toLittleEndian } from './chacha20.ts'

const P = (1n << 255n) - 19n
const A24 = 121665n
const BASE_POINT = toLittleEndian(9n, 32)

/** X25519(k, u), 32 bytes each. */
export function x25519(scalar: Uint8Array, u: Uint8Array): Uint8Array {
  const k = (littleEndian(scalar) & ((1n << 254n) - 8n)) | (1n << 254n)
  const x1 = littleEndian(u) & ((1n << 255n) - 1n)
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n]
  let swapped = 0n
  for (let t = 254n; t >= 0n; t -= 1n) {
    const bit = (k >> t) & 1n
    if (bit !== swapped) [x2, z2, x3, z3] = [x3, z3, x2, z2]
    swapped = bit
    const [sum, difference] = [mod(x2 + z2), mod(x2 - z2)]
    const [aa, bb] = [mod(sum * sum), mod(difference * difference)]
    const e = mod(aa - bb)
    const [da, cb] = [mod((x3 - z3) * sum), mod((x3 + z3) * difference)]
    x3 = mod((da + cb) ** 2n)
    z3 = mod(x1 * (da - cb) ** 2n)
    x2 = mod(aa * bb)
    z2 = mod(e * (aa + A24 * e))
  }
  if (swapped === 1n) [x2, z2] = [x3, z3]
  return toLittleEndian(mod(x2 * power(z2, P - 2n)), 32)
}

export function x25519Public(scalar: Uint8Array): Uint8Array {
  return x25519(scalar, BASE_POINT)
}

/** Extract, then as many blocks of expand as `lengthBytes` needs. */
export function hkdfSha256(input: {
  readonly secret: Uint8Array
  readonly salt: Uint8Array
  readonly info: Uint8Array
  readonly lengthBytes: number
}): Uint8Array {
  const { secret, salt, info, lengthBytes } = input
  const pseudorandom = hmac(salt.length === 0 ? new Uint8Array(32) : salt, secret)
  let block = new Uint8Array(0)
  const out: number[] = []
  for (let counter = 1; out.length < lengthBytes; counter += 1) {
    block = hmac(pseudorandom, Uint8Array.of(...block, ...info, counter))
    out.push(...block)
  }
  return Uint8Array.from(out.slice(0, lengthBytes))
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac('sha256', key).update(message).digest())
}

function mod(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base]
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}
