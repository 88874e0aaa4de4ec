/** The classes of bad values, by the type and the name of a field, and how each is put in its place. */
import { HOSTILE_SIGNING_KEYS, NON_CANONICAL_KEYS, SMALL_ORDER_KEYS } from './hostile-keys.ts'
import { type FieldSchema, SCHEMA } from './schema.ts'
import { copyNode, type WireNode, type WireTree } from './wire-tree.ts'

export interface FieldPath {
  /** The message at the root of the path. */
  readonly root: string
  /** From the root: `entry.channel_key`. */
  readonly fields: readonly FieldSchema[]
}

export const nameOf = ({ root, fields }: FieldPath) => [root, ...fields.map(({ name }) => name)].join('.')

/** Every field under a message, at every depth. */
export function pathsIn(root: string, message = root, above: readonly FieldSchema[] = []): readonly FieldPath[] {
  return (SCHEMA.get(message) ?? []).flatMap((field) => {
    const fields = [...above, field]
    return [{ root, fields }, ...(SCHEMA.has(field.type) ? pathsIn(root, field.type, fields) : [])]
  })
}

/** A place in a tree: the message, and the field's first node in it, where it has one. */
interface Spot {
  readonly parent: WireTree
  readonly node: WireNode | null
  readonly field: FieldSchema
}

type Change = (spot: Spot, size: number) => void

/** The first place where the field stands; else the first where it could. */
function spotOf(tree: WireTree, { fields }: FieldPath): Spot | null {
  const [field, ...deeper] = fields
  if (field === undefined) return null
  const nodes = tree.nodes.filter((candidate) => candidate.field === field.number)
  if (deeper.length === 0) return { parent: tree, node: nodes[0] ?? null, field }
  const spots = nodes.flatMap(({ value }) => {
    const spot = value.kind === 'message' ? spotOf(value.tree, { root: '', fields: deeper }) : null
    return spot === null ? [] : [spot]
  })
  return spots.find(({ node }) => node !== null) ?? spots[0] ?? null
}

/** True when the field is on the wire in this message. */
export function stands(tree: WireTree, path: FieldPath): boolean {
  return spotOf(tree, path)?.node != null
}

/** Puts a bad value in its place; false when the message has no such place. */
export function spoil(
  tree: WireTree,
  path: FieldPath,
  { badClass, size }: { badClass: string; size: number },
): boolean {
  const spot = spotOf(tree, path)
  const change = CHANGES[badClass]
  if (spot === null || change === undefined) return false
  // A field that is zero is not on the wire; what is absent cannot be dropped, repeated or resized.
  if (spot.node === null && !NUMBERS.has(badClass)) return false
  if (badClass === 'reversed' && nodesLike(spot).length < 2) return false
  change(spot, size)
  return true
}

const set = (value: (bytes: Uint8Array) => Uint8Array): Change => {
  return ({ node }) => {
    if (node?.value.kind === 'bytes') node.value = { kind: 'bytes', bytes: value(node.value.bytes) }
  }
}
const number = (value: (size: number) => bigint): Change => {
  return ({ parent, node, field }, size) => {
    const varint = { kind: 'varint', varint: value(size) } as const
    if (node === null) parent.nodes.push({ field: field.number, wire: 0, schema: field, value: varint })
    else node.value = varint
  }
}
const nodesLike = ({ parent, node }: Spot) => parent.nodes.filter(({ field }) => field === node?.field)
const copies = (count: number): Change => {
  return ({ parent, node }) => {
    if (node === null) return
    parent.nodes.splice(parent.nodes.indexOf(node), 0, ...Array.from({ length: count }, () => copyNode(node)))
  }
}

const CHANGES: Readonly<Record<string, Change>> = {
  missing: ({ parent, node }) => {
    parent.nodes = parent.nodes.filter((one) => one !== node)
  },
  twice: copies(1),
  many: copies(3000),
  none: (spot) => {
    const gone = nodesLike(spot)
    spot.parent.nodes = spot.parent.nodes.filter((node) => !gone.includes(node))
  },
  reversed: (spot) => {
    const order = nodesLike(spot)
    const values = order.map(({ value }) => value).reverse()
    for (const [place, node] of order.entries()) node.value = values[place] ?? node.value
  },
  'another type': ({ node }) => {
    if (node !== null) node.wire = node.wire === 0 ? 2 : 0
  },
  'trailing bytes': ({ node }) => {
    if (node?.value.kind === 'message') node.value.tree.tail = Uint8Array.of(0x0a)
  },
  'length too large': ({ node }) => {
    if (node !== null) node.declaredLength = 0xffff_ffffn
  },
  empty: set(() => new Uint8Array(0)),
  short: set((bytes) => bytes.slice(1)),
  long: set((bytes) => Uint8Array.from([...bytes, 0])),
  zeros: set((bytes) => new Uint8Array(bytes.length)),
  'another bit': set((bytes) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))),
  'small order': set(() => SMALL_ORDER_KEYS[4] ?? new Uint8Array(0)),
  'not canonical': set(() => NON_CANONICAL_KEYS[2] ?? new Uint8Array(0)),
  'no point': set(() => HOSTILE_SIGNING_KEYS[1] ?? new Uint8Array(0)),
  /** x = 5 is on P-256. */
  'another key': set((bytes) => bytes.map((_, at) => (at === 0 ? 2 : at === bytes.length - 1 ? 5 : 0))),
  padding: set((bytes) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte | 0x80 : byte))),
  zero: number(() => 0n),
  'n + 1': number((size) => BigInt(size + 1)),
  '2^32 - 1': number(() => 2n ** 32n - 1n),
  '2^32': number(() => 2n ** 32n),
  '2^53': number(() => 2n ** 53n),
  '2^64 - 1': number(() => 2n ** 64n - 1n),
}
const NUMBERS = new Set(['zero', 'n + 1', '2^32 - 1', '2^32', '2^53', '2^64 - 1'])

/** Classes that are malformed in every field of their kind, whatever the field means. */
export function malformedClasses(field: FieldSchema): readonly string[] {
  const { type, isRepeated } = field
  const all = [...(isRepeated ? [] : ['twice']), 'another type']
  if (SCHEMA.has(type)) return [...all, 'length too large', 'trailing bytes']
  if (type === 'uint32') return [...all, '2^32', '2^64 - 1']
  if (type === 'uint64') return [...all, '2^53', '2^64 - 1']
  return type === 'bool' ? [...all, '2^32'] : [...all, 'length too large']
}

const BITMAPS = new Set(['shared', 'survivors', 'signers'])

/** Classes whose code depends on what the field means: the table gives one for each. */
export function meaningClasses({ name, type, isRepeated }: FieldSchema): readonly string[] {
  if (isRepeated) return ['none', 'twice', 'reversed', 'many', ...(SCHEMA.has(type) ? [] : ['empty', 'another bit'])]
  if (SCHEMA.has(type)) return ['missing']
  if (type === 'uint32') return ['zero', 'n + 1', '2^32 - 1']
  if (type === 'uint64') return ['zero', '2^32 - 1']
  if (type === 'bool') return []
  if (type === 'string') return ['empty', 'another bit', 'long']
  const keys = name === 'channel_key' || name === 'mask_key' ? ['small order', 'not canonical'] : []
  const others = name === 'signing_key' ? ['no point', 'another key'] : ['another bit']
  const bitmap = BITMAPS.has(name) ? ['padding'] : []
  return ['empty', 'short', 'long', 'zeros', ...others, ...keys, ...bitmap]
}
