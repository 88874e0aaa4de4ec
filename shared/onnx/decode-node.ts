/** Decodes a NodeProto and its attributes. Subgraphs are not entered: they stay encoded and the allow list refuses them. */
import { type DecodeBudget, spendElements } from './decode-budget.ts'
import { decodeTensor, readIntegers } from './decode-tensor.ts'
import type { Attribute, AttributeValue, Node } from './model.ts'
import { type Field, MalformedError, readFields } from './protobuf-reader.ts'
import { decodeText } from './text.ts'

export function decodeNode(message: Uint8Array, budget: DecodeBudget): Node {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: Attribute[] = []
  const unknown: Uint8Array[] = []
  let name = ''
  let opType = ''
  let domain = ''
  for (const field of readFields(message, 'node', budget)) {
    const delimited = field.wireType === 2
    if (field.number === 1 && delimited) inputs.push(decodeText(field.bytes))
    else if (field.number === 2 && delimited) outputs.push(decodeText(field.bytes))
    else if (field.number === 3 && delimited) name = decodeText(field.bytes)
    else if (field.number === 4 && delimited) opType = decodeText(field.bytes)
    else if (field.number === 5 && delimited) attributes.push(decodeAttribute(field.bytes, budget))
    else if (field.number === 7 && delimited) domain = decodeText(field.bytes)
    else unknown.push(field.encoded)
    if (inputs.length + outputs.length + attributes.length + unknown.length > budget.limits.maxListLength) {
      throw new MalformedError(`node "${name}" has more than ${budget.limits.maxListLength} entries`)
    }
  }
  return { name, opType, domain, inputs, outputs, attributes, unknown }
}

const KIND_BY_FIELD: ReadonlyMap<number, AttributeValue['kind']> = new Map([
  [2, 'float'],
  [3, 'int'],
  [4, 'string'],
  [5, 'tensor'],
  [7, 'floats'],
  [8, 'ints'],
  [9, 'strings'],
])
/** AttributeProto.AttributeType codes of the kinds above. */
const KIND_BY_TYPE: ReadonlyMap<number, AttributeValue['kind']> = new Map([
  [1, 'float'],
  [2, 'int'],
  [3, 'string'],
  [4, 'tensor'],
  [6, 'floats'],
  [7, 'ints'],
  [8, 'strings'],
])
/** Fields that hold documentation only, so that they never make an attribute "other". */
const DOC_STRING = 13

function decodeAttribute(message: Uint8Array, budget: DecodeBudget): Attribute {
  const unknown: Uint8Array[] = []
  const byKind = new Map<AttributeValue['kind'], Field[]>()
  let name = ''
  let type: Field | undefined
  let other = false
  for (const field of readFields(message, 'attribute', budget)) {
    const kind = KIND_BY_FIELD.get(field.number)
    if (field.number === 1 && field.wireType === 2) name = decodeText(field.bytes)
    else if (field.number === 20 && field.wireType === 0) type = field
    else if (kind) {
      const fields = byKind.get(kind)
      if (fields) fields.push(field)
      else byKind.set(kind, [field])
    } else {
      if (field.number !== DOC_STRING) other = true
      unknown.push(field.encoded)
    }
  }
  const kind = type === undefined ? byKind.keys().next().value : KIND_BY_TYPE.get(Number(type.integer))
  const strangers = [...byKind.keys()].filter((present) => present !== kind)
  if (strangers.length > 0) throw new MalformedError(`attribute "${name}" holds values of two kinds`)
  if (kind === undefined || other) {
    if (byKind.size > 0) throw new MalformedError(`attribute "${name}" holds values of two kinds`)
    // "other" has no code of its own, so the type stays as it stood.
    return { name, content: { kind: 'other' }, unknown: type ? [...unknown, type.encoded] : unknown }
  }
  return { name, content: attributeValue(kind, byKind.get(kind) ?? [], name, budget), unknown }
}

function attributeValue(
  kind: AttributeValue['kind'],
  fields: Field[],
  name: string,
  budget: DecodeBudget,
): AttributeValue {
  const what = `attribute "${name}"`
  const one = fields.at(-1)
  const expect = (wireType: number) => {
    if (fields.some((field) => field.wireType !== wireType)) throw new MalformedError(`${what}: unexpected wire type`)
  }
  const limited = <T>(list: T[]): T[] => {
    if (list.length > budget.limits.maxListLength)
      throw new MalformedError(`${what}: more than ${budget.limits.maxListLength} entries`)
    return list
  }
  switch (kind) {
    case 'float':
      expect(5)
      return { kind, value: one ? float32(one.bytes, 0) : 0 }
    case 'int':
      expect(0)
      return { kind, value: BigInt.asIntN(64, one?.integer ?? 0n) }
    case 'string':
      expect(2)
      return { kind, value: one?.bytes ?? new Uint8Array(0) }
    case 'tensor':
      expect(2)
      if (!one || fields.length > 1) throw new MalformedError(`${what}: expected one tensor, found ${fields.length}`)
      return { kind, value: decodeTensor(one.bytes, budget) }
    case 'floats':
      return { kind, value: limited(fields.flatMap((field) => packedFloats(field, what, budget))) }
    case 'ints': {
      const values = fields.flatMap((field) =>
        readIntegers(field, { maxCount: budget.limits.maxListLength, what, budget }),
      )
      return { kind, value: limited(values).map((value) => BigInt.asIntN(64, value)) }
    }
    case 'strings':
      expect(2)
      return { kind, value: limited(fields.map((field) => field.bytes)) }
    case 'other':
      return { kind }
  }
}

function packedFloats(field: Field, what: string, budget: DecodeBudget): number[] {
  const { bytes, wireType } = field
  if ((wireType !== 2 && wireType !== 5) || bytes.length % 4 !== 0) throw new MalformedError(`${what}: not floats`)
  if (bytes.length / 4 > budget.limits.maxListLength) throw new MalformedError(`${what}: too many entries`)
  if (wireType === 2) spendElements(budget, bytes.length / 4)
  return Array.from({ length: bytes.length / 4 }, (_, i) => float32(bytes, 4 * i))
}

function float32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(at, true)
}
