/**
 * What a participant promises whatever it hears: a refusal has a code and leaves nothing but a goodbye, with every secret
 * overwritten; what leaves otherwise is what it sent before, or the answer to an instruction that keeps the rules. The rules
 * are written down here a second time, from protocol.md and not from the core.
 */
import { isDeepStrictEqual } from 'node:util'
import type { LiveParticipantSession, ParticipantSession } from '../../participant/protocol/session-state.ts'
import { verify } from '../../shared/crypto/signatures.ts'
import { type DealForHolder, dealFor } from '../../shared/protocol/deal.ts'
import type { Instruction, ParticipantMessage } from '../../shared/protocol/messages.ts'
import { entryHash, rosterLine } from '../../shared/protocol/roster.ts'
import { survivorsStatement } from '../../shared/protocol/statements.ts'
import type { DownMoment } from './corpus.ts'
import { expectThat } from './finding.ts'
import type { Heard } from './participant-door.ts'
import { REFUSAL_CODES } from './refusal-codes.ts'
import { attackerOf } from './resign.ts'

/** Codes with which the agent, not the core, turns away. */
const AGENT_CODES = new Set(['left', 'not_ready'])

type Told<K extends Instruction['kind']> = Extract<Instruction, { kind: K }>

/** Finding: a broken promise. `before` is the state that heard, as it is now, perhaps wiped; `was` an untouched copy. */
export function checkHeard(
  moment: DownMoment,
  heard: Heard,
  { before, was }: { readonly before: ParticipantSession | null; readonly was: ParticipantSession | null },
): void {
  const { code, left, session } = heard
  expectThat(code === null || REFUSAL_CODES.has(code) || AGENT_CODES.has(code), `the code ${code} is not on the list`)
  const isEnded = session === null || session.stage === 'ended'
  if (before !== null && before.stage !== 'ended' && isEnded) {
    expectThat(secretsOf(before).every(isWiped), 'a secret outlived its session')
  }
  const said = left.filter((message) => message.kind !== 'withdraw')
  expectThat(code === null || said.length === 0, `${said.map(({ kind }) => kind).join(', ')} left with a refusal`)
  for (const message of said) {
    const why = mayLeave(moment, heard, { was, message })
    expectThat(why === null, `${message.kind} left: ${why}`)
  }
}

function secretsOf(session: LiveParticipantSession): Uint8Array[] {
  const { channel, mask, signing } = session.secrets
  const secrets = [channel.secretKey, mask.secretKey, signing.secretKey]
  if (session.stage === 'advertised') return secrets
  secrets.push(session.selfSeed, session.ownSelfShare)
  if (session.stage === 'shared') return secrets
  for (const pair of session.held.values()) if (pair !== null) secrets.push(pair.selfSeedShare, pair.maskKeyShare)
  return secrets
}

const isWiped = (secret: Uint8Array) => secret.every((byte) => byte === 0)

/** Why this message must not have left, or `null`. */
function mayLeave(
  moment: DownMoment,
  heard: Heard,
  { was, message }: { readonly was: ParticipantSession | null; readonly message: ParticipantMessage },
): string | null {
  const { instruction } = heard
  if (instruction === null) return 'nothing was asked'
  if (heard.hearer === 'new') return message.kind === 'advertise-keys' ? null : 'a new session begins with keys'
  if (was === null || was.stage === 'ended' || heard.hearer === 'old') return replyFlaw(moment, instruction, message)
  if (isRepeated(was, message)) return null
  if (message.kind === 'share-keys' && was.stage === 'advertised' && instruction.kind === 'share-keys') {
    return rosterFlaw(moment, instruction)
  }
  if (was.stage === 'shared' && instruction.kind === 'mask-input') {
    if (message.kind === 'contribution') return sharedSetFlaw(moment, was, instruction)
    if (message.kind === 'no-share') return complaintFlaw(moment, was, { instruction, owner: message.owner })
  }
  if (was.stage === 'masked' && message.kind === 'attest-survivors' && instruction.kind === 'attest-survivors') {
    return survivorsFlaw(was, instruction)
  }
  if (was.stage === 'attested' && message.kind === 'reveal-shares' && instruction.kind === 'reveal-shares') {
    return certificateFlaw(was, instruction) ?? kindsFlaw(instruction, message.shares)
  }
  return `it is no answer to ${instruction.kind} after ${was.stage}`
}

