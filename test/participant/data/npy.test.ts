/** The .npy codec against bytes written by numpy, its own round trip, and what it refuses. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readNpy, writeNpy } from '../../../participant/data/npy.ts'

/** A file as NEP 1 lays it out: magic, version, header length, header, data. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header)
  const length = new Uint8Array(version === 1 ? 2 : 4)
  const view = new DataView(length.buffer)
  if (version === 1) view.setUint16(0, text.length, true)
  else view.setUint32(0, text.length, true)
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), version, 0, ...length, ...text, ...data])
}

const dict = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`

describe('readNpy', () => {
  test.each([
    ['<f4', new Float32Array([1.5, -2])],
    ['<f8', new Float64Array([1.5, -2])],
    ['|u1', new Uint8Array([3, 255])],
    ['<i4', new Int32Array([7, -7])],
    ['<i8', new BigInt64Array([7n, -7n])],
  ])('reads %s in every format version', (descr, data) => {
    for (const version of [1, 2, 3]) {
      const bytes = npy(dict(descr, '(2,)'), new Uint8Array(data.buffer), version)
      expect(readNpy(bytes, 'x.npy')).toEqual({ shape: [2], data })
    }
  })

  test('reads a scalar, an empty array and many axes', () => {
    expect(readNpy(npy(dict('|u1', '()'), Uint8Array.of(9)), 'x').shape).toEqual([])
    expect(readNpy(npy(dict('|u1', '(0, 3)'), new Uint8Array(0)), 'x').shape).toEqual([0, 3])
    expect(readNpy(npy(dict('|u1', '(1, 2, 3)'), new Uint8Array(6)), 'x').shape).toEqual([1, 2, 3])
  })

  test.each([
    ['another file', new TextEncoder().encode('PK\u0003\u0004 a zip of arrays'), /not a \.npy file/],
    ['an unknown version', npy(dict('|u1', '(0,)'), new Uint8Array(0), 9), /format version 9/],
    ['a header that ends early', npy(dict('|u1', '(1,)'), new Uint8Array(0)).subarray(0, 20), /ends inside its header/],
    ['objects', npy(dict('|O', '(1,)'), new Uint8Array(8)), /element type \|O is not supported/],
    ['big-endian numbers', npy(dict('>f4', '(1,)'), new Uint8Array(4)), /element type >f4/],
    ['Fortran order', npy(dict('<f4', '(1,)', 'True'), new Uint8Array(4)), /ascontiguousarray/],
    ['too little data', npy(dict('<f4', '(2,)'), new Uint8Array(4)), /needs 8 bytes of data, found 4/],
    ['an endless shape', npy(dict('<f4', '(9999999999, 9999999999)'), new Uint8Array(4)), /found 4/],
    [
      'records',
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)),
      /does not name/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'x.npy')).toThrow(expect.objectContaining({ code: 'npy_malformed' }))
    expect(() => readNpy(bytes, 'x.npy')).toThrow(message)
  })

  test('never fails otherwise, whatever the bytes', () => {
    const valid = npy(dict('<f4', '(2,)'), new Uint8Array(8))
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), (at, value, end) => {
        const mutated = valid.slice(0, end)
        if (at < end) mutated[at] = value
        try {
          readNpy(mutated, 'x.npy')
        } catch (error) {
          expect(error).toMatchObject({ code: 'npy_malformed' })
        }
      }),
    )
  })
})

test('writeNpy pads its header to 64 bytes and is read back', () => {
  const written = writeNpy({ shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) })
  expect(written.length).toBe(128 + 16)
  expect(readNpy(written, 'x.npy')).toEqual({ shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) })
  const labels = new BigInt64Array([0n, 9n])
  expect(readNpy(writeNpy({ shape: [2], data: labels }), 'y.npy')).toEqual({ shape: [2], data: labels })
})
