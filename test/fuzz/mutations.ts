/**
 * Changes to a message, as plain data that can be printed and applied again: to the structure (fields dropped, repeated,
 * moved, retyped, nested), to values (numbers at every edge, lengths, bits), to what the fields mean (hostile keys, other
 * participants' keys and signatures, bitmap padding), and splices from other messages.
 */
import type { Dice } from './dice.ts'
import { HOSTILE_CURVE_KEYS, HOSTILE_SIGNING_KEYS } from './hostile-keys.ts'
import { copyNode, type Place, placesIn, treesIn, type WireNode, type WireTree } from './wire-tree.ts'

export interface Mutation {
  readonly kind: keyof typeof OPERATIONS
  /** Which of the places that the operation applies to, modulo their number. */
  readonly at: number
  /** What it does there, in the operation's own terms. */
  readonly what: number
}

export interface MutationContext {
  /** Participants in the roster. */
  readonly size: number
  /** The trees of other messages, to splice from. */
  readonly donor: (number: number) => WireTree
}

/** Changes of values come three times as often as those of structure, most of which the walk before decoding ends. */
const VALUES: readonly Mutation['kind'][] = [
  'number',
  'nudge',
  'fill',
  'flip',
  'hostileKey',
  'hostileKey',
  'bitmap',
  'splice',
  'exchangeValues',
]

export function rollMutation(dice: Dice): Mutation {
  const kinds = Object.keys(OPERATIONS) as Mutation['kind'][]
  return { kind: dice.pick([...kinds, ...VALUES, ...VALUES]), at: dice.roll(0x7fffffff), what: dice.roll(0x7fffffff) }
}

/** Applies in place. Where the operation finds nothing to apply to, the tree stays as it is. */
export function mutate(tree: WireTree, mutation: Mutation, context: MutationContext): void {
  const operation: Operation = OPERATIONS[mutation.kind]
  operation(tree, mutation, context)
}

type Operation = (tree: WireTree, mutation: Mutation, context: MutationContext) => void

const pick = <T>(from: readonly T[], number: number): T | undefined =>
  from.length === 0 ? undefined : from[number % from.length]

/** An operation on one field that satisfies `applies`. */
function onField(
  applies: (place: Place) => boolean,
  change: (place: Place, what: number, context: MutationContext) => void,
): Operation {
  return (tree, { at, what }, context) => {
    const place = pick(placesIn(tree).filter(applies), at)
    if (place !== undefined) change(place, what, context)
  }
}

/** An operation on a field of bytes or text, by what it makes of them. */
function onBytes(
  applies: (node: WireNode) => boolean,
  change: (bytes: Uint8Array, what: number, context: MutationContext) => Uint8Array,
): Operation {
  return onField(
    ({ node }) => node.value.kind === 'bytes' && applies(node),
    ({ node }, what, context) => {
      if (node.value.kind !== 'bytes') return
      node.value = { kind: 'bytes', bytes: change(node.value.bytes, what, context) }
    },
  )
}

const any = () => true
const isVarint = ({ node }: Place) => node.value.kind === 'varint'
const isDelimited = ({ node }: Place) => node.value.kind !== 'varint'
const isCurveKey = ({ schema }: WireNode) => schema?.name === 'channel_key' || schema?.name === 'mask_key'
const isSigningKey = ({ schema }: WireNode) => schema?.name === 'signing_key'
const isBitmap = ({ schema }: WireNode) => schema?.name === 'shared' || schema?.name === 'survivors'

/** Numbers at which something is apt to break. */
export function edgeNumbers(size: number): readonly bigint[] {
  const n = BigInt(size)
  const powers = [31n, 32n, 53n, 63n, 64n].flatMap((power) => [2n ** power - 1n, 2n ** power])
  return [0n, 1n, 2n, n - 1n, n, n + 1n, 0xffffn, 0x10000n, 2n ** 32n + 1n, 2n ** 53n + 1n, ...powers]
}

const LENGTHS = [0n, 1n, 2n ** 28n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]
const TAILS = [
  [0],
  [0xff],
  [0x0a],
  [0x08, 0x01],
  [0x7a, 0x00],
  [0x0b, 0x0c],
  [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80],
]

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, length))
  out.set(bytes.subarray(0, out.length))
  return out
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice()
  const at = bit % Math.max(1, out.length * 8)
  if (out.length > 0) out[at >> 3] = (out[at >> 3] ?? 0) ^ (1 << (at & 7))
  return out
}

