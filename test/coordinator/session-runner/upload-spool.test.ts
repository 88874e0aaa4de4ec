import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Accumulator } from '../../../coordinator/session-runner/accumulator.ts'
import { UploadSpool } from '../../../coordinator/session-runner/upload-spool.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import { type VectorEncoding, vectorLayout } from '../../../shared/vector/encoding.ts'
import { packLanes } from '../../../shared/vector/packing.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'
import { digestOf } from './finished-upload.ts'

const folder = mkdtempSync(join(tmpdir(), 'blindsum-spool-'))
const spools: UploadSpool[] = []
afterAll(async () => {
  await Promise.all(spools.map((spool) => spool.discard()))
  rmSync(folder, { recursive: true })
})

const encoding: VectorEncoding = {
  parameterCount: 600_001,
  scalars: [{ name: 'examples', fractionBits: 0 }],
  inputBits: 16,
  modulusBits: 19,
  laneRange: 1,
  clipNorm: 10,
  minWeight: 1,
  maxWeight: 100,
  maxParticipants: 8,
}
const layout = vectorLayout(encoding)
const NOWHERE = { record: async () => {}, forget: async () => {} }
const newSpool = () => {
  const spool = new UploadSpool(join(folder, String(spools.length)), layout, { blocks: NOWHERE })
  spools.push(spool)
  return spool
}
const newAccumulator = () =>
  new Accumulator({
    layout,
    folder,
    prefix: 'sum',
    checkpointBytes: 1e9,
    sum: null,
    recordSum: async () => {},
    reach: async () => {},
    onFailure: () => {},
  })
const lanesOf = (seed: number) =>
  Uint32Array.from(
    { length: layout.lengthLanes },
    (_, place) => (Math.imul(place + seed, 2_654_435_761) >>> 3) & 0x7ffff,
  )
const input = packLanes(lanesOf(1), 19)
const refusal = (code: string) => expect.objectContaining({ code })

describe('an upload', () => {
  test('in chunks, resumed from what was acknowledged, is the whole input', async () => {
    const spool = newSpool()
    const first = spool.takeOver()
    await spool.write(first, 0, input.subarray(0, 700_000))
    expect(spool.acknowledgedBytes).toBe(700_000)
    const second = spool.takeOver()
    await spool.write(second, 700_000, input.subarray(700_000))
    expect(await digestOf(spool, second)).toEqual(uploadDigest(input))
    await spool.close()
    expect(sha(readFileSync(spool.path))).toBe(sha(input))
    await spool.discard()
    expect(existsSync(spool.path)).toBe(false)
  })

  test('may send again what is acknowledged, but no other bytes', async () => {
    const spool = newSpool()
    const stream = spool.takeOver()
    await spool.write(stream, 0, input.subarray(0, 1000))
    await spool.write(stream, 500, input.subarray(500, 1500))
    expect(spool.acknowledgedBytes).toBe(1500)
    const other = input.slice(1400, 1600)
    other[50]! ^= 1
    await expect(spool.write(stream, 1400, other)).rejects.toEqual(refusal('conflicting_repeat'))
    expect(spool.acknowledgedBytes).toBe(1500)
  })

  test('has no gaps and does not go past the end', async () => {
    const spool = newSpool()
    const stream = spool.takeOver()
    await expect(spool.write(stream, 1, input.subarray(1, 2))).rejects.toEqual(refusal('malformed'))
    await expect(spool.write(stream, 0, new Uint8Array(layout.packedBytes + 1))).rejects.toEqual(
      refusal('wrong_length'),
    )
    expect(spool.acknowledgedBytes).toBe(0)
  })

  test('counts only when it is whole and its padding is zero', async () => {
    const spool = newSpool()
    const stream = spool.takeOver()
    await spool.write(stream, 0, input.subarray(0, -1))
    await expect(digestOf(spool, stream)).rejects.toEqual(refusal('wrong_length'))
    expect((layout.lengthLanes * 19) % 8).not.toBe(0)
    await spool.write(stream, input.length - 1, Uint8Array.of((input.at(-1) ?? 0) | 0x80))
    await expect(digestOf(spool, stream)).rejects.toEqual(refusal('malformed'))
  })

  test('ends for an older stream when a newer takes over, and for all when it is closed', async () => {
    const spool = newSpool()
    const older = spool.takeOver()
    const newer = spool.takeOver()
    await expect(spool.write(older, 0, input.subarray(0, 9))).rejects.toEqual(refusal('late'))
    await spool.write(newer, 0, input.subarray(0, 9))
    await spool.discard()
    await expect(spool.write(newer, 9, input.subarray(9, 18))).rejects.toEqual(refusal('late'))
    await expect(digestOf(spool, newer)).rejects.toEqual(refusal('late'))
    expect(existsSync(spool.path)).toBe(false)
  })
})

test('an upload that finds no room is told so, and keeps what it has', async () => {
  const path = join(folder, 'full')
  symlinkSync('/dev/full', path)
  const spool = new UploadSpool(path, layout, { blocks: NOWHERE })
  spools.push(spool)
  const stream = spool.takeOver()
  await expect(spool.write(stream, 0, input.subarray(0, 1000))).rejects.toMatchObject({ code: 'disk_full' })
  expect(spool.acknowledgedBytes).toBe(0)
})

test('the accumulator adds each file once, takes the masks off and can be wiped', async () => {
  const accumulator = newAccumulator()
  for (const seed of [1, 2, 3]) {
    const spool = newSpool()
    const stream = spool.takeOver()
    await spool.write(stream, 0, packLanes(lanesOf(seed), 19))
    await digestOf(spool, stream)
    await spool.close()
    accumulator.fold(seed, spool.path, uploadDigest(packLanes(lanesOf(seed), 19)))
  }
  const masks = [{ key: new Uint8Array(32).fill(7), sign: -1 as const }]
  const mask = new Uint32Array(layout.lengthLanes)
  await cpuMaskEngine().accumulate(mask, masks)
  const sum = await accumulator.unmask(cpuMaskEngine(), masks, new AbortController().signal)
  const [a, b, c] = [lanesOf(1), lanesOf(2), lanesOf(3)]
  const expected = mask.map((value, place) => value + a[place]! + b[place]! + c[place]!)
  expect(sha(new Uint8Array(sum.buffer))).toBe(sha(new Uint8Array(expected.buffer)))
  await accumulator.wipe()
  expect(sum.every((lane) => lane === 0)).toBe(true)
})

test('a file that is gone makes the sum fail, not wrong', async () => {
  const accumulator = newAccumulator()
  const spool = newSpool()
  await spool.discard()
  accumulator.fold(1, spool.path, uploadDigest(input))
  await expect(accumulator.unmask(cpuMaskEngine(), [], new AbortController().signal)).rejects.toThrow()
})

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
