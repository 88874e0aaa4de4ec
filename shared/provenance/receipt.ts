/**
 * A contribution receipt: one survivor's signed word that it uploaded a masked input with this digest, with the
 * advertisement (keys, certificate chain, signature) that ties the signing key to its SPIFFE ID. It names who sent which
 * masked bytes; it says nothing about what was in them.
 */
import { z } from 'zod'
import { encodeHex, sha256Hex } from '../crypto/digest.ts'
import { isWorkloadId } from '../identity/spiffe-id.ts'
import { MAX_CHAIN_CERTIFICATES } from '../identity/validate-svid.ts'
import type { RosterEntry } from '../protocol/roster.ts'
import { MAX_PARTICIPANTS } from '../protocol/threshold.ts'
import { bytesOfHex, encodeCanonical, fromBase64, toBase64 } from './canonical-file.ts'

export interface Receipt {
  /** 1-based roster index. */
  readonly index: number
  readonly entry: RosterEntry
  /** Digest of the masked input, 32 bytes. */
  readonly digest: Uint8Array
  /** By the entry's session signing key over the contribution statement: raw r‖s, 64 bytes. */
  readonly signature: Uint8Array
}

/** Lower-case hex of exactly this many bytes. */
export function hexOf(lengthBytes: number) {
  return z.string().regex(new RegExp(`^[0-9a-f]{${2 * lengthBytes}}$`), `not ${lengthBytes} bytes in lower-case hex`)
}

const certificate = z
  .string()
  .min(1)
  .max(32_768)
  .refine((text) => fromBase64(text) !== null, 'not standard base64')

export const receiptSchema = z.strictObject({
  index: z.int().min(1).max(MAX_PARTICIPANTS),
  entry: z.strictObject({
    spiffeId: z.string().refine(isWorkloadId, 'not the SPIFFE ID of a workload'),
    channelKey: hexOf(32),
    maskKey: hexOf(32),
    signingKey: hexOf(33),
    advertisedAtMs: z.int().min(0).max(8_640_000_000_000_000),
    certificateChain: z.array(certificate).min(1).max(MAX_CHAIN_CERTIFICATES),
    signature: hexOf(64),
  }),
  digest: hexOf(32),
  signature: hexOf(64),
})

type ReceiptJson = z.infer<typeof receiptSchema>

/** SHA-256 of the receipt's canonical JSON: what the statement lists as a dependency. */
export function receiptSha256(receipt: Receipt): string {
  return sha256Hex(encodeCanonical(receiptToJson(receipt)))
}

/** The receipt as it stands in a session record. */
export function receiptToJson(receipt: Receipt): ReceiptJson {
  const { entry } = receipt
  return {
    index: receipt.index,
    entry: {
      spiffeId: entry.spiffeId,
      channelKey: encodeHex(entry.channelKey),
      maskKey: encodeHex(entry.maskKey),
      signingKey: encodeHex(entry.signingKey),
      advertisedAtMs: entry.advertisedAtMs,
      certificateChain: entry.certificateChain.map(toBase64),
      signature: encodeHex(entry.signature),
    },
    digest: encodeHex(receipt.digest),
    signature: encodeHex(receipt.signature),
  }
}

/** The receipt of JSON that the schema accepted. */
export function receiptFromJson(json: ReceiptJson): Receipt {
  const { entry } = json
  return {
    index: json.index,
    entry: {
      spiffeId: entry.spiffeId,
      channelKey: bytesOfHex(entry.channelKey),
      maskKey: bytesOfHex(entry.maskKey),
      signingKey: bytesOfHex(entry.signingKey),
      advertisedAtMs: entry.advertisedAtMs,
      certificateChain: entry.certificateChain.map((text) => fromBase64(text) ?? new Uint8Array()),
      signature: bytesOfHex(entry.signature),
    },
    digest: bytesOfHex(json.digest),
    signature: bytesOfHex(json.signature),
  }
}
