/**
 * One walk over a message before it is decoded. Decoded messages take far more memory than empty ones took on the wire (a
 * nested message of two bytes becomes an object), and the decoder forgives what no encoder writes: numbers that do not fit,
 * both members of a oneof, one field twice. All of it is found here, and nothing is allocated for it.
 */

/** What may stand in a field. What is `opaque` (bytes and text) may look like anything and is stepped over. */
export type FieldKind = 'uint32' | 'uint64' | 'bool' | 'opaque' | Shape

export interface FieldRule {
  readonly kind: FieldKind
  /** Once, any number of times, or once among all the fields of the message's oneof. */
  readonly times: 'once' | 'many' | 'oneof'
}

/** A message by its field numbers, which are below 32. Fields that it does not name belong to a later version. */
export interface Shape {
  readonly [field: number]: FieldRule
}

const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5
const MAX_UINT_32 = 0xffff_ffff
/** Larger integers are none of this protocol's, and the decoder throws at them. */
const LARGEST: Readonly<Record<string, number>> = { uint32: MAX_UINT_32, uint64: Number.MAX_SAFE_INTEGER, bool: 1 }

/** Why these bytes are not decoded as a message of this shape, or `null`. `maxFields` counts all levels together. */
export function messageFlaw(bytes: Uint8Array, shape: Shape, maxFields: number): string | null {
  const walk: Walk = { bytes, at: 0, value: 0, fieldsLeft: maxFields, flaw: 'no message of this protocol' }
  if (steps(walk, bytes.length, shape)) return null
  return walk.fieldsLeft < 0 ? `more than ${maxFields} fields` : walk.flaw
}

interface Walk {
  readonly bytes: Uint8Array
  at: number
  /** The varint read last. */
  value: number
  fieldsLeft: number
  flaw: string
}

/**
 * Steps through the fields up to `end` and through the messages in them; false when something is wrong.
 * Safety: everything in which the decoder could be at another place than this walk is ill formed: a group, field 0, a field
 * that ends after its message, a length of more than 32 bits.
 */
function steps(walk: Walk, end: number, shape: Shape): boolean {
  let seen = 0
  let isChosen = false
  while (walk.at < end) {
    walk.fieldsLeft -= 1
    if (walk.fieldsLeft < 0 || !readVarint(walk, end) || walk.value > MAX_UINT_32) return false
    const field = Math.floor(walk.value / 8)
    const wireType = walk.value % 8
    if (field === 0) return false
    const rule = shape[field]
    if (rule !== undefined) {
      const isAgain = rule.times === 'oneof' ? isChosen : rule.times === 'once' && (seen & (1 << field)) !== 0
      if (isAgain) return fail(walk, `field ${field} once more than it may stand, or two fields of one oneof`)
      seen |= 1 << field
      isChosen ||= rule.times === 'oneof'
      const isNumber = typeof rule.kind === 'string' && rule.kind !== 'opaque'
      if (wireType !== (isNumber ? VARINT : LENGTH_DELIMITED)) return fail(walk, `field ${field} of another type`)
    }
    if (wireType === FIXED_64) walk.at += 8
    else if (wireType === FIXED_32) walk.at += 4
    else if (wireType === VARINT || wireType === LENGTH_DELIMITED) {
      if (!readVarint(walk, end)) return false
      if (wireType === VARINT) {
        const largest = typeof rule?.kind === 'string' ? LARGEST[rule.kind] : undefined
        if (largest !== undefined && walk.value > largest) return fail(walk, `field ${field} is above ${largest}`)
        continue
      }
      const innerEnd = walk.at + walk.value
      if (walk.value > MAX_UINT_32 || innerEnd > end) return false
      if (rule === undefined || typeof rule.kind === 'string') walk.at = innerEnd
      else if (!steps(walk, innerEnd, rule.kind)) return false
    } else return false
  }
  return walk.at === end
}

function fail(walk: Walk, flaw: string): false {
  walk.flaw = flaw
  return false
}

/** Reads a varint into `walk.value`, exact below 2^53 and above it wherever it is; false when it does not end in time. */
function readVarint(walk: Walk, end: number): boolean {
  walk.value = 0
  for (let place = 0; place < 10 && walk.at < end; place += 1) {
    const byte = walk.bytes[walk.at] ?? 0
    walk.at += 1
    walk.value += (byte & 0x7f) * 2 ** (7 * place)
    if (byte < 0x80) return true
  }
  return false
}
