/**
 * A masked input made step by step over the whole vector: rounded, masked by whatever engine there is, packed, digested. Needs
 * memory for all lanes; what makes the same bytes tile by tile is tested against it.
 */
import { setImmediate } from 'node:timers/promises'
import { wipe } from '../shared/crypto/secrets.ts'
import type { InputToMake, MaskEngine } from '../shared/masks/mask-engine.ts'
import { type Lanes, zeroLanes } from '../shared/vector/encoding.ts'
import { packLanes } from '../shared/vector/packing.ts'
import { type PreparedUpdate, quantizeRange } from '../shared/vector/quantize.ts'
import { UploadDigest } from '../shared/vector/upload-digest.ts'

/** Lanes handled between two turns of the event loop; a multiple of 8, so that packed pieces join. */
const LANES_PER_TURN = 64 * 1024

/** As {@link MaskEngine.makeInput}; the lanes are overwritten, whatever happens. */
export async function makeStepByStep(input: InputToMake, engine: MaskEngine): Promise<Uint8Array> {
  const { prepared, seeds, signal } = input
  const { lengthLanes, modulusBits } = prepared.layout
  const lanes = zeroLanes(lengthLanes, modulusBits)
  try {
    await quantizeInto(lanes, prepared, signal)
    await engine.accumulate(lanes, seeds, signal && { signal })
    return await pack(lanes, modulusBits, input)
  } finally {
    wipe(lanes)
  }
}

async function quantizeInto(lanes: Lanes, prepared: PreparedUpdate, signal: AbortSignal | undefined): Promise<void> {
  for (let from = 0; from < lanes.length; from += LANES_PER_TURN) {
    signal?.throwIfAborted()
    const piece = quantizeRange(prepared, from, Math.min(from + LANES_PER_TURN, lanes.length))
    lanes.set(piece, from)
    wipe(piece)
    await setImmediate()
  }
}

async function pack(lanes: Lanes, modulusBits: number, input: InputToMake): Promise<Uint8Array> {
  const { packed, signal, onReady } = input
  const digest = new UploadDigest()
  for (let from = 0; from < lanes.length; from += LANES_PER_TURN) {
    signal?.throwIfAborted()
    const piece = packLanes(lanes.subarray(from, from + LANES_PER_TURN), modulusBits)
    packed.set(piece, (from / 8) * modulusBits)
    digest.update(piece)
    onReady?.((from / 8) * modulusBits + piece.length)
    await setImmediate()
  }
  return digest.final()
}