const OPERATIONS = {
  drop: onField(any, ({ parent, index }) => void parent.nodes.splice(index, 1)),
  duplicate: onField(any, ({ parent, index, node }, what) => {
    const to = what % 2 === 0 ? index : what % (parent.nodes.length + 1)
    parent.nodes.splice(to, 0, copyNode(node))
  }),
  multiply: onField(any, ({ parent, index, node }, what) => {
    parent.nodes.splice(index, 0, ...Array.from({ length: 2 + (what % 60) }, () => copyNode(node)))
  }),
  swap: onField(any, ({ parent, index, node }, what) => {
    const other = what % parent.nodes.length
    const stranger = parent.nodes[other]
    if (stranger === undefined) return
    parent.nodes[index] = stranger
    parent.nodes[other] = node
  }),
  exchangeValues: onField(any, ({ parent, node }, what) => {
    const same = parent.nodes.filter(({ value }) => value.kind === node.value.kind)
    const other = pick(same, what)
    if (other === undefined) return
    const { value } = other
    other.value = node.value
    node.value = value
  }),
  retype: onField(any, ({ node }, what) => {
    node.wire = [0, 1, 2, 3, 4, 5, 6, 7][what % 8] ?? 0
  }),
  renumber: onField(any, ({ node }, what) => {
    node.field = what % 13
  }),
  number: onField(isVarint, ({ node }, what, { size }) => {
    node.value = { kind: 'varint', varint: pick(edgeNumbers(size), what) ?? 0n }
  }),
  nudge: onField(isVarint, ({ node }, what) => {
    if (node.value.kind !== 'varint') return
    node.value = { kind: 'varint', varint: node.value.varint + (what % 2 === 0 ? 1n : -1n) }
  }),
  declare: onField(isDelimited, ({ node }, what) => {
    node.declaredLength = pick(LENGTHS, what) ?? 0n
  }),
  declareNear: onField(isDelimited, ({ node }, what) => {
    const { value } = node
    const length = value.kind === 'bytes' ? value.bytes.length : 40
    node.declaredLength = BigInt(Math.max(0, length + (what % 2 === 0 ? 1 : -1)))
  }),
  resize: onBytes(any, (bytes, what) =>
    resized(bytes, [0, bytes.length - 1, bytes.length + 1, 2 * bytes.length, 1, bytes.length + 65_536][what % 6] ?? 0),
  ),
  fill: onBytes(any, (bytes, what) => new Uint8Array(bytes.length).fill([0, 0xff, 1, 0x80][what % 4] ?? 0)),
  flip: onBytes(any, flipped),
  hostileKey: onBytes(isCurveKey, (bytes, what) => pick(HOSTILE_CURVE_KEYS, what)?.slice() ?? bytes),
  hostileSigningKey: onBytes(isSigningKey, (bytes, what) => pick(HOSTILE_SIGNING_KEYS, what)?.slice() ?? bytes),
  bitmap: onBytes(isBitmap, (bytes, what, { size }) => {
    const out = bytes.slice()
    const bit = what % 2 === 0 ? size + (what % 3) : what % size
    if (bit < out.length * 8) out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return out
  }),
  tail: (tree, { at, what }) => {
    const inner = pick(treesIn(tree), at)
    if (inner !== undefined) inner.tail = Uint8Array.from([...inner.tail, ...(pick(TAILS, what) ?? [])])
  },
  unknown: (tree, { at, what }) => {
    const value: WireNode['value'] =
      what % 2 === 0 ? { kind: 'varint', varint: 1n } : { kind: 'bytes', bytes: new Uint8Array(what % 40) }
    const field = [12, 15, 31, 536_870_911][what % 4] ?? 12
    const inner = pick(treesIn(tree), at)
    inner?.nodes.splice(what % (inner.nodes.length + 1), 0, {
      field,
      wire: what % 2 === 0 ? 0 : 2,
      schema: null,
      value,
    })
  },
  /** The message inside itself. */
  nest: onField(
    ({ node }) => node.value.kind === 'message',
    ({ node }, what) => {
      for (let depth = 0; depth < 1 + (what % 5); depth += 1) {
        if (node.value.kind === 'message') node.value.tree.nodes.push(copyNode(node))
      }
    },
  ),
  /** A value of the same field from another message, else any value of its kind. */
  splice: onField(any, ({ node }, what, { donor }) => {
    const strangers = placesIn(donor(what)).map((place) => place.node)
    const namesakes = strangers.filter(({ schema }) => schema !== null && schema.name === node.schema?.name)
    const stranger = pick(namesakes, what >> 3) ?? pick(strangers, what >> 3)
    if (stranger === undefined) return
    node.value = copyNode(stranger).value
    node.wire = stranger.wire
  }),
  insert: (tree, { at, what }, { donor }) => {
    const stranger = pick(placesIn(donor(what)), what >> 3)
    const inner = pick(treesIn(tree), at)
    if (stranger !== undefined) inner?.nodes.splice(what % (inner.nodes.length + 1), 0, copyNode(stranger.node))
  },
  replace: (tree, { what }, { donor }) => {
    tree.nodes = donor(what).nodes.map(copyNode)
  },
  empty: (tree, { at }) => {
    const inner = pick(treesIn(tree), at)
    if (inner !== undefined) inner.nodes = []
  },
} satisfies Record<string, Operation>
