/**
 * What a request may weigh before it is decoded: bytes by method, and fields. Decoded messages take far more memory than
 * empty ones took on the wire (a nested message of two bytes becomes an object), so both are looked at first, in one walk
 * that allocates nothing.
 */
import { MAX_NEIGHBOURS } from '../../shared/protocol/threshold.ts'
import { MAX_MESSAGE_BYTES } from '../../shared/transport/limits.ts'
import { messageFlaw, type Shape } from '../../shared/wire/message-scan.ts'
import { REQUEST_SHAPES } from '../../shared/wire/shapes.ts'

const KIB = 1024
const DEFAULT_BYTES = 16 * KIB
/** By method name. A deal to, or a reveal for, the most neighbours fits with room to spare. */
const BYTES: Readonly<Record<string, number>> = {
  advertiseKeys: 96 * KIB,
  shareKeys: 512 * KIB,
  revealShares: 128 * KIB,
  uploadMaskedInput: MAX_MESSAGE_BYTES,
  submitRun: MAX_MESSAGE_BYTES,
}
/** Of what operators ask, only this has a message in it: the header, and in that the plan's signature. */
const SIGNATURE: Shape = { 2: { kind: 'uint64', times: 'once' }, 3: { kind: 'opaque', times: 'many' } }
const HEADER: Shape = { 3: { kind: SIGNATURE, times: 'once' } }
const OPERATOR_SHAPES: Readonly<Record<string, Shape>> = { submitRun: { 1: { kind: HEADER, times: 'once' } } }
/** Fields at all levels: a deal has eight for each of the most neighbours. */
export const MAX_FIELDS = 8 * MAX_NEIGHBOURS + 96
/** Why a request of this method is not decoded, or `null`. */
export function requestFlaw(method: string, bytes: Uint8Array): string | null {
  const limit = BYTES[method] ?? DEFAULT_BYTES
  if (bytes.length > limit) return `${method}: ${bytes.length} bytes, at most ${limit} are read`
  const flaw = messageFlaw(bytes, REQUEST_SHAPES[method] ?? OPERATOR_SHAPES[method] ?? {}, MAX_FIELDS)
  return flaw === null ? null : `${method}: ${flaw}`
}
