/**
 * What honest sessions say, as the bytes of the wire, each with its receiver's state just before: the ground from which the
 * fuzzer starts. Three sessions of five: all stay; one falls silent after sharing keys; one is dealt a pair that does not
 * open, and complains. On request a fourth, on the sparse graph, from which a few participants' messages are kept.
 */
import type { CoordinatorSession } from '../../coordinator/protocol/session-state.ts'
import type { JournalFact } from '../../participant/protocol/journal.ts'
import type { AfterShareKeys, ParticipantSession } from '../../participant/protocol/session-state.ts'
import { sha256 } from '../../shared/crypto/digest.ts'
import { sign } from '../../shared/crypto/signatures.ts'
import { type Deal, dealRoot, dealStatement } from '../../shared/protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { Instruction as WireInstruction } from '../../shared/wire/generated/blindsum/v1/coordinator.ts'
import { instructionToWire } from '../../shared/wire/to-wire.ts'
import {
  deliver,
  type Federation,
  NOW_MS,
  openFederation,
  runSession,
  type Site,
  tell,
} from '../protocol/federation.ts'
import { type Identities, makeIdentities } from '../protocol/identities.ts'
import { copyPlain } from './plain-copy.ts'
import { type Method, requestOf, uploadParts } from './requests.ts'

export interface SessionRecord {
  readonly name: string
  readonly federation: Federation
  readonly sessionId: Uint8Array
  /** Accepted messages in their order, for walking a session to its end again. */
  readonly accepted: { readonly from: string; readonly message: ParticipantMessage; readonly stage: string }[]
  /** Everybody's state after sharing keys, with the secrets an attacker among them can use. */
  readonly insiders: Map<string, AfterShareKeys>
}

/** A request of a participant, and the coordinator that is about to get it. */
export interface UpMoment {
  readonly side: 'coordinator'
  readonly name: string
  readonly session: SessionRecord
  readonly from: string
  readonly method: Method
  /** The message's name in the schema. */
  readonly wireMessage: string
  /** One request, or the parts of an upload. */
  readonly requests: readonly Uint8Array[]
  /** Which of the requests is changed. */
  readonly target: number
  readonly before: CoordinatorSession
  readonly honest: ParticipantMessage
}

/** An instruction, and the participant that is about to get it. */
export interface DownMoment {
  readonly side: 'participant'
  readonly name: string
  readonly session: SessionRecord
  readonly to: string
  readonly wireMessage: 'Instruction'
  readonly bytes: Uint8Array
  /** Where the participant stands; `null`: in no session, as before one or after a restart. */
  readonly before: ParticipantSession | null
  readonly facts: readonly JournalFact[]
  readonly honest: Instruction
}

export type Moment = UpMoment | DownMoment

export interface Corpus {
  readonly identities: Identities
  readonly sessions: readonly SessionRecord[]
  readonly moments: readonly Moment[]
}

export const SIZE = 5
const PARAMETERS = 6

/** Beyond n = 64 the graph is sparse; the cohort is small for what it is, and still slow to fuzz. */
const SPARSE_SIZE = 76
const SPARSE = { size: SPARSE_SIZE, gammaPpm: 50_000, deltaPpm: 100_000 }
/** Places of the sparse session's participants whose messages are kept: the first is the attacker of the others. */
const KEPT = [0, 2, 40]

export async function makeCorpus({ withSparse = false } = {}): Promise<Corpus> {
  const identities = await makeIdentities(SIZE, NOW_MS)
  const moments: Moment[] = []
  const sessions: SessionRecord[] = []
  for (const name of ['all stay', 'one falls silent', 'one complains'] as const) {
    const federation = await openFederation({ size: SIZE, identities, parameterCount: PARAMETERS })
    sessions.push(await record(name, federation, moments))
  }
  if (withSparse) {
    const many = await makeIdentities(SPARSE_SIZE, NOW_MS)
    const federation = await openFederation({ ...SPARSE, identities: many, parameterCount: PARAMETERS })
    sessions.push(await record('sparse', federation, moments))
  }
  return { identities, sessions, moments }
}

async function record(name: string, federation: Federation, moments: Moment[]): Promise<SessionRecord> {
  const { sessionId } = federation.context
  const session: SessionRecord = { name, federation, sessionId, accepted: [], insiders: new Map() }
  const sites = [...federation.sites.values()]
  const silent = name === 'one falls silent' ? sites[1]?.spiffeId : undefined
  const cheat = name === 'one complains' ? sites[3]?.spiffeId : undefined
  const kept = new Set(
    sites.filter((_, place) => name !== 'sparse' || KEPT.includes(place)).map((site) => site.spiffeId),
  )
  const up = (message: ParticipantMessage, from: string): boolean => {
    const site = siteOf(federation, from)
    if (from === silent && message.kind === 'contribution') return false
    if (from === cheat && message.kind === 'share-keys' && !isGarbled(message.deal)) {
      const garbled = { kind: 'share-keys', deal: garbleFirst(message.deal, site) } as const
      deliver(federation, site, garbled, { up })
      return false
    }
    if (kept.has(from)) moments.push(...upMoments(session, site, message))
    if (kept.has(from) && site.session?.stage === 'shared') session.insiders.set(from, copyPlain(site.session))
    session.accepted.push({ from, message, stage: federation.coordinator.stage })
    return true
  }
  const down = (instruction: Instruction, to: string) => {
    if (kept.has(to)) moments.push(downMoment(session, siteOf(federation, to), instruction))
    return instruction
  }
  await runSession(federation, { up, down })
  if (federation.coordinator.stage !== 'completed') throw new Error(`${name}: an honest session completes`)
  for (const site of sites) if (kept.has(site.spiffeId)) moments.push(...lastMoments(session, site))
  // The participants are told that it is over only here, for the end overwrites what the moments hold.
  const before = moments.length
  for (const site of sites) await tell(federation, site, { kind: 'session-over', completed: true, reason: '' })
  if (moments.length !== before) throw new Error('the end is no moment')
  return session
}

