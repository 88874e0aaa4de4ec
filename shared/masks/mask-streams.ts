/**
 * The keystreams of a set of masks, advanced over the vector tile by tile. OpenSSL makes them where a stream is long: a
 * cipher costs some 15 µs to create and then runs four times as fast as the tile's own ChaCha20.
 */
import type { Cipheriv } from 'node:crypto'
import { wipe } from '../crypto/secrets.ts'
import { cipherAt, giveBack, nextBytes } from './keystream-cipher.ts'
import type { MaskSeed } from './mask-engine.ts'
import type { Tile } from './tile.ts'

/** Who makes the keystream: OpenSSL, or the tile itself. */
export type KeystreamSource = 'openssl' | 'tile'

/** Keystream per seed from which on OpenSSL is faster, creating the cipher included. Measured; see docs/decisions.md. */
const OPENSSL_FROM_BYTES = 32 * 1024

/** The faster source for streams of which so many bytes in a row are needed. */
export function bestSource(bytesInARow: number): KeystreamSource {
  return bytesInARow >= OPENSSL_FROM_BYTES ? 'openssl' : 'tile'
}

/** One per thread and piece of work. Holds ciphers until {@link close}. */
export class MaskStreams {
  readonly #seeds: readonly MaskSeed[]
  readonly #tile: Tile
  readonly #source: KeystreamSource
  /** One per seed; made when they are first needed. */
  #ciphers: Cipheriv[] = []
  /** Where all ciphers stand; NaN when not all stand at the same byte. */
  #atByte = Number.NaN

  constructor(input: { readonly seeds: readonly MaskSeed[]; readonly tile: Tile; readonly source: KeystreamSource }) {
    this.#seeds = input.seeds
    this.#tile = input.tile
    this.#source = input.source
  }

  /**
   * Adds all masks to the lanes in the tile, so many bytes, which start at that byte of the keystreams. Yields after every
   * mask, its bytes; a caller that stops there leaves the lanes half done.
   */
  *addTo(lengthBytes: number, fromByte: number): Generator<number, void> {
    if (fromByte !== this.#atByte) this.close()
    this.#atByte = Number.NaN
    for (const [place, { key, sign }] of this.#seeds.entries()) {
      if (this.#source === 'tile') this.#tile.addKeystream(key, fromByte, sign)
      else this.#addFromCipher(place, lengthBytes, fromByte)
      yield lengthBytes
    }
    this.#atByte = fromByte + lengthBytes
  }

  /** Gives the ciphers back; OpenSSL overwrites their keys. */
  close(): void {
    for (const cipher of this.#ciphers) cipher.final()
    this.#ciphers = []
  }

  #addFromCipher(place: number, lengthBytes: number, fromByte: number): void {
    const { key, sign } = this.#seeds[place]!
    this.#ciphers[place] ??= cipherAt(key, fromByte)
    const mask = nextBytes(this.#ciphers[place], lengthBytes)
    this.#tile.addBytes(mask, sign)
    // Every mask gets the same memory, for it is given back each time: overwriting the last one overwrites them all.
    if (place === this.#seeds.length - 1) wipe(mask)
    giveBack(mask)
  }
}
