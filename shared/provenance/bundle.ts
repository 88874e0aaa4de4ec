/**
 * A Sigstore bundle v0.3 around one DSSE envelope: public key by hint, one signature with an empty keyid, no log entries.
 * Written so that cosign, sigstore-js and openssl verify the same bytes; read strictly, in its one byte form.
 * Deviation: the comment in protobuf-specs wants keyid equal to the hint; go-securesystemslib then skips the signature.
 */
import { z } from 'zod'
import { type Decoded, decodeCanonical, encodeCanonical, fromBase64, refused, toBase64 } from './canonical-file.ts'
import { type DsseEnvelope, IN_TOTO_PAYLOAD_TYPE } from './dsse.ts'

export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** An envelope and the hint that names its key: hex SHA-256 of the key's SPKI PEM text, final newline included. */
export interface ProvenanceBundle {
  readonly keyHint: string
  readonly envelope: DsseEnvelope
}

const bundleSchema = z.strictObject({
  mediaType: z.literal(BUNDLE_MEDIA_TYPE),
  verificationMaterial: z.strictObject({
    publicKey: z.strictObject({ hint: z.string().regex(/^[0-9a-f]{64}$/) }),
    tlogEntries: z.tuple([]),
  }),
  dsseEnvelope: z.strictObject({
    payload: z.string().min(1),
    payloadType: z.literal(IN_TOTO_PAYLOAD_TYPE),
    signatures: z.tuple([z.strictObject({ keyid: z.literal(''), sig: z.string().min(1).max(128) })]),
  }),
})

/** The bundle file's bytes. */
export function encodeBundle(bundle: ProvenanceBundle): Uint8Array {
  const { keyHint, envelope } = bundle
  return encodeCanonical({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: keyHint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: toBase64(envelope.payload),
      payloadType: envelope.payloadType,
      signatures: [{ keyid: '', sig: toBase64(envelope.signature) }],
    },
  } satisfies z.infer<typeof bundleSchema>)
}

/** Reads a bundle file. Nothing of it is authentic before the signature is verified. */
export function decodeBundle(bytes: Uint8Array): Decoded<ProvenanceBundle> {
  const decoded = decodeCanonical(bytes, bundleSchema, 'bundle')
  if (!decoded.ok) return decoded
  const { verificationMaterial, dsseEnvelope } = decoded.value
  const payload = fromBase64(dsseEnvelope.payload)
  const signature = fromBase64(dsseEnvelope.signatures[0].sig)
  if (payload === null || signature === null) return refused('bundle: payload or signature is not standard base64')
  return {
    ok: true,
    value: {
      keyHint: verificationMaterial.publicKey.hint,
      envelope: { payloadType: dsseEnvelope.payloadType, payload, signature },
    },
  }
}
