/**
 * What the coordinator promises whatever it is sent: a refusal has a code and changes nothing but who is caught; what it
 * takes is what the sender meant and signed; and the session goes on to the exact sum of those that count, or ends with a
 * reason.
 */
import { isDeepStrictEqual } from 'node:util'
import { instructionFor } from '../../coordinator/protocol/instructions.ts'
import { closeStage, isLive, type ReceivedMessage, receive } from '../../coordinator/protocol/session.ts'
import type { Completed, CoordinatorSession } from '../../coordinator/protocol/session-state.ts'
import type { ParticipantMessage } from '../../shared/protocol/messages.ts'
import { encodeStored } from '../../shared/protocol/stored-form.ts'
import { zeroLanes } from '../../shared/vector/encoding.ts'
import { addPacked } from '../../shared/vector/packing.ts'
import { NOW_MS, plaintextSum, unmask } from '../protocol/federation.ts'
import type { Answer } from './coordinator-door.ts'
import type { SessionRecord, UpMoment } from './corpus.ts'
import { expectThat } from './finding.ts'
import { copyPlain } from './plain-copy.ts'
import { ABORT_REASONS, REFUSAL_CODES } from './refusal-codes.ts'

/** Participants of a large session. */
const LARGE = 20

/** Each state as it was when it was first seen: nothing may change it in place. */
const snapshots = new WeakMap<CoordinatorSession, string>()

function expectUntouched(session: CoordinatorSession): void {
  const now = encodeStored(session)
  const then = snapshots.get(session)
  if (then === undefined) snapshots.set(session, now)
  else expectThat(now === then, 'a state was changed in place')
}

/** Finding: a broken promise. `isSigned`: the sender put its own signature under the change. */
export function checkAnswer(moment: UpMoment, answer: Answer, isSigned: boolean): void {
  const { before, honest } = moment
  const { code, session, repeated, effects, received } = answer
  // Large states are compared by what they are, not by what is in them: it would take longer than everything else.
  if (before.setup.expected.size <= LARGE) expectUntouched(before)
  if (code !== null) {
    expectThat(REFUSAL_CODES.has(code) || code === 'not_found', `the code ${code} is not on the list`)
    expectThat(effects.length === 0, 'a refused message has an effect')
    if (code === 'share_off_commitment') {
      expectThat(isDeepStrictEqual(withoutStanding(session), withoutStanding(before)), 'more than a name changed')
    } else expectThat(session === before, `a refusal with ${code} changed the state`)
    return
  }
  if (received === null) return
  if (repeated) {
    expectThat(session === before, 'a repetition changed the state')
    expectThat(effects.length === 0, 'a repetition has an effect')
    return
  }
  expectThat(effects.length === (received.kind === 'contribution' ? 1 : 0), `${effects.length} effects`)
  if (received.kind === 'withdraw') return
  expectThat(
    isSigned || isMeant(copyPlain(received), copyPlain(honest)),
    `${received.kind} was taken though it is not what was sent`,
  )
}

/** Whoever is caught is on the list of names, and nobody waits for it any more. */
function withoutStanding(session: CoordinatorSession): object {
  return { ...session, named: null, awaited: null }
}

/** The message is the honest one, but for what nobody signs: further certificates, and shares held back. */
function isMeant(received: ReceivedMessage, honest: ParticipantMessage): boolean {
  if (received.kind === 'contribution' && honest.kind === 'contribution') {
    return isDeepStrictEqual([received.digest, received.signature], [honest.digest, honest.signature])
  }
  if (received.kind === 'advertise-keys' && honest.kind === 'advertise-keys') {
    const { certificateChain } = honest.entry
    return isDeepStrictEqual({ ...received.entry, certificateChain }, honest.entry)
  }
  if (received.kind === 'reveal-shares' && honest.kind === 'reveal-shares') {
    return received.shares.every((share, place) => {
      const truth = honest.shares[place]
      return truth?.owner === share.owner && (share.kind === 'none' || isDeepStrictEqual(share, truth))
    })
  }
  return isDeepStrictEqual(received, honest)
}

/** Walks the session on with everybody else's honest messages. Finding: it throws, or ends in another sum. */
export async function walkToTheEnd(moment: UpMoment, { session: after, effects }: Answer): Promise<void> {
  const { federation, accepted } = moment.session
  let session = after
  const folded = new Set<number>(effects.map(({ index }) => index))
  if ('contributions' in moment.before) for (const index of moment.before.contributions.keys()) folded.add(index)
  const environment = { nowMs: NOW_MS, bundle: federation.identities.bundle }
  for (let stages = 0; isLive(session) && stages < 6; stages += 1) {
    for (const spiffeId of federation.sites.keys()) instructionFor(session, spiffeId)
    for (const { from, message, stage } of accepted) {
      if (stage !== session.stage) continue
      const received = message.kind === 'contribution' ? { ...message, receivedDigest: message.digest } : message
      const result = receive(session, from, received, environment)
      for (const effect of result.effects) {
        expectThat(!folded.has(effect.index), `the input of ${effect.index} was added twice`)
        folded.add(effect.index)
      }
      session = result.session
    }
    if (isLive(session)) session = closeStage(session)
  }
  expectThat(!isLive(session), 'the session does not end')
  if (session.stage === 'aborted') expectThat(ABORT_REASONS.has(session.reason), `an abort for ${session.reason}`)
  else await expectExactSum(moment.session, session, folded)
}

async function expectExactSum(record: SessionRecord, session: Completed, folded: ReadonlySet<number>): Promise<void> {
  const { federation } = record
  const { modulusBits } = federation.encoding
  const accumulator = zeroLanes(federation.accumulator.length, modulusBits)
  expectThat(isDeepStrictEqual([...folded].sort(ascending), session.survivors), 'others were added up than survive')
  for (const index of session.survivors) {
    const packed = federation.sites.get(session.roster.entries[index - 1]?.spiffeId ?? '')?.packed
    expectThat(packed !== null && packed !== undefined, `no input of ${index}`)
    addPacked({ accumulator, packed, modulusBits })
  }
  const ended = { ...federation, coordinator: session, accumulator }
  const sum = await unmask(ended)
  expectThat(isDeepStrictEqual(sum, plaintextSum(ended, session.survivors)), 'the sum is not the sum')
}

const ascending = (a: number, b: number) => a - b
