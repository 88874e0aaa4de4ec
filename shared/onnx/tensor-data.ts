/** Makes tensors from numbers and reads numbers from tensors. Data is little-endian whatever the machine. */
import { invariant } from '../errors.ts'
import { DATA_TYPE, type Tensor } from './model.ts'

const LITTLE_ENDIAN_HOST = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

export function floatTensor(name: string, dims: readonly number[], values: ArrayLike<number>): Tensor {
  return tensor(name, dims, DATA_TYPE.float, floatsToBytes(Float32Array.from(values)))
}

export function int64Tensor(name: string, dims: readonly number[], values: readonly number[]): Tensor {
  const raw = new Uint8Array(8 * values.length)
  const view = new DataView(raw.buffer)
  for (const [i, value] of values.entries()) view.setBigInt64(8 * i, BigInt(value), true)
  return tensor(name, dims, DATA_TYPE.int64, raw)
}

function tensor(name: string, dims: readonly number[], dataType: number, raw: Uint8Array): Tensor {
  return { name, dims, dataType, raw, strings: [], external: false, unknown: [] }
}

/** The elements of a float32 tensor, copied. */
export function readFloats(source: Tensor): Float32Array {
  invariant(source.dataType === DATA_TYPE.float && source.raw, `tensor "${source.name}" is not float32`)
  // Not `slice`: of a Buffer that is a view.
  const bytes = new Uint8Array(source.raw)
  if (!LITTLE_ENDIAN_HOST) swap(bytes)
  return new Float32Array(bytes.buffer)
}

/** The elements of an int64 or int32 tensor as numbers, or undefined for any other type or beyond 2^53. */
export function readIntegersOf(source: Tensor): readonly number[] | undefined {
  if (!source.raw) return undefined
  const view = new DataView(source.raw.buffer, source.raw.byteOffset, source.raw.byteLength)
  if (source.dataType === DATA_TYPE.int32) {
    return Array.from({ length: source.raw.length / 4 }, (_, i) => view.getInt32(4 * i, true))
  }
  if (source.dataType !== DATA_TYPE.int64) return undefined
  const values = Array.from({ length: source.raw.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)))
  return values.every(Number.isSafeInteger) ? values : undefined
}

/** The little-endian bytes of float32 values; a view of them where the machine allows. */
export function floatsToBytes(values: Float32Array): Uint8Array {
  if (LITTLE_ENDIAN_HOST) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const bytes = new Uint8Array(values.slice().buffer)
  swap(bytes)
  return bytes
}

function swap(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse()
}
