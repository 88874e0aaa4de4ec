/** The coordinator's core halfway through a stage of an honest session, for tests that then send it something of their own. */
import { instructionFor } from '../../../coordinator/protocol/instructions.ts'
import { isLive, type ReceivedMessage, receive } from '../../../coordinator/protocol/session.ts'
import type { CoordinatorSession } from '../../../coordinator/protocol/session-state.ts'
import type { ParticipantMessage } from '../../../shared/protocol/messages.ts'
import {
  type Federation,
  NOW_MS,
  openFederation,
  type Site,
  tell,
  type Weather,
  walkStage,
} from '../../protocol/federation.ts'
import type { Identities } from '../../protocol/identities.ts'

export const SIZE = 5

type Stage = CoordinatorSession['stage']

/** A federation of five in which everybody has answered `stage`, but for what `weather` loses; the stage is still open. */
export async function answered<S extends Stage>(stage: S, identities: Identities, weather: Weather = {}) {
  const federation = await openFederation({ size: SIZE, identities, parameterCount: 8 })
  while (federation.coordinator.stage !== stage) {
    if (!isLive(federation.coordinator)) throw new Error(`ended before ${stage}: ${federation.coordinator.stage}`)
    await walkStage(federation, weather)
  }
  await answer(federation, weather)
  const sites = [...federation.sites.values()] as [Site, Site, Site, Site, Site]
  return { federation, sites, session: federation.coordinator as Extract<CoordinatorSession, { stage: S }> }
}

/** Everybody hears where the session stands and answers; the stage is not closed. */
export async function answer(federation: Federation, weather: Weather = {}): Promise<void> {
  for (const site of federation.sites.values()) {
    const truth = instructionFor(federation.coordinator, site.spiffeId)
    const told = truth === null || weather.down === undefined ? truth : weather.down(truth, site.spiffeId)
    if (told !== null) await tell(federation, site, told, weather)
  }
}

/** Loses every message of these kinds from one site, which does not hear that it is out and keeps its keys. */
export function losing(spiffeId: string, ...kinds: readonly ParticipantMessage['kind'][]): Weather {
  return {
    up: (message, from) => from !== spiffeId || !kinds.includes(message.kind),
    down: (truth, to) => (to === spiffeId && truth.kind === 'session-over' ? null : truth),
  }
}

/** What the site has said of this kind, as the transport would hand it in. */
export function saidBy<K extends ParticipantMessage['kind']>(site: Site, kind: K) {
  const message = site.sent.findLast((sent) => sent.kind === kind)
  if (message === undefined) throw new Error(`${site.spiffeId} never sent ${kind}`)
  const received = message.kind === 'contribution' ? { ...message, receivedDigest: message.digest } : message
  return received as Extract<ReceivedMessage, { kind: K }>
}

/** Hands in one message from a SPIFFE ID: `accepted`, `repeated`, or the code of the refusal. */
export function send(federation: Federation, from: string, message: ReceivedMessage): string {
  const environment = { nowMs: NOW_MS, bundle: federation.identities.bundle }
  const { session, outcome } = receive(federation.coordinator, from, message, environment)
  federation.coordinator = session
  return outcome.kind === 'rejected' ? outcome.code : outcome.repeated ? 'repeated' : 'accepted'
}

/** The bytes with one bit changed. */
export function flip(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[0] = (copy[0] ?? 0) ^ 1
  return copy
}
