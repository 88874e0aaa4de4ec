/**
 * What is done to each lane once, whatever the number of masks: rounding (its keystream included), packing, unpacking with
 * addition. One thread, in pieces that stay in the cache, checked against the reference.
 */
import { createCipheriv } from 'node:crypto'
import { invariant } from '../shared/errors.ts'
import { instantiateKernels } from '../shared/masks/kernels.ts'
import { packLanes } from '../shared/vector/packing.ts'
import { prepareUpdate, quantizeRange } from '../shared/vector/quantize.ts'
import { median } from './masks-expand.ts'

export interface LaneRow {
  readonly name: string
  readonly laneBits: 16 | 32
  readonly modulusBits: number
  readonly lanes: number
  readonly lanesPerSecond: number
  readonly cpuMs: number
  readonly nsPerLane: number
}

/** A tile of 32-bit lanes is 64 KiB. */
const TILE_LANES = 16 * 1024
const TILES = 300
const [LANES_AT, UPDATE_AT, WORDS_AT, PACKED_AT] = [64, 192, 320, 448].map((kib) => kib * 1024) as [
  number,
  number,
  number,
  number,
]

const SETTINGS = [
  { laneBits: 16, inputBits: 9, modulusBits: 16 },
  { laneBits: 32, inputBits: 16, modulusBits: 23 },
] as const

export function measureLanes(rounds: number): readonly LaneRow[] {
  return SETTINGS.flatMap((setting) => {
    const steps = stepsFor(setting)
    return Object.entries(steps).map(([step, work]) => {
      const cpuMs = median(Array.from({ length: rounds + 1 }, () => cpuMsOf(work)).slice(1))
      const lanes = TILE_LANES * TILES
      const { laneBits, modulusBits } = setting
      const figures = { lanesPerSecond: (lanes * 1000) / cpuMs, cpuMs, nsPerLane: (cpuMs * 1e6) / lanes }
      return { name: `masks-${step}`, laneBits, modulusBits, lanes, ...figures }
    })
  })
}

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage()
  for (let tile = 0; tile < TILES; tile += 1) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The steps over one tile, each having given the reference's result once. */
function stepsFor({ laneBits, inputBits, modulusBits }: (typeof SETTINGS)[number]) {
  const kernels = instantiateKernels()
  const memory = new Uint8Array(kernels.memory.buffer)
  const { buffer } = kernels.memory
  const lanes =
    laneBits === 16 ? new Uint16Array(buffer, LANES_AT, TILE_LANES) : new Uint32Array(buffer, LANES_AT, TILE_LANES)
  const [quantize, pack, unpackAdd] =
    laneBits === 16
      ? [kernels.quantize16, kernels.pack16, kernels.unpackAdd16]
      : [kernels.quantize32, kernels.pack32, kernels.unpackAdd32]
  const update = Float32Array.from({ length: TILE_LANES }, (_, place) => Math.sin(place) * 1.5)
  const seed = new Uint8Array(32).fill(7)
  const encoding = {
    ...{ parameterCount: TILE_LANES, scalars: [{ name: 'examples', fractionBits: 0 }], inputBits, modulusBits },
    ...{ laneRange: 1, clipNorm: 100, minWeight: 1, maxWeight: 1000, maxParticipants: 100 },
  }
  const outcome = prepareUpdate({ update, weight: 600, scalars: {}, encoding, roundingSeed: seed })
  invariant(outcome.ok, 'the update can be quantised')
  const { prepared } = outcome
  const cipher = createCipheriv('chacha20', seed, new Uint8Array(16))
  const zeros = new Uint8Array(TILE_LANES * 4)
  const updateBytes = new Uint8Array(update.buffer)
  const { clipFactor, unitsPerOne } = prepared
  const [largest, laneMask] = [2 ** (inputBits - 1) - 1, 2 ** modulusBits - 1]
  const steps = {
    quantise: () => {
      const words = cipher.update(zeros)
      memory.set(words, WORDS_AT)
      if (words.buffer instanceof ArrayBuffer) words.buffer.transfer(0)
      memory.set(updateBytes, UPDATE_AT)
      quantize(
        LANES_AT,
        UPDATE_AT,
        WORDS_AT,
        TILE_LANES,
        clipFactor,
        encoding.laneRange,
        unitsPerOne,
        largest,
        laneMask,
      )
    },
    pack: () => pack(PACKED_AT, LANES_AT, TILE_LANES, modulusBits),
    'unpack-add': () => unpackAdd(LANES_AT, PACKED_AT, TILE_LANES, modulusBits),
  }
  steps.quantise()
  const want = quantizeRange(prepared, 0, TILE_LANES)
  invariant(
    want.every((lane, place) => lane === lanes[place]),
    'rounding gives other lanes than the reference',
  )
  steps.pack()
  const isPacked = packLanes(want, modulusBits).every((byte, place) => byte === memory[PACKED_AT + place])
  invariant(isPacked, 'packing gives other bytes than the reference')
  lanes.fill(0)
  steps['unpack-add']()
  invariant(
    want.every((lane, place) => lane === lanes[place]),
    'unpacking gives other lanes than were packed',
  )
  return steps
}
