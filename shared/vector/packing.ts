/**
 * The wire form of lanes: the low m bits of each, one after the other, least significant first, little-endian; the last
 * byte is filled up with zero bits. Eight lanes are m whole bytes, so a stream can be cut anywhere and read in groups.
 */
import { invariant } from '../errors.ts'
import { type Lanes, zeroLanes } from './encoding.ts'

/** Why packed bytes are refused. */
export interface PackedRefusal {
  readonly code: 'packed_length_mismatch' | 'packed_padding_not_zero'
  readonly message: string
}

const GROUP_LANES = 8

/** Adds as many lanes as `target` has from bytes that start at a lane's first bit: mod 2^16 or 2^32, by the target's width. */
export type AddPackedLanes = (target: Lanes, packed: Uint8Array, modulusBits: number) => void

/** ⌈lengthLanes · m / 8⌉. */
export function packedLength(lengthLanes: number, modulusBits: number): number {
  return Math.ceil((lengthLanes * modulusBits) / 8)
}

/** Packs the low m bits of every lane. Ranges that start at a multiple of 8 lanes can be packed apart and joined. */
export function packLanes(lanes: Lanes, modulusBits: number): Uint8Array {
  requireModulus(modulusBits)
  const packed = new Uint8Array(packedLength(lanes.length, modulusBits))
  // A lane goes in as two parts of at most 16 bits, so that part and leftover (at most 7 bits) fit an int32.
  const lowBits = Math.min(modulusBits, 16)
  const highBits = modulusBits - lowBits
  const lowMask = 2 ** lowBits - 1
  const highMask = 2 ** highBits - 1
  let pending = 0
  let pendingBits = 0
  let at = 0
  for (let place = 0; place < lanes.length; place += 1) {
    const lane = lanes[place]!
    pending |= (lane & lowMask) << pendingBits
    for (pendingBits += lowBits; pendingBits >= 8; pendingBits -= 8) {
      packed[at++] = pending
      pending >>>= 8
    }
    pending |= ((lane >>> 16) & highMask) << pendingBits
    for (pendingBits += highBits; pendingBits >= 8; pendingBits -= 8) {
      packed[at++] = pending
      pending >>>= 8
    }
  }
  if (pendingBits > 0) packed[at] = pending
  return packed
}

/**
 * Checks a whole packed vector by its length and last byte alone: all that can be wrong with its form. To be asked before
 * anything of it is added anywhere.
 */
export function refusePacked(packed: {
  readonly lengthBytes: number
  readonly lastByte: number
  readonly lengthLanes: number
  readonly modulusBits: number
}): PackedRefusal | null {
  const { lengthBytes, lastByte, lengthLanes, modulusBits } = packed
  const expected = packedLength(lengthLanes, modulusBits)
  if (lengthBytes !== expected) {
    const message = `${lengthLanes} lanes of ${modulusBits} bits are ${expected} bytes, not ${lengthBytes}`
    return { code: 'packed_length_mismatch', message }
  }
  const paddingBits = expected * 8 - lengthLanes * modulusBits
  if (lastByte >>> (8 - paddingBits) !== 0) {
    return { code: 'packed_padding_not_zero', message: `the last ${paddingBits} bits are padding and must be zero` }
  }
  return null
}

/**
 * Adds a packed vector to an accumulator as its blocks arrive, in order and cut anywhere. Lanes are added mod 2^16 or 2^32;
 * their low m bits are the sum mod 2^m. What {@link finish} refuses has been added already, so ask {@link refusePacked} first
 * where that is possible.
 */
export class PackedReader {
  readonly #accumulator: Lanes
  readonly #modulusBits: number
  readonly #addLanes: AddPackedLanes
  /** Bytes of a group of 8 lanes that is not complete yet. */
  #leftover = new Uint8Array(0)
  #nextLane = 0
  #readBytes = 0
  #lastByte = 0

  /** `addLanes`: {@link addPackedLanes}, or something faster that does the same. */
  constructor(input: {
    readonly accumulator: Lanes
    readonly modulusBits: number
    readonly addLanes?: AddPackedLanes
  }) {
    requireModulus(input.modulusBits)
    const widthBits = input.accumulator.BYTES_PER_ELEMENT * 8
    invariant(input.modulusBits <= widthBits, `lanes of ${widthBits} bits cannot hold ${input.modulusBits}`)
    this.#accumulator = input.accumulator
    this.#modulusBits = input.modulusBits
    this.#addLanes = input.addLanes ?? addPackedLanes
  }

