/**
 * Stage 2's bytes: the trained update quantised with a fresh rounding seed, masked, packed and digested. In: an update that
 * was checked, and the masks. Out: the masked input, fixed for its session. The lanes before masking, the seed and the mask
 * keys are overwritten before this returns; they never leave.
 */
import { setImmediate } from 'node:timers/promises'
import { wipe } from '../shared/crypto/secrets.ts'
import { invariant } from '../shared/errors.ts'
import type { MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import type { Rng } from '../shared/random.ts'
import { type Lanes, type VectorEncoding, zeroLanes } from '../shared/vector/encoding.ts'
import { packLanes } from '../shared/vector/packing.ts'
import { type PreparedUpdate, prepareUpdate, type QuantizeRefusal, quantizeRange } from '../shared/vector/quantize.ts'
import { UploadDigest } from '../shared/vector/upload-digest.ts'
import type { TrainedUpdate } from './trainer.ts'

/** The packed masked input and its digest. A resume sends these bytes again, never others. */
export interface MaskedInput {
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
}

/** Lanes handled between two turns of the event loop; a multiple of 8, so that packed pieces join. */
const LANES_PER_TURN = 64 * 1024

/** Why this update cannot be summed under the plan's encoding, or null: asked before the update is offered to a round. */
export function refuseUpdate(trained: TrainedUpdate, encoding: VectorEncoding): QuantizeRefusal | null {
  const outcome = prepare(trained, encoding, new Uint8Array(32))
  return outcome.ok ? null : outcome
}

/** Makes the masked input. Rejects with the signal's reason when aborted, everything secret overwritten all the same. */
export async function makeMaskedInput(input: {
  /** One that {@link refuseUpdate} finds nothing wrong with. */
  readonly trained: TrainedUpdate
  readonly encoding: VectorEncoding
  /** Taken over: their keys are overwritten. */
  readonly masks: readonly MaskSeed[]
  readonly engine: MaskEngine
  readonly rng: Rng
  readonly signal: AbortSignal
}): Promise<MaskedInput> {
  const { trained, encoding, masks, engine, rng, signal } = input
  const roundingSeed = rng(32)
  const outcome = prepare(trained, encoding, roundingSeed)
  invariant(outcome.ok, 'an update is checked before it is offered to a round')
  const { layout } = outcome.prepared
  const lanes = zeroLanes(layout.lengthLanes, layout.modulusBits)
  try {
    await quantizeInto(lanes, outcome.prepared, signal)
    await engine.accumulate(lanes, masks, { signal })
    return await pack(lanes, layout.modulusBits, signal)
  } finally {
    wipe(lanes, roundingSeed, ...masks.map(({ key }) => key))
  }
}

function prepare(trained: TrainedUpdate, encoding: VectorEncoding, roundingSeed: Uint8Array) {
  const { update, examples: weight, scalars } = trained
  return prepareUpdate({ update, weight, scalars, encoding, roundingSeed })
}

async function quantizeInto(lanes: Lanes, prepared: PreparedUpdate, signal: AbortSignal): Promise<void> {
  for (let from = 0; from < lanes.length; from += LANES_PER_TURN) {
    signal.throwIfAborted()
    const piece = quantizeRange(prepared, from, Math.min(from + LANES_PER_TURN, lanes.length))
    lanes.set(piece, from)
    wipe(piece)
    await setImmediate()
  }
}

async function pack(lanes: Lanes, modulusBits: number, signal: AbortSignal): Promise<MaskedInput> {
  const bytes = new Uint8Array(Math.ceil((lanes.length * modulusBits) / 8))
  const digest = new UploadDigest()
  for (let from = 0; from < lanes.length; from += LANES_PER_TURN) {
    signal.throwIfAborted()
    const piece = packLanes(lanes.subarray(from, from + LANES_PER_TURN), modulusBits)
    bytes.set(piece, (from / 8) * modulusBits)
    digest.update(piece)
    await setImmediate()
  }
  return { bytes, digest: digest.final() }
}
