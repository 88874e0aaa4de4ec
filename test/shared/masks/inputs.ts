/** Updates to make masked inputs of, and what the plain steps one after the other make of them. */
import type { InputToMake, MaskSeed } from '../../../shared/masks/mask-engine.ts'
import { plainMaskEngine } from '../../../shared/masks/plain-engine.ts'
import { systemRng } from '../../../shared/random.ts'
import type { VectorEncoding } from '../../../shared/vector/encoding.ts'
import { packLanes } from '../../../shared/vector/packing.ts'
import { type PreparedUpdate, prepareUpdate, quantizeRange } from '../../../shared/vector/quantize.ts'
import { uploadDigest } from '../../../shared/vector/upload-digest.ts'

export const widths = [
  ['16-bit lanes', { inputBits: 9, modulusBits: 16 }],
  ['32-bit lanes', { inputBits: 16, modulusBits: 23 }],
] as const

/** An update that clipping shortens, with two scalars beside it; over shared memory or not. */
export function preparedUpdate(
  parameterCount: number,
  bits: { readonly inputBits: number; readonly modulusBits: number },
  shared = false,
): PreparedUpdate {
  const encoding: VectorEncoding = {
    ...bits,
    parameterCount,
    scalars: [
      { name: 'examples', fractionBits: 0 },
      { name: 'trainLossSum', fractionBits: 20 },
    ],
    ...{ laneRange: 1.5, clipNorm: Math.sqrt(parameterCount) / 2, minWeight: 1, maxWeight: 1000, maxParticipants: 16 },
  }
  const bytes = parameterCount * Float32Array.BYTES_PER_ELEMENT
  const update = new Float32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  for (let place = 0; place < update.length; place += 1) update[place] = 2 * Math.sin(place)
  const roundingSeed = systemRng(32)
  const outcome = prepareUpdate({ update, weight: 600, scalars: { trainLossSum: -12.5 }, encoding, roundingSeed })
  if (!outcome.ok) throw new Error(outcome.message)
  return outcome.prepared
}

export function randomSeeds(count: number): MaskSeed[] {
  return Array.from({ length: count }, (_, place) => ({ key: systemRng(32), sign: place % 3 === 1 ? -1 : 1 }))
}

/** Room for the packed bytes, none of which is zero by chance. */
export function roomFor({ layout }: PreparedUpdate): InputToMake['packed'] {
  return new Uint8Array(new SharedArrayBuffer(layout.packedBytes)).fill(0xee)
}

/** Rounded, masked, packed, digested: each for the whole vector before the next. */
export async function plainInput(prepared: PreparedUpdate, seeds: readonly MaskSeed[]) {
  const { lengthLanes, modulusBits } = prepared.layout
  const lanes = quantizeRange(prepared, 0, lengthLanes)
  await plainMaskEngine().accumulate(lanes, seeds)
  const packed = packLanes(lanes, modulusBits)
  return { packed, digest: uploadDigest(packed) }
}
