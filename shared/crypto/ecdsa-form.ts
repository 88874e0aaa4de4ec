/**
 * The two forms of an ECDSA signature over P-256: raw r‖s (64 bytes), as it travels, and the DER of RFC 3279 §2.2.3, which
 * OpenSSL reads. node reads raw ones too, but only by way of the key's older, slower representation: for a key used once
 * that costs half as much again as the verification.
 */
import { invariant } from '../errors.ts'

const SIGNATURE_BYTES = 64
const SCALAR_BYTES = 32
const SEQUENCE = 0x30
const INTEGER = 0x02

/** The DER form. Any 64 bytes have one, also those that are no signature under any key. */
export function derSignature(signature: Uint8Array): Uint8Array {
  invariant(signature.length === SIGNATURE_BYTES, `a signature has ${SIGNATURE_BYTES} bytes, not ${signature.length}`)
  const content = [...unsignedInteger(signature, 0), ...unsignedInteger(signature, SCALAR_BYTES)]
  return Uint8Array.from([SEQUENCE, content.length, ...content])
}

/** INTEGER of 32 big-endian bytes: without leading zeros, but for one before a high bit. */
function unsignedInteger(bytes: Uint8Array, from: number): readonly number[] {
  const scalar = bytes.subarray(from, from + SCALAR_BYTES)
  const leading = scalar.findIndex((byte) => byte !== 0)
  const significant = leading < 0 ? scalar.subarray(-1) : scalar.subarray(leading)
  const sign = (significant[0] ?? 0) >= 0x80 ? [0] : []
  return [INTEGER, sign.length + significant.length, ...sign, ...significant]
}