function siteOf(federation: Federation, spiffeId: string): Site {
  const site = federation.sites.get(spiffeId)
  if (site === undefined) throw new Error(`no site ${spiffeId}`)
  return site
}

function upMoments(session: SessionRecord, site: Site, message: ParticipantMessage): UpMoment[] {
  const { federation } = session
  const before = federation.coordinator
  const shared = {
    side: 'coordinator',
    session,
    from: site.spiffeId,
    before,
    honest: message,
  } as const
  const label = `${session.name}/${site.spiffeId.slice(-3)}/up/${message.kind}`
  if (message.kind === 'contribution') {
    const requests = uploadParts(session.sessionId, site.packed ?? new Uint8Array(0), message)
    const part = (place: number, what: string): UpMoment => ({
      ...shared,
      name: `${label}/${what}`,
      method: 'uploadMaskedInput',
      wireMessage: 'UploadPart',
      requests,
      target: place,
    })
    return [part(0, 'header'), part(1, 'chunk'), part(2, 'receipt')]
  }
  const { method, wireMessage, bytes } = requestOf(session.sessionId, message)
  const moment: UpMoment = { ...shared, name: label, method, wireMessage, requests: [bytes], target: 0 }
  if (message.kind === 'withdraw') return [moment]
  const goodbye = { kind: 'withdraw', code: 'left', message: 'of its own accord' } as const
  const leaving = requestOf(session.sessionId, goodbye)
  const left: UpMoment = {
    ...moment,
    ...leaving,
    name: `${session.name}/${site.spiffeId.slice(-3)}/up/withdraw in ${before.stage}`,
    honest: goodbye,
    requests: [leaving.bytes],
  }
  return [moment, left]
}

function downMoment(session: SessionRecord, site: Site, instruction: Instruction): DownMoment {
  const { federation } = session
  return {
    side: 'participant',
    name: `${session.name}/${site.spiffeId.slice(-3)}/down/${instruction.kind} after ${site.session?.stage ?? 'nothing'}`,
    session,
    to: site.spiffeId,
    wireMessage: 'Instruction',
    bytes: instructionBytes(federation, instruction),
    before: site.session === null ? null : copyPlain(site.session),
    facts: [...site.journal.facts],
    honest: instruction,
  }
}

/** What comes after the last stage: the request for shares again, to a session that answered and to an agent that restarted; the end. */
function lastMoments(session: SessionRecord, site: Site): DownMoment[] {
  const { coordinator } = session.federation
  if (coordinator.stage !== 'completed') return []
  const again = downMoment(session, site, { kind: 'reveal-shares', certificate: coordinator.certificate })
  const over = downMoment(session, site, { kind: 'session-over', completed: true, reason: '' })
  return [again, { ...again, name: `${again.name}, restarted`, before: null }, over]
}

export function instructionBytes({ context }: Federation, instruction: Instruction): Uint8Array {
  const { planDigest, modelDigest, runId, round, sessionId } = context
  const step = instructionToWire(instruction, { planDigest, modelDigest, version: 0 })
  return WireInstruction.encode({ runId, round, sessionId, step }).finish()
}

const garbled = new WeakSet<Deal>()
const isGarbled = (deal: Deal) => garbled.has(deal)

/** The deal with a ciphertext for the first neighbour that does not open, properly signed. */
function garbleFirst(deal: Deal, dealer: Site): Deal {
  if (dealer.session?.stage !== 'shared') throw new Error('the dealer has dealt')
  const { secrets, digests } = dealer.session
  const ciphertexts = deal.ciphertexts.map((sealed, place) =>
    place === 0 ? { ...sealed, ciphertext: new Uint8Array(sealed.ciphertext.length).fill(7) } : sealed,
  )
  const [first] = ciphertexts
  const leaves = deal.leaves.map((leaf) =>
    leaf.holder === first?.holder ? { ...leaf, ciphertextDigest: sha256(first.ciphertext) } : leaf,
  )
  const statement = dealStatement(digests, deal.owner, deal.selfSeedCommitment, dealRoot(leaves))
  const result = { ...deal, ciphertexts, leaves, signature: sign(secrets.signing, statement) }
  garbled.add(result)
  return result
}