function replyFlaw(moment: DownMoment, instruction: Instruction, message: ParticipantMessage): string | null {
  const recorded = moment.facts.find((fact) => fact.kind === 'answered')
  const isReply = recorded?.kind === 'answered' && message.kind === 'reveal-shares'
  const isSame = isReply && isDeepStrictEqual(recorded.reply, message.shares)
  return isSame && isDeepStrictEqual(instruction, moment.honest) ? null : 'no reply is recorded to this request'
}

function isRepeated(was: LiveParticipantSession, message: ParticipantMessage): boolean {
  switch (message.kind) {
    case 'advertise-keys':
      return isDeepStrictEqual(message.entry, was.advertisement)
    case 'share-keys':
      return 'deal' in was && isDeepStrictEqual(message.deal, was.deal)
    case 'no-share':
      return 'complaints' in was && was.complaints.some((complaint) => isDeepStrictEqual(complaint, message))
    case 'contribution': {
      const { digest, signature } = message
      return 'contribution' in was && isDeepStrictEqual(was.contribution, { digest, signature })
    }
    case 'attest-survivors':
      return 'attestation' in was && isDeepStrictEqual(was.attestation, message.signature)
    case 'reveal-shares':
      return 'reply' in was && isDeepStrictEqual(was.reply, message.shares)
    case 'withdraw':
      return true
  }
}

/** The roster is the session's, but for the attacker's own entry. */
function rosterFlaw(moment: DownMoment, { lines, neighbours }: Told<'share-keys'>): string | null {
  const { honest } = moment
  if (honest.kind !== 'share-keys') return 'no roster is told at this stage'
  if (lines.length !== honest.lines.length || neighbours.length !== honest.neighbours.length) return 'another roster'
  for (const [place, { index, entry }] of neighbours.entries()) {
    const truth = honest.neighbours[place]
    if (truth?.index !== index) return `index ${index} at ${place}`
    if (!isDeepStrictEqual(lines[index - 1], rosterLine(entry, honest.lines[index - 1]?.enrolment ?? 0)))
      return `line ${index} is not its entry's`
    const isTrue = isDeepStrictEqual(entryHash(entry), entryHash(truth.entry))
    if (!isTrue && entry.spiffeId !== attackerOf(moment)) return `the entry of ${entry.spiffeId} is not its own`
  }
  return null
}

function indicesOf(bitmap: Uint8Array, size: number): readonly number[] | null {
  const indices = Array.from({ length: bitmap.length * 8 }, (_, bit) => bit + 1).filter(
    (index) => ((bitmap[(index - 1) >> 3] ?? 0) >> ((index - 1) & 7)) & 1,
  )
  return bitmap.length !== Math.ceil(size / 8) || indices.some((index) => index > size) ? null : indices
}

type WithParameters = Exclude<LiveParticipantSession, { stage: 'advertised' }>

function setFlaw(was: WithParameters, bitmap: Uint8Array): string | null {
  const { parameters, ownIndex, setup } = was
  const indices = indicesOf(bitmap, parameters.participants)
  if (indices === null) return 'the bitmap is none over the roster'
  if (!indices.includes(ownIndex)) return 'this participant is not in it'
  if (indices.length - setup.context.assumptions.colluders < setup.minimumCohort) return 'the cohort is too small'
  const holders = indices.filter((index) => index === ownIndex || was.neighbours.has(index))
  return holders.length < parameters.threshold ? 'too few holders' : null
}

