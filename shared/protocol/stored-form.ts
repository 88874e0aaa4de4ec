/**
 * The stored form of protocol states: JSON in which bytes, maps and big integers are tagged, so that decode(encode(state))
 * is the same state. For our own records on our own disk; never for bytes from a peer.
 */
import { invariant } from '../errors.ts'

/** Encodes plain data with Uint8Array, Map and bigint inside. */
export function encodeStored(value: unknown): string {
  return JSON.stringify(tag(value))
}

/** Decodes what {@link encodeStored} made; the caller names the type it stored. */
export function decodeStored<T>(text: string): T {
  // Safety: the text is our own record of a T.
  return untag(JSON.parse(text)) as T
}

function tag(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return { $map: [...value].map(([key, entry]) => [tag(key), tag(entry)]) }
  if (typeof value === 'bigint') return { $int: value.toString() }
  if (Array.isArray(value)) return value.map(tag)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, tag(field)]))
  }
  invariant(typeof value !== 'function' && typeof value !== 'symbol', 'only plain data has a stored form')
  return value
}

function untag(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untag)
  if (value === null || typeof value !== 'object') return value
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  if ('$map' in value)
    return new Map((value.$map as [unknown, unknown][]).map(([key, entry]) => [untag(key), untag(entry)]))
  if ('$int' in value) return BigInt(String(value.$int))
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, untag(field)]))
}