  /** Adds the lanes that `block` completes. Bytes beyond the vector's end are counted, not added. */
  push(block: Uint8Array): void {
    if (block.length === 0) return
    this.#readBytes += block.length
    this.#lastByte = block[block.length - 1]!
    const groupBytes = this.#modulusBits
    let start = 0
    if (this.#leftover.length > 0) {
      start = Math.min(groupBytes - this.#leftover.length, block.length)
      this.#leftover = joined(this.#leftover, block.subarray(0, start))
      if (this.#leftover.length < groupBytes) return
      this.#add(this.#leftover)
    }
    const end = block.length - ((block.length - start) % groupBytes)
    this.#add(block.subarray(start, end))
    this.#leftover = block.slice(end)
  }

  /** Adds the last lanes; says what was wrong with the whole. */
  finish(): PackedRefusal | null {
    this.#add(this.#leftover)
    this.#leftover = new Uint8Array(0)
    return refusePacked({
      lengthBytes: this.#readBytes,
      lastByte: this.#lastByte,
      lengthLanes: this.#accumulator.length,
      modulusBits: this.#modulusBits,
    })
  }

  #add(bytes: Uint8Array): void {
    const wholeLanes = Math.floor((bytes.length * 8) / this.#modulusBits)
    const end = Math.min(this.#nextLane + wholeLanes, this.#accumulator.length)
    this.#addLanes(this.#accumulator.subarray(this.#nextLane, end), bytes, this.#modulusBits)
    this.#nextLane = end
  }
}

/**
 * Adds a whole packed vector; or, with `offsetLanes`, the part that starts there: a whole number of groups of 8 lanes, or
 * everything up to the accumulator's end. Nothing is added when it refuses.
 */
export function addPacked(input: {
  readonly accumulator: Lanes
  readonly packed: Uint8Array
  readonly modulusBits: number
  readonly offsetLanes?: number
}): PackedRefusal | null {
  const { accumulator, packed, modulusBits, offsetLanes } = input
  const start = offsetLanes ?? 0
  const groupsEnd = start + (packed.length / modulusBits) * GROUP_LANES
  const isGroups = offsetLanes !== undefined && Number.isInteger(groupsEnd) && groupsEnd <= accumulator.length
  const target = accumulator.subarray(start, isGroups ? groupsEnd : accumulator.length)
  const lastByte = packed[packed.length - 1] ?? 0
  const refusal = refusePacked({ lengthBytes: packed.length, lastByte, lengthLanes: target.length, modulusBits })
  if (refusal !== null) return refusal
  const reader = new PackedReader({ accumulator: target, modulusBits })
  reader.push(packed)
  return reader.finish()
}

/** The lanes of a whole packed vector, or why it is none. */
export function unpackLanes(input: {
  readonly packed: Uint8Array
  readonly lengthLanes: number
  readonly modulusBits: number
}): { readonly ok: true; readonly lanes: Lanes } | ({ readonly ok: false } & PackedRefusal) {
  const lanes = zeroLanes(input.lengthLanes, input.modulusBits)
  const refusal = unpackInto({ target: lanes, packed: input.packed, modulusBits: input.modulusBits })
  return refusal === null ? { ok: true, lanes } : { ok: false, ...refusal }
}

/** Overwrites `target` with a whole packed vector. Leaves it alone when it refuses. */
export function unpackInto(input: {
  readonly target: Lanes
  readonly packed: Uint8Array
  readonly modulusBits: number
}): PackedRefusal | null {
  const { target, packed, modulusBits } = input
  const lastByte = packed[packed.length - 1] ?? 0
  const refusal = refusePacked({ lengthBytes: packed.length, lastByte, lengthLanes: target.length, modulusBits })
  if (refusal !== null) return refusal
  target.fill(0)
  return addPacked({ accumulator: target, packed, modulusBits })
}

/** The plain one. */
export function addPackedLanes(target: Lanes, bytes: Uint8Array, modulusBits: number): void {
  const lowBits = Math.min(modulusBits, 16)
  const highBits = modulusBits - lowBits
  const lowMask = 2 ** lowBits - 1
  const highMask = 2 ** highBits - 1
  let pending = 0
  let pendingBits = 0
  let at = 0
  for (let place = 0; place < target.length; place += 1) {
    for (; pendingBits < lowBits; pendingBits += 8) pending |= bytes[at++]! << pendingBits
    let lane = pending & lowMask
    pending >>>= lowBits
    pendingBits -= lowBits
    if (highBits > 0) {
      for (; pendingBits < highBits; pendingBits += 8) pending |= bytes[at++]! << pendingBits
      lane |= (pending & highMask) << 16
      pending >>>= highBits
      pendingBits -= highBits
    }
    target[place] = target[place]! + lane
  }
}

function requireModulus(modulusBits: number): void {
  invariant(Number.isInteger(modulusBits) && modulusBits >= 8 && modulusBits <= 32, `no modulus of ${modulusBits} bits`)
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
