/**
 * Every check of stage 1, before anything is dealt. The roster digest, the threshold and the neighbours are computed here
 * from the lines and the plan; what the coordinator states about them is only compared.
 */
import { encodeHex, equalBytes } from '../../shared/crypto/digest.ts'
import { isAcceptablePublicKey } from '../../shared/crypto/key-agreement.ts'
import { isAcceptableSigningKey } from '../../shared/crypto/signatures.ts'
import { verifyIdentitySignature } from '../../shared/identity/identity-signature.ts'
import { validateSvid } from '../../shared/identity/validate-svid.ts'
import type { SessionDigests } from '../../shared/protocol/deal.ts'
import type { Instruction } from '../../shared/protocol/messages.ts'
import { type NeighbourGraph, neighboursOf } from '../../shared/protocol/neighbour-graph.ts'
import { everyTime } from '../../shared/protocol/once.ts'
import { refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import { advertiseStatement, enrolmentsOf, entryHash, type RosterEntry } from '../../shared/protocol/roster.ts'
import { type SharingParameters, sharingParameters } from '../../shared/protocol/threshold.ts'
import { checkPolicyOnRoster } from './policy-checks.ts'
import { checkList } from './roster-list.ts'
import type { AfterAdvertiseKeys, ParticipantEnvironment } from './session-state.ts'

/** How far another participant's clock may be off. */
const CLOCK_TOLERANCE_MS = 300_000

export interface CheckedRoster {
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
  readonly graph: NeighbourGraph
  readonly neighbours: ReadonlyMap<number, RosterEntry>
}

/** Returns what the roster fixes for this session, or refuses it. */
export function checkRoster(
  session: AfterAdvertiseKeys,
  roster: Extract<Instruction, { kind: 'share-keys' }>,
  environment: ParticipantEnvironment,
): CheckedRoster {
  const { setup, advertisement } = session
  const { assumptions, enrolledCount } = setup.context
  const size = roster.lines.length
  const waitedMs = environment.nowMs - advertisement.advertisedAtMs
  refuseIf(
    waitedMs < 0 || waitedMs >= setup.admissionWindowMs,
    'stage_1_too_late',
    `advertised ${waitedMs} ms ago, the admission window is ${setup.admissionWindowMs} ms`,
  )
  refuseIf(size > enrolledCount, 'cohort_too_large', `${size} in the roster, ${enrolledCount} are enrolled`)
  refuseIf(
    size - assumptions.colluders < setup.minimumCohort,
    'cohort_too_small',
    `${size} participants less ${assumptions.colluders} possible colluders: at least ${setup.minimumCohort} are required`,
  )
  const parameters = sharingParameters(size, assumptions)
  refuseIf(
    roster.threshold !== parameters.threshold,
    'no_parameters',
    `the coordinator states threshold ${roster.threshold}, the plan's rule gives ${parameters.threshold}`,
  )
  checkPolicyOnRoster(setup, parameters)
  checkOwnLine(session, roster)
  const { once = everyTime } = environment
  const { digests, graph } = once(roster.lines, encodeHex(setup.contextDigest), () =>
    checkList(roster.lines, parameters, setup),
  )
  const expected = neighboursOf(graph, roster.ownIndex)
  refuseIf(
    roster.neighbours.length !== expected.length ||
      roster.neighbours.some((neighbour, place) => neighbour.index !== expected[place]),
    'neighbours_disagree',
    `the rule gives ${expected.length} neighbours, the coordinator sent ${roster.neighbours.length} or others`,
  )
  const everyone = [...roster.neighbours, { index: roster.ownIndex, entry: advertisement }].sort(
    (a, b) => a.index - b.index,
  )
  const keys = new Set<string>()
  const enrolments = enrolmentsOf(setup.enrolled)
  for (const { index, entry } of everyone) {
    refuseIf(
      roster.lines[index - 1]?.enrolment !== enrolments.get(entry.spiffeId),
      'roster_disagrees',
      `line ${index} stands for another of the enrolled than ${entry.spiffeId}`,
    )
    for (const key of [entry.channelKey, entry.maskKey]) {
      const text = Buffer.from(key).toString('hex')
      refuseIf(keys.has(text), 'key_reused', `a key of index ${index} stands twice in the roster`)
      keys.add(text)
    }
    if (index !== roster.ownIndex) checkNeighbour(session, roster, { index, entry }, environment)
  }
  return {
    digests,
    parameters,
    graph,
    neighbours: new Map(roster.neighbours.map(({ index, entry }) => [index, entry])),
  }
}

function checkOwnLine(session: AfterAdvertiseKeys, roster: Extract<Instruction, { kind: 'share-keys' }>): void {
  const own = roster.lines[roster.ownIndex - 1]
  const isOwn =
    own !== undefined &&
    equalBytes(own.signingKey, session.advertisement.signingKey) &&
    equalBytes(own.entryHash, entryHash(session.advertisement))
  refuseIf(!isOwn, 'roster_disagrees', `the line at index ${roster.ownIndex} is not what this participant advertised`)
}

function checkNeighbour(
  session: AfterAdvertiseKeys,
  roster: Extract<Instruction, { kind: 'share-keys' }>,
  { index, entry }: { readonly index: number; readonly entry: RosterEntry },
  environment: ParticipantEnvironment,
): void {
  const { setup } = session
  const line = roster.lines[index - 1]
  refuseIf(
    line === undefined ||
      !equalBytes(line.entryHash, entryHash(entry)) ||
      !equalBytes(line.signingKey, entry.signingKey),
    'roster_disagrees',
    `the entry of ${entry.spiffeId} is not the one in line ${index}`,
  )
  refuseIf(!setup.permitsPeer(entry.spiffeId), 'peer_not_permitted', `local policy does not permit ${entry.spiffeId}`)
  refuseIf(
    !isAcceptablePublicKey(entry.channelKey) ||
      !isAcceptablePublicKey(entry.maskKey) ||
      !isAcceptableSigningKey(entry.signingKey),
    'unacceptable_key',
    `a key of ${entry.spiffeId} is non-canonical, of small order, or not on its curve`,
  )
  const ageMs = environment.nowMs - entry.advertisedAtMs
  refuseIf(
    ageMs > setup.admissionWindowMs + CLOCK_TOLERANCE_MS || ageMs < -CLOCK_TOLERANCE_MS,
    'advertised_too_early_or_late',
    `${entry.spiffeId} advertised ${ageMs} ms ago by this clock`,
  )
  const verdict = validateSvid(entry.certificateChain, environment.bundle, entry.advertisedAtMs)
  if (!verdict.ok) refuse('certificate_refused', `the certificate of ${entry.spiffeId}: ${verdict.message}`)
  refuseIf(
    verdict.spiffeId !== entry.spiffeId,
    'identity_mismatch',
    `the entry of ${entry.spiffeId} carries the certificate of ${verdict.spiffeId}`,
  )
  refuseIf(
    !verifyIdentitySignature(verdict.publicKey, advertiseStatement(setup.contextDigest, entry), entry.signature),
    'bad_signature',
    `${entry.spiffeId} did not sign these keys for this context: another plan, model or session`,
  )
}
