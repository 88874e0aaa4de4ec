/**
 * What the coordinator does with masked inputs, as the benchmark measures it: they are read from a file in slices, unpacked and
 * added, as the session's accumulator does it; then the engine takes the masks off in place. One masked input stands for all:
 * it is folded once for every survivor. Its bytes are random, which is what a mask makes of any input.
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { invariant } from '../shared/errors.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { plainMaskEngine } from '../shared/masks/plain-engine.ts'
import { unpackAdd } from '../shared/masks/unpack-add.ts'
import { systemRng } from '../shared/random.ts'
import { type Lanes, sharedZeroLanes, type VectorLayout, vectorLayout, zeroLanes } from '../shared/vector/encoding.ts'
import { type AddPackedLanes, addPackedLanes, PackedReader } from '../shared/vector/packing.ts'
import { UploadDigest } from '../shared/vector/upload-digest.ts'

export interface CoordinatorSize {
  readonly participants: number
  readonly neighbours: number
  readonly dropouts: number
  readonly lanes: number
  /** m: 16 makes lanes of 16 bits, 23 lanes of 32. */
  readonly modulusBits: 16 | 23
}

export interface PackedFile {
  readonly path: string
  readonly packed: Uint8Array
}

/** As the accumulator reads. */
const SLICE_BYTES = 512 * 1024
const CHECKED_GROUPS = 50

export function layoutFor({ lanes, modulusBits, participants }: CoordinatorSize): VectorLayout {
  return vectorLayout({
    parameterCount: lanes,
    scalars: [{ name: 'examples', fractionBits: 0 }],
    inputBits: modulusBits - Math.ceil(Math.log2(participants)),
    modulusBits,
    ...{ laneRange: 1, clipNorm: 1, minWeight: 1, maxWeight: 1000, maxParticipants: participants },
  })
}

/** How many neighbours of a dropout survive, of k drawn from all others: the mean, rounded. */
export function survivingNeighbours({ participants, neighbours, dropouts }: CoordinatorSize): number {
  return Math.round((neighbours * (participants - dropouts)) / (participants - 1))
}

/** A self mask of every survivor, and a pairwise mask of every dropout with each surviving neighbour. */
export function masksToTakeOff(size: CoordinatorSize): readonly MaskSeed[] {
  const selfMasks = size.participants - size.dropouts
  const pairwise = size.dropouts * survivingNeighbours(size)
  return Array.from({ length: selfMasks + pairwise }, (_, place): MaskSeed => {
    return { key: systemRng(32), sign: place < selfMasks || place % 2 === 0 ? -1 : 1 }
  })
}

export async function withPackedFile<T>(size: CoordinatorSize, work: (file: PackedFile) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'blindsum-bench-'))
  try {
    const { packedBytes, lengthLanes, modulusBits } = layoutFor(size)
    const packed = systemRng(packedBytes)
    const paddingBits = packedBytes * 8 - lengthLanes * modulusBits
    packed[packedBytes - 1] = packed[packedBytes - 1]! >>> paddingBits
    const path = join(folder, 'masked-input')
    await writeFile(path, packed)
    return await work({ path, packed })
  } finally {
    await rm(folder, { recursive: true })
  }
}

export interface SumTimes {
  readonly foldCpuMs: number
  readonly unmaskCpuMs: number
  readonly wallMs: number
}

/**
 * All masked inputs folded, all masks taken off; the sum checked on random lanes, which is not measured. The fastest ways there
 * are, unless others are given.
 */
export async function sumAndUnmask(input: {
  readonly size: CoordinatorSize
  readonly path: string
  readonly engine: MaskEngine
  readonly addLanes?: AddPackedLanes
  /** What the file holds, where the sum is to be checked. */
  readonly packed?: Uint8Array
}): Promise<SumTimes> {
  const { size, path, engine, addLanes = unpackAdd, packed } = input
  const { lengthLanes, modulusBits } = layoutFor(size)
  const masks = masksToTakeOff(size)
  const survivors = size.participants - size.dropouts
  const [from, start] = [performance.now(), process.cpuUsage()]
  const lanes = sharedZeroLanes(lengthLanes, modulusBits)
  for (let survivor = 0; survivor < survivors; survivor += 1) {
    const reader = new PackedReader({ accumulator: lanes, modulusBits, addLanes })
    await readInSlices(path, (slice) => reader.push(slice))
    invariant(reader.finish() === null, 'the file is a whole masked input')
  }
  const foldCpuMs = milliseconds(process.cpuUsage(start))
  await engine.accumulate(lanes, masks)
  const unmaskCpuMs = milliseconds(process.cpuUsage(start)) - foldCpuMs
  const wallMs = performance.now() - from
  if (packed !== undefined) await checkSum({ lanes, packed, survivors, masks, modulusBits })
  return { foldCpuMs, unmaskCpuMs, wallMs }
}

/** CPU of reading and digesting one masked input, by which what lies on the disk is compared with what was signed. */
export function digestCpuMs(path: string): Promise<number> {
  return cpuMsOf(async () => {
    const digest = new UploadDigest()
    await readInSlices(path, (slice) => digest.update(slice))
    digest.final()
  })
}

async function readInSlices(path: string, use: (slice: Uint8Array) => void): Promise<void> {
  const file = await open(path, 'r')
  try {
    const slice = new Uint8Array(SLICE_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(slice, 0, SLICE_BYTES, null)
      if (bytesRead === 0) break
      use(slice.subarray(0, bytesRead))
      await setImmediate()
    }
  } finally {
    await file.close()
  }
}

/** Random groups of eight lanes against arithmetic in the open. */
async function checkSum(input: {
  readonly lanes: Lanes
  readonly packed: Uint8Array
  readonly survivors: number
  readonly masks: readonly MaskSeed[]
  readonly modulusBits: number
}): Promise<void> {
  const { lanes, packed, survivors, masks, modulusBits } = input
  for (let check = 0; check < CHECKED_GROUPS; check += 1) {
    const group = Math.floor(Math.random() * Math.floor(lanes.length / 8))
    const want = zeroLanes(8, modulusBits)
    addPackedLanes(want, packed.subarray(group * modulusBits, (group + 1) * modulusBits), modulusBits)
    for (const [place, lane] of want.entries()) want[place] = lane * survivors
    await plainMaskEngine().accumulate(want, masks, { firstLane: group * 8 })
    const isSame = want.every((lane, place) => lane === lanes[group * 8 + place])
    invariant(isSame, `the sum is right in the eight lanes from ${group * 8} on`)
  }
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000
}

/** CPU time of the whole process, its threads included. */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  return milliseconds(process.cpuUsage(before))
}
