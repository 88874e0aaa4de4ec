/**
 * Files that have exactly one byte form: canonical JSON, UTF-8, no byte order mark, no final newline. Decoding encodes
 * again and compares, so no two files mean the same and no bit of a file is without meaning.
 */
import type { z } from 'zod'
import { decodeHex, equalBytes } from '../crypto/digest.ts'
import { invariant } from '../errors.ts'
import { canonicalJson, schemaProblems } from '../plan/plan-document.ts'

/** What became of hostile bytes: the value, or in words why there is none. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** The bytes of `value`. */
export function encodeCanonical(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value))
}

/** Decodes bytes that must be the canonical form of something `schema` accepts. Never throws, whatever the bytes. */
export function decodeCanonical<T extends z.ZodType>(bytes: Uint8Array, schema: T, name: string): Decoded<z.infer<T>> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return refused(`${name}: not a JSON document`)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) return refused(schemaProblems(parsed.error, name)[0] ?? `${name}: of another shape`)
  if (!equalBytes(encodeCanonical(parsed.data), bytes)) return refused(`${name}: not in canonical form`)
  return { ok: true, value: parsed.data }
}

/** A refusal in words. */
export function refused(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}

/** Bytes of a text that a schema has already proved to be hex. */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = decodeHex(hex)
  invariant(bytes !== null, 'a schema let through a text that is not hex')
  return bytes
}

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Bytes of standard base64 in its one form, else null. */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null
}
