/**
 * The measured participants: each lives the whole session through the core's own door, every check on, from the bytes of each
 * instruction to the bytes of each answer, with real lanes to mask.
 */
import { maskedInputReady, obey, uploadAcknowledged } from '../participant/protocol/session.ts'
import type {
  AfterAdvertiseKeys,
  ParticipantEffect,
  ParticipantSession,
} from '../participant/protocol/session-state.ts'
import { splitSecret } from '../shared/crypto/shamir.ts'
import { invariant } from '../shared/errors.ts'
import { cpuMaskEngine } from '../shared/masks/cpu-engine.ts'
import type { ParticipantMessage } from '../shared/protocol/messages.ts'
import { holdersOf } from '../shared/protocol/neighbour-graph.ts'
import { systemRng } from '../shared/random.ts'
import type { Lanes } from '../shared/vector/encoding.ts'
import { packLanes } from '../shared/vector/packing.ts'
import { uploadDigest } from '../shared/vector/upload-digest.ts'
import { instructionFromWire } from '../shared/wire/from-wire.ts'
import { Instruction as WireInstruction } from '../shared/wire/generated/blindsum/v1/coordinator.ts'
import { participantEnvironment } from './cohort.ts'
import type { Stopwatch } from './stopwatch.ts'

export class SampledParticipant {
  readonly #environment: ReturnType<typeof participantEnvironment>
  readonly #watch: Stopwatch
  #session: ParticipantSession

  constructor(entered: AfterAdvertiseKeys, bundle: Parameters<typeof participantEnvironment>[0], watch: Stopwatch) {
    this.#session = entered
    this.#environment = participantEnvironment(bundle)
    this.#watch = watch
  }

  get session(): ParticipantSession {
    return this.#session
  }

  /** Reads and obeys an instruction; books both under `name`. */
  obey(name: string, wire: Uint8Array): readonly ParticipantEffect[] {
    return this.#watch.time(name, () => {
      const instruction = instructionFromWire(WireInstruction.decode(wire).step)
      invariant(instruction !== null, 'an instruction has a step')
      const stepped = obey(this.#session, instruction, this.#environment)
      this.#session = stepped.session
      const over = stepped.effects.find((effect) => effect.kind === 'over')
      invariant(over === undefined, `a sampled participant stays to the end: ${over?.message}`)
      return stepped.effects
    })
  }

  /** Puts the masks on `lanes`, packs them, and signs the receipt; books the first two apart. */
  async mask(effects: readonly ParticipantEffect[], lanes: Lanes, modulusBits: number): Promise<Uint8Array> {
    const effect = effects.find((one) => one.kind === 'mask')
    invariant(effect !== undefined, 'stage 2 asks for masks')
    await this.#watch.timeAsync('2 masks on', () => cpuMaskEngine({ threads: 'none' }).accumulate(lanes, effect.masks))
    return this.#watch.time('2 pack, digest', () => {
      const packed = packLanes(lanes, modulusBits)
      const ready = maskedInputReady(this.#session, uploadDigest(packed))
      this.#session = uploadAcknowledged(ready.session)
      return packed
    })
  }

  /** Shares two secrets as the deal did, and books it: Shamir's part of dealing, by itself. */
  shareAgain(): void {
    const session = this.#session
    invariant(session.stage === 'shared', 'asked after stage 1')
    const holders = holdersOf(session.graph, session.ownIndex)
    const { threshold } = session.parameters
    const secrets = [systemRng(32), systemRng(32)]
    this.#watch.time('of which Shamir', () => {
      for (const secret of secrets) splitSecret({ secret, threshold, holders, rng: systemRng })
    })
  }
}

/** The one message among effects. */
export function sent<K extends ParticipantMessage['kind']>(effects: readonly ParticipantEffect[], kind: K) {
  const found = effects.flatMap((effect) => (effect.kind === 'send' && effect.message.kind === kind ? [effect] : []))
  const [first] = found
  invariant(first !== undefined && found.length === 1, `one ${kind} is sent`)
  return first.message as Extract<ParticipantMessage, { kind: K }>
}
