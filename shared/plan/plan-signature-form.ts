/**
 * A plan signature's written form, for files and the store: JSON, bytes as base64. Read strictly: sizes are bounded before
 * anything is decoded, and what was not written here is refused.
 */
import { z } from 'zod'
import { MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES } from '../identity/validate-svid.ts'
import type { PlanSignature } from './plan-signature.ts'

/** Four characters for three bytes. */
const base64 = (maxBytes: number) =>
  z
    .base64()
    .max(4 * Math.ceil(maxBytes / 3))
    .min(4)

export const planSignatureForm = z.strictObject({
  /** SPIFFE ID of the author. */
  authorId: z.string().min(1).max(2048),
  /** Unix milliseconds. */
  signedAtMs: z.int().min(0),
  /** DER, leaf first. */
  certificateChain: z.array(base64(MAX_CHAIN_BYTES)).min(1).max(MAX_CHAIN_CERTIFICATES),
  /** r‖s. */
  signature: base64(64),
})

export type PlanSignatureForm = z.infer<typeof planSignatureForm>

export function planSignatureToForm(signature: PlanSignature): PlanSignatureForm {
  return {
    authorId: signature.authorId,
    signedAtMs: signature.signedAtMs,
    certificateChain: signature.certificateChain.map(toBase64),
    signature: toBase64(signature.signature),
  }
}

export function planSignatureFromForm(form: PlanSignatureForm): PlanSignature {
  return {
    authorId: form.authorId,
    signedAtMs: form.signedAtMs,
    certificateChain: form.certificateChain.map(fromBase64),
    signature: fromBase64(form.signature),
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
