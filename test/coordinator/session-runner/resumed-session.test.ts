/**
 * A runner that is stopped at every point of a session, and another one that goes on from what the journal and the spool
 * folder have: the sum is the same, and every masked input is in it once.
 */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Accumulator } from '../../../coordinator/session-runner/accumulator.ts'
import type { SumOnDisk } from '../../../coordinator/session-runner/session-journal.ts'
import { UploadDesk } from '../../../coordinator/session-runner/upload-desk.ts'
import { StorageFailure } from '../../../coordinator/store/storage-failure.ts'
import { cpuMaskEngine } from '../../../shared/masks/cpu-engine.ts'
import { type VectorEncoding, vectorLayout } from '../../../shared/vector/encoding.ts'
import { packLanes } from '../../../shared/vector/packing.ts'
import { UPLOAD_BLOCK_BYTES, uploadDigest } from '../../../shared/vector/upload-digest.ts'
import { digestOf } from './finished-upload.ts'

const parent = mkdtempSync(join(tmpdir(), 'blindsum-resumed-'))
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(parent, 'spool-'))
})
afterAll(() => rmSync(parent, { recursive: true }))

const encoding: VectorEncoding = {
  parameterCount: 1_100_001,
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
const lanesOf = (seed: number) =>
  Uint32Array.from(
    { length: layout.lengthLanes },
    (_, place) => (Math.imul(place + seed, 2_654_435_761) >>> 3) & 0x7ffff,
  )
const input = packLanes(lanesOf(1), 19)
const digestAt = (seed: number) => uploadDigest(packLanes(lanesOf(seed), 19))

/** The rows that a desk writes, and one that begins from them. */
class Rows {
  readonly blocks = new Map<number, Uint8Array[]>()
  readonly recordBlocks = async (index: number, first: number, digests: readonly Uint8Array[]) => {
    const before = this.blocks.get(index) ?? []
    expect(first).toBe(before.length)
    this.blocks.set(index, [...before, ...digests])
  }
  readonly forgetBlocks = async (index: number) => void this.blocks.delete(index)

  async desk(): Promise<UploadDesk> {
    const desk = new UploadDesk({ folder, sessionId: 'session', layout, journal: this })
    await desk.restore(this.blocks)
    return desk
  }
}

describe('an upload of a coordinator that was killed', () => {
  test('goes on behind the last block that was written down', async () => {
    const rows = new Rows()
    const spool = (await rows.desk()).spoolOf(1)
    const first = spool.takeOver()
    await spool.write(first, 0, input.subarray(0, UPLOAD_BLOCK_BYTES))
    await spool.write(first, UPLOAD_BLOCK_BYTES, input.subarray(UPLOAD_BLOCK_BYTES, 2 * UPLOAD_BLOCK_BYTES + 5))
    await expect.poll(() => rows.blocks.get(1)?.length).toBe(2)
    const again = await rows.desk()
    expect(again.acknowledgedBytes(1)).toBe(2 * UPLOAD_BLOCK_BYTES)
    const resumed = again.spoolOf(1)
    const stream = resumed.takeOver()
    const other = input.slice(0, 10).fill(1)
    await expect(resumed.write(stream, 0, other)).rejects.toMatchObject({ code: 'conflicting_repeat' })
    await resumed.write(stream, 2 * UPLOAD_BLOCK_BYTES, input.subarray(2 * UPLOAD_BLOCK_BYTES))
    expect(await digestOf(resumed, stream)).toEqual(uploadDigest(input))
    await spool.close()
    await again.discardAll()
    expect([rows.blocks.size, readdirSync(folder)]).toEqual([0, []])
  })

  test('begins again when its file is shorter than its blocks', async () => {
    const rows = new Rows()
    const desk = await rows.desk()
    const spool = desk.spoolOf(1)
    await spool.write(spool.takeOver(), 0, input.subarray(0, UPLOAD_BLOCK_BYTES))
    await expect.poll(() => rows.blocks.size).toBe(1)
    truncateSync(desk.pathOf(1), 1000)
    const again = await rows.desk()
    expect([again.acknowledgedBytes(1), rows.blocks.size]).toEqual([0, 0])
    await desk.discardAll()
  })

  test('begins again when what came was thrown away', async () => {
    const rows = new Rows()
    const desk = await rows.desk()
    const spool = desk.spoolOf(1)
    const stream = spool.takeOver()
    await spool.write(stream, 0, input.subarray(0, UPLOAD_BLOCK_BYTES))
    await spool.write(stream, UPLOAD_BLOCK_BYTES, input.subarray(UPLOAD_BLOCK_BYTES))
    await spool.finish(stream, async () => ({ kind: 'rejected', code: 'bad_signature', message: '' }))
    expect([spool.acknowledgedBytes, rows.blocks.size]).toEqual([0, 0])
    await spool.write(stream, 0, input.slice(0, 100).fill(1))
    expect(spool.acknowledgedBytes).toBe(100)
    await desk.discardAll()
  })
})

describe('the sum of a coordinator that was killed', () => {
  const seeds = [1, 2, 3]
  const expected = Uint32Array.from({ length: layout.lengthLanes }, (_, place) =>
    seeds.reduce((sum, seed) => sum + ((Math.imul(place + seed, 2_654_435_761) >>> 3) & 0x7ffff), 0),
  )

  /** An accumulator that writes its sum down with each input, and stops being one at `stopAt`. */
  function accumulator(sum: SumOnDisk | null, stopAt: string | null, onSum: (sum: SumOnDisk) => void): Accumulator {
    const reach = async (point: string) => {
      if (point === stopAt) await new Promise(() => {})
    }
    const recordSum = async (written: SumOnDisk) => onSum(written)
    const request = { layout, folder, prefix: 'session-sum', checkpointBytes: 1, sum, recordSum, reach }
    return new Accumulator({ ...request, onFailure: () => {} })
  }

  test.each([null, 'hold-before-sum-row', 'hold-after-sum-row'])(
    'cut off at %s has every input once',
    async (stopAt) => {
      folder = mkdtempSync(join(parent, 'spool-'))
      const pathOf = (seed: number) => join(folder, `session-${seed}`)
      for (const seed of seeds) writeFileSync(pathOf(seed), packLanes(lanesOf(seed), 19))
      let sum: SumOnDisk | null = null
      const onSum = (written: SumOnDisk) => {
        sum = written
      }
      const before = accumulator(null, null, onSum)
      before.fold(1, pathOf(1), digestAt(1))
      await expect.poll(() => sum?.contributors).toEqual([1])
      const cut = accumulator(sum, stopAt, onSum)
      cut.fold(2, pathOf(2), digestAt(2))
      if (stopAt === 'hold-before-sum-row') await expect.poll(() => readdirSync(folder)).toContain('session-sum-2')
      else await expect.poll(() => sum?.contributors).toEqual([1, 2])
      const known: SumOnDisk = sum ?? { file: '', digest: '', contributors: [] }
      const after = accumulator(known, null, onSum)
      for (const seed of seeds) if (!known.contributors.includes(seed)) after.fold(seed, pathOf(seed), digestAt(seed))
      const lanes = await after.unmask(cpuMaskEngine(), [], new AbortController().signal)
      expect(Buffer.compare(Buffer.from(lanes.buffer), Buffer.from(expected.buffer))).toBe(0)
      await after.discard()
      expect(readdirSync(folder)).not.toContain(known.file)
    },
  )

  test('that has other bytes than those written makes the session fail, not wrong', async () => {
    folder = mkdtempSync(join(parent, 'spool-'))
    writeFileSync(join(folder, 'session-1'), packLanes(lanesOf(1), 19))
    let sum: SumOnDisk | null = null
    const first = accumulator(null, null, (written) => {
      sum = written
    })
    first.fold(1, join(folder, 'session-1'), digestAt(1))
    await expect.poll(() => sum?.contributors).toEqual([1])
    truncateSync(join(folder, 'session-sum-1'), 100)
    const again = accumulator(sum, null, () => {})
    await expect(again.unmask(cpuMaskEngine(), [], new AbortController().signal)).rejects.toThrow('other bytes')
  })

  test('that could not be written down keeps the inputs, and is written with the next', async () => {
    folder = mkdtempSync(join(parent, 'spool-'))
    for (const seed of [1, 2]) writeFileSync(join(folder, `session-${seed}`), packLanes(lanesOf(seed), 19))
    let isFull = true
    let refused = 0
    const sums: SumOnDisk[] = []
    const full = accumulator(null, null, (written) => {
      if (isFull) {
        refused += 1
        throw new StorageFailure('disk_full', 'full')
      }
      sums.push(written)
    })
    full.fold(1, join(folder, 'session-1'), digestAt(1))
    await expect.poll(() => refused).toBe(1)
    expect(readdirSync(folder)).toEqual(['session-1', 'session-2', 'session-sum-1'])
    isFull = false
    full.fold(2, join(folder, 'session-2'), digestAt(2))
    await expect.poll(() => readdirSync(folder)).toEqual(['session-sum-2'])
    expect(sums.map(({ contributors }) => contributors)).toEqual([[1, 2]])
    await full.discard()
  })
})
