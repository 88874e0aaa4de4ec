/**
 * SHA-256, comparison and text forms of bytes: the small vocabulary that every other module of the protocol speaks.
 * Everything returns plain `Uint8Array`s that own their memory.
 */
import { createHash, hash as hashOnce, timingSafeEqual } from 'node:crypto'

/** SHA-256 over the parts, one after the other, without separators: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return new Uint8Array(hashOnce('sha256', first, 'buffer'))
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** {@link sha256} as 64 lower-case hex digits. */
export function sha256Hex(...parts: readonly Uint8Array[]): string {
  return encodeHex(sha256(...parts))
}

/** Compares in time that depends on the lengths only. Different lengths are unequal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Lower-case hex, two digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Bytes of a hex text in either case; null when it has an odd length or another character. */
export function decodeHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null
  return new Uint8Array(Buffer.from(text, 'hex'))
}
