/**
 * The stored form of protocol states: JSON in which bytes, big integers, maps and sets (native and persistent ones) are
 * tagged, so that decode(encode(state)) is the same state. For our own records on our own disk; never for bytes from a peer.
 */
import { isMap, isSet, Map as PersistentMap, Set as PersistentSet } from 'immutable'
import { invariant } from '../errors.ts'

/** Encodes plain data with bytes, maps, sets and big integers inside. */
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
  if (value instanceof Map) return { $map: tagPairs(value) }
  if (value instanceof Set) return { $set: [...value].map(tag) }
  if (isMap(value)) return { $persistentMap: tagPairs(value) }
  if (isSet(value)) return { $persistentSet: [...value].map(tag) }
  if (typeof value === 'bigint') return { $int: value.toString() }
  if (Array.isArray(value)) return value.map(tag)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, tag(field)]))
  }
  invariant(typeof value !== 'function' && typeof value !== 'symbol', 'only plain data has a stored form')
  return value
}

function tagPairs(pairs: Iterable<[unknown, unknown]>): unknown {
  return [...pairs].map(([key, entry]) => [tag(key), tag(entry)])
}

function untag(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untag)
  if (value === null || typeof value !== 'object') return value
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  if ('$map' in value) return new Map(untagPairs(value.$map))
  if ('$set' in value) return new Set((value.$set as unknown[]).map(untag))
  if ('$persistentMap' in value) return PersistentMap(untagPairs(value.$persistentMap))
  if ('$persistentSet' in value) return PersistentSet((value.$persistentSet as unknown[]).map(untag))
  if ('$int' in value) return BigInt(String(value.$int))
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, untag(field)]))
}

function untagPairs(pairs: unknown): [unknown, unknown][] {
  return (pairs as [unknown, unknown][]).map(([key, entry]) => [untag(key), untag(entry)])
}
