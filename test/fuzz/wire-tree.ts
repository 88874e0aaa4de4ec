/**
 * A protobuf message as a tree of its fields, in the order of the wire, that can be changed into anything and written out
 * again: also into what no encoder would write, such as a length that is not true.
 */
import { type FieldSchema, SCHEMA } from './schema.ts'

export interface WireNode {
  field: number
  wire: number
  /** Which field of the schema this is, where it is one. */
  readonly schema: FieldSchema | null
  value: { kind: 'varint'; varint: bigint } | { kind: 'bytes'; bytes: Uint8Array } | { kind: 'message'; tree: WireTree }
  /** Stands in place of the true length. */
  declaredLength?: bigint
}

export interface WireTree {
  readonly message: string
  nodes: WireNode[]
  /** Follows the last field. */
  tail: Uint8Array
}

export interface Place {
  readonly parent: WireTree
  readonly index: number
  readonly node: WireNode
}

const NOTHING = new Uint8Array(0)

/** Reads what an honest encoder wrote. */
export function readTree(message: string, bytes: Uint8Array): WireTree {
  const fields = SCHEMA.get(message)
  if (fields === undefined) throw new Error(`no message ${message}`)
  const nodes: WireNode[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error(`${message} ends inside a varint`)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const [field, wire] = [key >>> 3, key & 7]
    const schema = fields.find((candidate) => candidate.number === field) ?? null
    if (wire === 0) nodes.push({ field, wire, schema, value: { kind: 'varint', varint: varint() } })
    else if (wire === 2) {
      const length = Number(varint())
      const inner = bytes.slice(at, at + length)
      at += length
      const isMessage = schema !== null && SCHEMA.has(schema.type)
      const value: WireNode['value'] = isMessage
        ? { kind: 'message', tree: readTree(schema.type, inner) }
        : { kind: 'bytes', bytes: inner }
      nodes.push({ field, wire, schema, value })
    } else throw new Error(`${message} has a field of wire type ${wire}`)
  }
  return { message, nodes, tail: NOTHING }
}

/** Writes whatever the tree says. */
export function writeTree(tree: WireTree): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { field, wire, value, declaredLength } of tree.nodes) {
    parts.push(writeVarint((BigInt(field) << 3n) | BigInt(wire)))
    if (value.kind === 'varint') {
      parts.push(writeVarint(value.varint))
      continue
    }
    const inner = value.kind === 'bytes' ? value.bytes : writeTree(value.tree)
    parts.push(writeVarint(declaredLength ?? BigInt(inner.length)), inner)
  }
  return new Uint8Array(Buffer.concat([...parts, tree.tail]))
}

export function writeVarint(value: bigint): Uint8Array {
  const out: number[] = []
  let rest = BigInt.asUintN(64, value)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    out.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Uint8Array.from(out)
}

export function copyTree(tree: WireTree): WireTree {
  return { ...tree, nodes: tree.nodes.map(copyNode) }
}

export function copyNode(node: WireNode): WireNode {
  const { value } = node
  if (value.kind === 'message') return { ...node, value: { kind: 'message', tree: copyTree(value.tree) } }
  return { ...node, value: value.kind === 'bytes' ? { kind: 'bytes', bytes: value.bytes.slice() } : { ...value } }
}

/** Every field at every level, outer ones first. */
export function placesIn(tree: WireTree): readonly Place[] {
  return tree.nodes.flatMap((node, index) => {
    const inner = node.value.kind === 'message' ? placesIn(node.value.tree) : []
    return [{ parent: tree, index, node }, ...inner]
  })
}

/** The tree itself and every message in it. */
export function treesIn(tree: WireTree): readonly WireTree[] {
  return [tree, ...tree.nodes.flatMap(({ value }) => (value.kind === 'message' ? treesIn(value.tree) : []))]
}
