/**
 * Identifies a trained update, so that the journal can say it is spent: SHA-256 over its float32 bytes before clipping,
 * weighting and rounding, with the example count and every metric.
 */
import { digestTuple } from '../../shared/protocol/tuple.ts'

/** `update` is new minus global parameters; `scalars` what is summed beside it, by name. */
export function updateDigest(update: Float32Array, scalars: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(update.buffer, update.byteOffset, update.byteLength)
  const named = Object.keys(scalars)
    .sort()
    .map((name) => `${name}=${scalars[name]}`)
  return digestTuple('blindsum/v1/update', bytes, ...named)
}