function sharedSetFlaw(moment: DownMoment, was: WithParameters, { shared, deals }: Told<'mask-input'>): string | null {
  const flaw = setFlaw(was, shared)
  if (flaw !== null) return flaw
  const indices = indicesOf(shared, was.parameters.participants) ?? []
  const owners = indices.filter((index) => was.neighbours.has(index))
  if (
    !isDeepStrictEqual(
      deals.map(({ owner }) => owner),
      owners,
    )
  )
    return 'other deals than those of the neighbours in U2'
  const honest = moment.honest.kind === 'mask-input' ? moment.honest.deals : []
  const attacker = was.neighbours.size === 0 ? 0 : indexOfAttacker(moment, was)
  for (const deal of deals) {
    const truth = honest.find(({ owner }) => owner === deal.owner) ?? recordedDeal(moment, was, deal.owner)
    if (deal.owner !== attacker && !isDeepStrictEqual(deal, truth)) return `the deal of ${deal.owner} is not its own`
  }
  return null
}

/** What an owner dealt this participant in the recorded session: a later instruction may stand in for an earlier one. */
function recordedDeal(moment: DownMoment, was: WithParameters, owner: number): DealForHolder | null {
  const dealer = moment.session.insiders.get(was.neighbours.get(owner)?.spiffeId ?? '')
  return dealer === undefined ? null : dealFor(dealer.deal, was.ownIndex)
}

function indexOfAttacker(moment: DownMoment, was: WithParameters): number {
  const attacker = attackerOf(moment)
  return [...was.neighbours].find(([, entry]) => entry.spiffeId === attacker)?.[0] ?? 0
}

function complaintFlaw(
  moment: DownMoment,
  was: WithParameters,
  { instruction, owner }: { readonly instruction: Told<'mask-input'>; readonly owner: number },
): string | null {
  const flaw = sharedSetFlaw(moment, was, instruction)
  if (flaw !== null) return flaw
  // In the session in which one complains, the dealer is the fourth.
  const isDue = owner === indexOfAttacker(moment, was) || (moment.session.name === 'one complains' && owner === 4)
  return isDue ? null : `nothing is wrong with what ${owner} dealt`
}

function survivorsFlaw(
  was: Extract<LiveParticipantSession, { stage: 'masked' }>,
  { survivors }: Told<'attest-survivors'>,
): string | null {
  const flaw = setFlaw(was, survivors)
  if (flaw !== null) return flaw
  const shared = indicesOf(was.shared, was.parameters.participants) ?? []
  const isWithin = indicesOf(survivors, was.parameters.participants)?.every((index) => shared.includes(index))
  if (isWithin !== true) return 'U3 is not within U2'
  return was.acknowledged ? null : 'the upload is not acknowledged'
}

function certificateFlaw(
  was: Extract<LiveParticipantSession, { stage: 'attested' }>,
  { certificate }: Told<'reveal-shares'>,
): string | null {
  const { shared, survivors, signatures } = certificate
  if (!isDeepStrictEqual(shared, was.shared) || !isDeepStrictEqual(survivors, was.survivors)) return 'other sets'
  const statement = survivorsStatement(was.digests, shared, survivors)
  const members = indicesOf(survivors, was.parameters.participants) ?? []
  const good = signatures.filter(({ index, signature }) => {
    const line = was.lines[index - 1]
    return line !== undefined && members.includes(index) && verify(line.signingKey, statement, signature)
  })
  const distinct = new Set(good.map(({ index }) => index))
  const isWhole = distinct.size === was.parameters.quorum && signatures.length === was.parameters.quorum
  return isWhole
    ? null
    : `${distinct.size} of ${signatures.length} signatures count, ${was.parameters.quorum} are needed`
}

function kindsFlaw(
  { certificate }: Told<'reveal-shares'>,
  shares: Extract<ParticipantMessage, { kind: 'reveal-shares' }>['shares'],
): string | null {
  const survivors = indicesOf(certificate.survivors, certificate.survivors.length * 8) ?? []
  const owners = shares.map(({ owner }) => owner)
  if (new Set(owners).size !== owners.length) return 'one owner twice'
  const wrong = shares.find(({ owner, kind }) => {
    return kind !== 'none' && (kind === 'self-mask-seed') !== survivors.includes(owner)
  })
  return wrong === undefined ? null : `a ${wrong.kind} share of ${wrong.owner}`
}
