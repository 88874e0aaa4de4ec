/**
 * The keystreams of a set of masks, advanced over the vector tile by tile. OpenSSL makes them where a stream is long: a
 * cipher costs some 15 µs to create and then runs four times as fast as the tile's own ChaCha20.
 */
import { type Cipheriv, createCipheriv } from 'node:crypto'
import { wipe } from '../crypto/secrets.ts'
import type { Lanes } from '../vector/encoding.ts'
import type { MaskSeed } from './mask-engine.ts'
import { TILE_BYTES, type Tile } from './tile.ts'

/** Who makes the keystream: OpenSSL, or the tile itself. */
export type KeystreamSource = 'openssl' | 'tile'

/** Keystream per seed from which on OpenSSL is faster, creating the cipher included. Measured; see docs/decisions.md. */
const OPENSSL_FROM_BYTES = 32 * 1024
const BLOCK_BYTES = 64

const zeros = new Uint8Array(TILE_BYTES)

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
   * Adds all masks to at most a tile of lanes, which start at that byte of the keystreams. Yields after every mask, its
   * bytes; a caller that stops there leaves the lanes as they were, or half done.
   */
  *addTo(lanes: Lanes, fromByte: number): Generator<number, void> {
    if (fromByte !== this.#atByte) this.close()
    this.#atByte = Number.NaN
    this.#tile.load(lanes)
    for (const [place, { key, sign }] of this.#seeds.entries()) {
      if (this.#source === 'tile') this.#tile.addKeystream(key, fromByte, sign)
      else this.#addFromCipher(place, lanes.byteLength, fromByte)
      yield lanes.byteLength
    }
    this.#tile.store()
    this.#atByte = fromByte + lanes.byteLength
  }

  /** Gives the ciphers back; OpenSSL overwrites their keys. */
  close(): void {
    for (const cipher of this.#ciphers) cipher.final()
    this.#ciphers = []
  }

  #addFromCipher(place: number, lengthBytes: number, fromByte: number): void {
    const { key, sign } = this.#seeds[place]!
    this.#ciphers[place] ??= cipherAt(key, fromByte)
    const mask = this.#ciphers[place].update(lengthBytes === zeros.length ? zeros : zeros.subarray(0, lengthBytes))
    this.#tile.addBytes(mask, sign)
    // Every mask gets the same memory, for it is given back each time: overwriting the last one overwrites them all.
    if (place === this.#seeds.length - 1) wipe(mask)
    giveBack(mask)
  }
}

/** An OpenSSL ChaCha20 that stands at a byte of the key's keystream. */
function cipherAt(key: Uint8Array, atByte: number): Cipheriv {
  const insideBlock = atByte % BLOCK_BYTES
  // node's 16-byte IV is the little-endian block counter (4 bytes) and then the nonce (12 bytes).
  const counterAndNonce = new Uint8Array(16)
  new DataView(counterAndNonce.buffer).setUint32(0, (atByte - insideBlock) / BLOCK_BYTES, true)
  const cipher = createCipheriv('chacha20', key, counterAndNonce)
  if (insideBlock > 0) cipher.update(zeros.subarray(0, insideBlock))
  return cipher
}

/**
 * Frees what `update` allocated at once, so that the next call gets the same memory while it is in the cache. Left to the
 * collector, every call writes to memory that is not: half the speed.
 */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
