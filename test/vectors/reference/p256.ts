/**
 * Deterministic ECDSA on P-256 with SHA-256 (RFC 6979), so that the signatures in the vector files come out the same every
 * time. The program signs with fresh randomness instead: its signatures are checked by verifying, never by comparing.
 */
import { createHash, createHmac } from 'node:crypto'

/** FIPS 186-4, D.1.2.3. */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const G: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
}

interface Point {
  readonly x: bigint
  readonly y: bigint
}

/** The compressed public key, 33 bytes. */
export function p256Public(secretKey: Uint8Array): Uint8Array {
  const { x, y } = times(number(secretKey), G)!
  return Uint8Array.of(y & 1n ? 3 : 2, ...octets(x))
}

/** r‖s over SHA-256(message), 64 bytes. */
export function p256Sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  const secret = number(secretKey)
  const hash = new Uint8Array(createHash('sha256').update(message).digest())
  const z = number(hash)
  for (const k of candidates(secretKey, octets(z % N))) {
    const r = times(k, G)!.x % N
    const s = mod(inverse(k, N) * (z + r * secret), N)
    if (r !== 0n && s !== 0n) return Uint8Array.of(...octets(r), ...octets(s))
  }
  throw new Error('RFC 6979 gives a usable k at once')
}

/** RFC 6979 section 3.2, steps b to h. */
function* candidates(secretKey: Uint8Array, hash: Uint8Array): Generator<bigint> {
  let [k, v] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
  for (const separator of [0, 1]) {
    k = hmac(k, v, Uint8Array.of(separator), secretKey, hash)
    v = hmac(k, v)
  }
  for (;;) {
    v = hmac(k, v)
    const candidate = number(v)
    if (candidate > 0n && candidate < N) yield candidate
    k = hmac(k, v, Uint8Array.of(0))
    v = hmac(k, v)
  }
}

function times(scalar: bigint, point: Point): Point | null {
  let sum: Point | null = null
  let doubled: Point | null = point
  for (let left = scalar; left > 0n; left >>= 1n) {
    if (left & 1n) sum = add(sum, doubled)
    doubled = add(doubled, doubled)
  }
  return sum
}

/** Affine addition on y² = x³ − 3x + b; null is the point at infinity. */
function add(a: Point | null, b: Point | null): Point | null {
  if (a === null) return b
  if (b === null) return a
  if (a.x === b.x && mod(a.y + b.y, P) === 0n) return null
  const slope = a.x === b.x ? (3n * a.x * a.x - 3n) * inverse(2n * a.y, P) : (b.y - a.y) * inverse(mod(b.x - a.x, P), P)
  const x = mod(slope * slope - a.x - b.x, P)
  return { x, y: mod(slope * (a.x - x) - a.y, P) }
}

/** Extended Euclid. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, nextR, t, nextT] = [modulus, mod(value, modulus), 0n, 1n]
  while (nextR !== 0n) {
    const quotient = r / nextR
    ;[r, nextR] = [nextR, r - quotient * nextR]
    ;[t, nextT] = [nextT, t - quotient * nextT]
  }
  return mod(t, modulus)
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus
  return rest < 0n ? rest + modulus : rest
}

function number(data: Uint8Array): bigint {
  return data.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
}

function octets(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, place) => Number((value >> BigInt(8 * (31 - place))) & 0xffn))
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return new Uint8Array(mac.digest())
}
