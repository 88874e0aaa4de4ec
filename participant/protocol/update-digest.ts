/**
 * Identifies a trained update, so that the journal can say it is spent: SHA-256 over its float32 bytes before clipping,
 * weighting and rounding, with the example count and every metric.
 */
import { createHash, type Hash } from 'node:crypto'
import { encodeTuple } from '../../shared/protocol/tuple.ts'

const LABEL = 'blindsum/v1/update'
/** What stands before the fields of a tuple with an empty label. */
const NO_LABEL_BYTES = 2

/** `update` is new minus global parameters; `scalars` what is summed beside it, by name. */
export function updateDigest(update: Float32Array, scalars: Readonly<Record<string, number>>): Uint8Array {
  const digest = new UpdateDigest(update.length)
  digest.add(update)
  return digest.final(scalars)
}

/** {@link updateDigest} of an update that comes in parts: the tuple of its bytes and scalars, hashed as it comes, not copied. */
export class UpdateDigest {
  readonly #hash: Hash

  constructor(parameterCount: number) {
    const head = encodeTuple(LABEL, new Uint8Array(0))
    new DataView(head.buffer).setUint32(head.length - 4, parameterCount * Float32Array.BYTES_PER_ELEMENT)
    this.#hash = createHash('sha256').update(head)
  }

  add(part: Float32Array): void {
    this.#hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  }

  final(scalars: Readonly<Record<string, number>>): Uint8Array {
    const named = Object.keys(scalars)
      .sort()
      .map((name) => `${name}=${scalars[name]}`)
    this.#hash.update(encodeTuple('', ...named).subarray(NO_LABEL_BYTES))
    return new Uint8Array(this.#hash.digest())
  }
}
