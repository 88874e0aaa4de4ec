/**
 * Decodes a TensorProto, bringing every typed data field to one form: little-endian raw bytes in row-major order.
 * ONNX writers differ (raw_data, packed and unpacked float_data, int64_data, …); nothing above this file sees it.
 */
import { type DecodeBudget, spendElements, spendTypedBytes } from './decode-budget.ts'
import { DATA_TYPE, type Tensor } from './model.ts'
import { countVarints, type Field, MalformedError, readFields, readVarint } from './protobuf-reader.ts'
import { decodeText } from './text.ts'

/** Bytes per element by data type, for the types that can stand in raw form. */
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [DATA_TYPE.float, 4],
  [DATA_TYPE.uint8, 1],
  [DATA_TYPE.int8, 1],
  [4, 2], // uint16
  [5, 2], // int16
  [DATA_TYPE.int32, 4],
  [DATA_TYPE.int64, 8],
  [DATA_TYPE.bool, 1],
  [10, 2], // float16
  [DATA_TYPE.double, 8],
  [12, 4], // uint32
  [13, 8], // uint64
  [14, 8], // complex64
  [15, 16], // complex128
  [16, 2], // bfloat16
])

/** Bytes of one element, or undefined for a type without a fixed width. */
export function elementBytes(dataType: number): number | undefined {
  return ELEMENT_BYTES.get(dataType)
}

/** Number of elements of a shape; throws MalformedError when it is not a safe integer. */
export function elementCount(dims: readonly number[], what: string): number {
  let count = 1
  for (const dim of dims) count *= dim
  if (!Number.isSafeInteger(count)) throw new MalformedError(`${what}: a shape of ${count} elements is out of range`)
  return count
}

const FLOAT_DATA = 4
const INT32_DATA = 5
const INT64_DATA = 7
const DOUBLE_DATA = 10
const UINT64_DATA = 11

export function decodeTensor(message: Uint8Array, budget: DecodeBudget): Tensor {
  const { limits } = budget
  const dims: number[] = []
  const strings: Uint8Array[] = []
  const unknown: Uint8Array[] = []
  const typed: Field[] = []
  let name = ''
  let dataType = 0
  let raw: Uint8Array | undefined
  let external = false
  for (const field of readFields(message, 'tensor', budget)) {
    const delimited = field.wireType === 2
    if (field.number === 1) {
      for (const dim of readIntegers(field, { maxCount: limits.maxRank, what: 'tensor dims', budget }))
        dims.push(dimension(dim))
      if (dims.length > limits.maxRank) throw new MalformedError(`a tensor has more than ${limits.maxRank} dimensions`)
    } else if (field.number === 2 && field.wireType === 0) dataType = Number(BigInt.asIntN(32, field.integer))
    else if ([FLOAT_DATA, INT32_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA].includes(field.number)) typed.push(field)
    else if (field.number === 6 && delimited) strings.push(field.bytes)
    else if (field.number === 8 && delimited) name = decodeText(field.bytes)
    else if (field.number === 9 && delimited) raw = field.bytes
    else {
      if (field.number === 13 || (field.number === 14 && field.integer !== 0n)) external = true
      unknown.push(field.encoded)
    }
  }
  const tensor = { name, dims, dataType, strings, external, unknown }
  if (typed.length > 0 && raw !== undefined) throw new MalformedError(`tensor "${name}" has raw and typed data`)
  if (typed.length > 0) raw = typedToRaw(typed, tensor, budget)
  const width = elementBytes(dataType)
  if (external || dataType === DATA_TYPE.string || width === undefined) return { ...tensor, raw }
  const expected = elementCount(dims, `tensor "${name}"`) * width
  const found = raw?.length ?? 0
  if (found !== expected) {
    throw new MalformedError(`tensor "${name}" of shape [${dims}] needs ${expected} bytes of data, found ${found}`)
  }
  return { ...tensor, raw: raw ?? new Uint8Array(0) }
}

function dimension(value: bigint): number {
  const dim = BigInt.asIntN(64, value)
  if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER))
    throw new MalformedError(`a dimension of ${dim} is out of range`)
  return Number(dim)
}

export type IntegerListRules = {
  readonly maxCount: number
  /** Names the list in errors. */
  readonly what: string
  readonly budget: DecodeBudget
}

/** Reads a repeated varint field's occurrence, packed or not. The entries of a packed one are paid for first. */
export function readIntegers(field: Field, { maxCount, what, budget }: IntegerListRules): bigint[] {
  if (field.wireType === 0) return [field.integer]
  if (field.wireType !== 2) throw new MalformedError(`${what}: not written as integers`)
  const count = countVarints(field.bytes)
  if (count > maxCount) throw new MalformedError(`${what}: ${count} entries, at most ${maxCount} allowed`)
  spendElements(budget, count)
  const values: bigint[] = []
  for (let at = 0; at < field.bytes.length; ) {
    const varint = readVarint(field.bytes, at, what)
    values.push(varint.value)
    at = varint.next
  }
  return values
}

/** Elements written as numbers become the bytes raw_data would have had, paid for before they are allocated. */
function typedToRaw(
  fields: readonly Field[],
  { dataType, name }: Pick<Tensor, 'dataType' | 'name'>,
  budget: DecodeBudget,
): Uint8Array {
  const width = elementBytes(dataType)
  const what = `data of tensor "${name}"`
  if (width === undefined) throw new MalformedError(`${what}: data type ${dataType} is not supported`)
  const fixed = fields.every((field) => field.number === FLOAT_DATA || field.number === DOUBLE_DATA)
  const lengths = fields.map((field) => {
    if (fixed) return field.bytes.length
    if (field.wireType === 0) return width
    return field.wireType === 2 ? countVarints(field.bytes) * width : 0
  })
  const total = lengths.reduce((sum, length) => sum + length, 0)
  spendTypedBytes(budget, total)
  const raw = new Uint8Array(total)
  let at = 0
  for (const field of fields) {
    if (fixed) {
      raw.set(field.bytes, at)
      at += field.bytes.length
      continue
    }
    if (field.wireType !== 0 && field.wireType !== 2) throw new MalformedError(`${what}: not written as integers`)
    for (let from = 0; field.wireType === 0 ? from === 0 : from < field.bytes.length; ) {
      const varint = field.wireType === 0 ? { value: field.integer, next: 1 } : readVarint(field.bytes, from, what)
      from = varint.next
      writeLittleEndian(raw, at, width, varint.value)
      at += width
    }
  }
  return raw
}

function writeLittleEndian(into: Uint8Array, at: number, width: number, value: bigint): void {
  let rest = value
  for (let i = 0; i < width; i++) {
    into[at + i] = Number(rest & 0xffn)
    rest >>= 8n
  }
}
