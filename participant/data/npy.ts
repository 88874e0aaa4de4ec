/**
 * NumPy's .npy files (NEP 1, format versions 1 to 3): reads float32, float64, uint8, int32 and int64 in C order, and
 * writes float32, uint8 and int64. Little-endian only, as every common writer makes them.
 */
import { ConfigError } from '../../shared/errors.ts'

export type NpyArray = {
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59) // "\x93NUMPY"

const TYPES = {
  '<f4': { bytes: 4, view: (buffer: ArrayBuffer) => new Float32Array(buffer) },
  '<f8': { bytes: 8, view: (buffer: ArrayBuffer) => new Float64Array(buffer) },
  '|u1': { bytes: 1, view: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  '<i4': { bytes: 4, view: (buffer: ArrayBuffer) => new Int32Array(buffer) },
  '<i8': { bytes: 8, view: (buffer: ArrayBuffer) => new BigInt64Array(buffer) },
} as const

/**
 * Reads a .npy file. `file` names it in errors.
 *
 * @throws ConfigError `npy_malformed` saying what was expected and what came.
 */
export function readNpy(bytes: Uint8Array, file: string): NpyArray {
  const fail = (message: string): never => {
    throw new ConfigError('npy_malformed', `${file}: ${message}`)
  }
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    fail('not a .npy file; write it with numpy.save')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]!
  if (version < 1 || version > 3) fail(`.npy format version ${version} is not known; expected 1 to 3`)
  const preamble = version === 1 ? 10 : 12
  if (bytes.length < preamble) fail('the file ends inside its header')
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (headerLength > 65_536 || preamble + headerLength > bytes.length) fail('the file ends inside its header')
  const header = new TextDecoder().decode(bytes.subarray(preamble, preamble + headerLength))
  const { descr, shape } = parseHeader(header, fail)
  const type = TYPES[descr as keyof typeof TYPES]
  if (!type) {
    const known = Object.keys(TYPES).join(', ')
    return fail(`element type ${descr} is not supported; expected one of ${known} (use numpy.astype)`)
  }
  const count = shape.reduce((a, b) => a * b, 1)
  const body = bytes.length - preamble - headerLength
  if (!Number.isSafeInteger(count) || count * type.bytes !== body) {
    fail(`shape (${shape.join(', ')}) of ${descr} needs ${count * type.bytes} bytes of data, found ${body}`)
  }
  // A copy, since typed arrays of wider elements must start at a multiple of their width.
  const aligned = new Uint8Array(body)
  aligned.set(bytes.subarray(preamble + headerLength))
  return { shape, data: type.view(aligned.buffer) }
}

/** The header is a Python dict literal with exactly these keys, written by numpy in sorted order. */
function parseHeader(header: string, fail: (message: string) => never): { descr: string; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1]
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1]
  if (descr === undefined || order === undefined || shape === undefined) {
    return fail('the header does not name descr, fortran_order and shape (records and objects are not supported)')
  }
  if (order === 'True') fail('the array is in Fortran order; save numpy.ascontiguousarray(x) instead')
  return {
    descr,
    shape: shape
      .split(',')
      .filter((part) => part.trim() !== '')
      .map(Number),
  }
}

/** Writes an array as a version 1.0 .npy file, its data aligned to 64 bytes as numpy does. */
export function writeNpy({
  shape,
  data,
}: {
  readonly shape: readonly number[]
  readonly data: Float32Array | Uint8Array | BigInt64Array
}): Uint8Array {
  const descr = data instanceof Float32Array ? '<f4' : data instanceof Uint8Array ? '|u1' : '<i8'
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const padded = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10
  const header = new TextEncoder().encode(`${dict.padEnd(padded - 1)}\n`)
  const bytes = new Uint8Array(10 + header.length + data.byteLength)
  bytes.set(MAGIC)
  bytes.set([1, 0, header.length & 0xff, header.length >> 8], 6)
  bytes.set(header, 10)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length)
  return bytes
}
