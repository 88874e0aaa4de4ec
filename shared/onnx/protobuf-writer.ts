/**
 * Writes the protobuf wire format into a list of pieces that is joined once at the end, so that weights are copied once.
 * Output is deterministic: the same calls give the same bytes.
 */

export class MessageWriter {
  readonly #pieces: Uint8Array[] = []
  #length = 0

  /** An int32, int64, uint64, bool or enum field; negative values take ten bytes, as protobuf has it. */
  varint(number: number, value: number | bigint): this {
    this.#push(encodeVarint(BigInt(number) << 3n))
    return this.#push(encodeVarint(BigInt(value)))
  }

  float(number: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    this.#push(encodeVarint((BigInt(number) << 3n) | 5n))
    return this.#push(bytes)
  }

  bytes(number: number, value: Uint8Array): this {
    this.#push(encodeVarint((BigInt(number) << 3n) | 2n))
    this.#push(encodeVarint(BigInt(value.length)))
    return this.#push(value)
  }

  string(number: number, value: string): this {
    return this.bytes(number, new TextEncoder().encode(value))
  }

  /** A string that is left out when empty, protobuf's default. */
  optionalString(number: number, value: string): this {
    return value === '' ? this : this.string(number, value)
  }

  /** Fields kept from decoding, exactly as they stood. */
  encoded(fields: readonly Uint8Array[]): this {
    for (const field of fields) this.#push(field)
    return this
  }

  finish(): Uint8Array {
    const joined = new Uint8Array(this.#length)
    let at = 0
    for (const piece of this.#pieces) {
      joined.set(piece, at)
      at += piece.length
    }
    return joined
  }

  #push(piece: Uint8Array): this {
    this.#pieces.push(piece)
    this.#length += piece.length
    return this
  }
}

function encodeVarint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value)
  const out: number[] = []
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  out.push(Number(rest))
  return Uint8Array.from(out)
}
