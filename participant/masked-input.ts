/**
 * Stage 2's bytes: the trained update quantised with a fresh rounding seed, masked, packed and digested. In: an update that
 * was checked, and the masks. Out: the masked input, fixed for its session, from its first byte on while the rest is still
 * being made. Seed and mask keys are overwritten at the end, unmasked lanes as soon as they are masked; they never leave.
 */
import { setImmediate } from 'node:timers/promises'
import { equalBytes } from '../shared/crypto/digest.ts'
import { wipe } from '../shared/crypto/secrets.ts'
import { invariant } from '../shared/errors.ts'
import type { InputToMake, MaskEngine, MaskSeed } from '../shared/masks/mask-engine.ts'
import { refuseIf } from '../shared/protocol/refusal.ts'
import type { Rng } from '../shared/random.ts'
import { type VectorEncoding, vectorLayout } from '../shared/vector/encoding.ts'
import { addSquares, clipFactorOf, prepareUpdate, type QuantizeRefusal } from '../shared/vector/quantize.ts'
import { makeStepByStep } from './plain-masked-input.ts'
import { UpdateDigest } from './protocol/update-digest.ts'
import type { TrainedUpdate } from './trainer.ts'

/** The packed masked input and its digest. A resume sends these bytes again, never others. */
export interface MaskedInput {
  readonly bytes: Uint8Array
  readonly digest: Uint8Array
}

export interface MaskedInputRequest {
  /** One that {@link refuseUpdate} finds nothing wrong with. */
  readonly trained: TrainedUpdate
  /**
   * Which update this has to be, from before the first byte to after the last: else `digest` rejects with ProtocolError
   * `update_changed`. A session always gives it; left out by who masks what no session counts.
   */
  readonly updateDigest?: Uint8Array
  readonly encoding: VectorEncoding
  /** Taken over: their keys are overwritten. */
  readonly masks: readonly MaskSeed[]
  readonly engine: MaskEngine
  readonly rng: Rng
  readonly signal: AbortSignal
}

/** A masked input that is being made. */
export interface GrowingInput {
  /** All of it; which bytes are made already, {@link readyBytes} says. */
  readonly bytes: Uint8Array
  /**
   * How many bytes from the first on are final, once there are more than so many or all; rejects as {@link digest} does. Bytes
   * that were ready stay as they are.
   */
  readonly readyBytes: (moreThan: number) => Promise<number>
  /** Of all bytes. Rejects with the signal's reason when aborted, or with what failed; the input is then worthless. */
  readonly digest: Promise<Uint8Array>
}

/** Squared between two turns of the event loop: about a millisecond's worth. */
const COORDINATES_PER_TURN = 1024 * 1024
/** Hashed between two turns. */
const HASHED_PER_TURN = 256 * 1024

/** Why this update cannot be summed under the plan's encoding, or null: asked before the update is offered to a round. */
export function refuseUpdate(trained: TrainedUpdate, encoding: VectorEncoding): QuantizeRefusal | null {
  const outcome = prepareUpdate(toQuantize(trained, encoding, new Uint8Array(32)))
  return outcome.ok ? null : outcome
}

/** Makes the masked input. Rejects as {@link GrowingInput.digest} does, everything secret overwritten all the same. */
export async function makeMaskedInput(request: MaskedInputRequest): Promise<MaskedInput> {
  const { bytes, digest } = beginMaskedInput(request)
  return { bytes, digest: await digest }
}

/** Begins to make the masked input: what is ready of it can be sent. Needs no care when it fails: nothing is left unhandled. */
export function beginMaskedInput(request: MaskedInputRequest): GrowingInput {
  const packed = new Uint8Array(new SharedArrayBuffer(vectorLayout(request.encoding).packedBytes))
  let ready = 0
  let next = Promise.withResolvers<void>()
  const onReady = (bytes: number) => {
    ready = bytes
    next.resolve()
    next = Promise.withResolvers()
  }
  const digest = make(request, packed, onReady)
  digest.catch(() => {})
  return {
    bytes: packed,
    digest,
    readyBytes: async (moreThan) => {
      while (ready <= moreThan && ready < packed.length) await Promise.race([next.promise, digest])
      return ready
    },
  }
}

async function make(
  request: MaskedInputRequest,
  packed: InputToMake['packed'],
  onReady: (bytes: number) => void,
): Promise<Uint8Array> {
  const { trained, encoding, masks, engine, rng, signal } = request
  const roundingSeed = rng(32)
  try {
    await refuseChanged(request)
    const factor = await clipFactorInTurns(trained.update, encoding.clipNorm, signal)
    const outcome = prepareUpdate(toQuantize(trained, encoding, roundingSeed), factor)
    invariant(outcome.ok, 'an update is checked before it is offered to a round')
    const input: InputToMake = { prepared: outcome.prepared, seeds: masks, packed, signal, onReady }
    const digest = await (engine.makeInput?.(input) ?? makeStepByStep(input, engine))
    await refuseChanged(request)
    return digest
  } finally {
    wipe(roundingSeed, ...masks.map(({ key }) => key))
  }
}

/**
 * Safety: were the update of everybody else overwritten meanwhile, by whatever fault a coordinator finds, the sum would be this
 * site's alone. Whoever masks another update than it was ready with, or part of one, signs no receipt for it.
 */
async function refuseChanged({ trained, updateDigest, signal }: MaskedInputRequest): Promise<void> {
  if (updateDigest === undefined) return
  const { update, examples, scalars } = trained
  const found = new UpdateDigest(update.length)
  for (let from = 0; from < update.length; from += HASHED_PER_TURN) {
    if (from > 0) await setImmediate()
    signal.throwIfAborted()
    found.add(update.subarray(from, from + HASHED_PER_TURN))
  }
  const isSame = equalBytes(found.final({ examples, ...scalars }), updateDigest)
  refuseIf(!isSame, 'update_changed', 'the update is no longer the one that this site was ready with')
}

async function clipFactorInTurns(update: Float32Array, clipNorm: number, signal: AbortSignal): Promise<number> {
  let squares = 0
  for (let from = 0; from < update.length; from += COORDINATES_PER_TURN) {
    if (from > 0) await setImmediate()
    signal.throwIfAborted()
    squares = addSquares(squares, update.subarray(from, from + COORDINATES_PER_TURN))
  }
  return clipFactorOf(squares, clipNorm)
}

function toQuantize(trained: TrainedUpdate, encoding: VectorEncoding, roundingSeed: Uint8Array) {
  const { update, examples: weight, scalars } = trained
  return { update, weight, scalars, encoding, roundingSeed }
}
