/**
 * The link that holds a version to its session: the record is the one the statement names, and what it says was worked
 * out again here: the context from plan and parent model, the roster digest from the lines, the quorum from the rule.
 */
import { encodeHex, equalBytes, sha256, sha256Hex } from '../../crypto/digest.ts'
import type { Plan } from '../../plan/plan.ts'
import { assumptionsOf, sessionContext } from '../../plan/plan-rules.ts'
import { decodeBitmap } from '../../protocol/bitmap.ts'
import { contextDigest } from '../../protocol/context.ts'
import type { SessionDigests } from '../../protocol/deal.ts'
import { quorumCertificateFlaw } from '../../protocol/quorum-certificate.ts'
import { ProtocolError } from '../../protocol/refusal.ts'
import { isEachLineAnothers, rosterDigest } from '../../protocol/roster.ts'
import { survivorsStatement } from '../../protocol/statements.ts'
import { sharingParameters } from '../../protocol/threshold.ts'
import { bytesOfHex, encodeCanonical } from '../canonical-file.ts'
import { sessionPath } from '../export-layout.ts'
import type { SessionRecord } from '../session-record.ts'
import { contextToJson, decodeSessionRecord } from '../session-record-file.ts'
import type { ParentClaim, SessionClaim } from '../version-record.ts'
import type { ExportFolder } from './export-folder.ts'
import { breakIf, broken, type Holds } from './link.ts'

/** A version that came from a session, as its statement claims. */
export interface SessionVersion {
  readonly version: number
  readonly runId: string
  readonly planDigest: Uint8Array
  readonly parent: ParentClaim
  readonly session: SessionClaim
  readonly startedAtMs: number
  readonly finishedAtMs: number
}

/** A session whose record, context, roster, survivors and quorum hold. */
export interface HeldSession {
  readonly record: SessionRecord
  readonly digests: SessionDigests
  readonly survivors: readonly number[]
}

/** Follows a version to its session record. */
export function sessionHolds(folder: ExportFolder, plan: Plan, version: SessionVersion): Holds<HeldSession> {
  const record = namedRecord(folder, version)
  const context = checkedContext(plan, version, record)
  const digests = { contextDigest: context, rosterDigest: checkedRoster(plan, version.session, { record, context }) }
  const survivors = checkedSurvivors(plan, version.session, { record, digests })
  checkQuorum(plan, { record, digests, survivors })
  const detail = `${survivors.length} of ${record.roster.length} sites, certified by ${record.certificate.signatures.length}`
  return { value: { record, digests, survivors }, detail }
}

function namedRecord(folder: ExportFolder, version: SessionVersion): SessionRecord {
  const path = sessionPath(version.version)
  const bytes = folder.read(path)
  if (bytes === null) broken('file_missing', `${path} is missing or cannot be read`)
  const { recordSha256 } = version.session
  const found = sha256Hex(bytes)
  breakIf(found !== recordSha256, 'session_record_differs', `${path} is ${found}, the statement names ${recordSha256}`)
  const record = decodeSessionRecord(bytes)
  if (!record.ok) broken('session_record_malformed', `${path}: ${record.problem}`)
  return record.value
}

/** The context as plan, run, round and parent model give it; the session id alone is the record's word. */
function checkedContext(plan: Plan, version: SessionVersion, record: SessionRecord): Uint8Array {
  const expected = sessionContext(plan, {
    trustDomain: trustDomainOf(plan),
    runId: version.runId,
    round: version.version,
    sessionId: record.context.sessionId,
    planDigest: version.planDigest,
    modelDigest: bytesOfHex(version.parent.modelSha256),
  })
  const [wanted, found] = [contextToJson(expected), contextToJson(record.context)]
  for (const field of Object.keys(wanted) as (keyof typeof wanted)[]) {
    const same = equalBytes(encodeCanonical(wanted[field]), encodeCanonical(found[field]))
    breakIf(!same, 'context_differs', `the session's ${field} is not what plan, run and parent model give`)
  }
  const digest = contextDigest(expected)
  const stated = version.session.contextDigest
  breakIf(!equalBytes(digest, stated), 'context_differs', `the statement names context ${encodeHex(stated)}`)
  return digest
}

function checkedRoster(
  plan: Plan,
  claim: SessionClaim,
  { record, context }: { readonly record: SessionRecord; readonly context: Uint8Array },
): Uint8Array {
  const { roster } = record
  const digest = rosterDigest(context, roster)
  const agree = equalBytes(digest, record.rosterDigest) && equalBytes(digest, claim.rosterDigest)
  breakIf(
    !agree,
    'roster_differs',
    `the ${roster.length} roster lines have digest ${encodeHex(digest)}, another is named`,
  )
  breakIf(
    roster.length !== claim.rosterSize,
    'roster_differs',
    `the roster has ${roster.length} lines, the statement says ${claim.rosterSize}`,
  )
  const enrolled = plan.participants.enrolled.length
  const isOneEach = isEachLineAnothers(roster, enrolled)
  breakIf(!isOneEach, 'roster_differs', `${roster.length} lines are not of as many among ${enrolled} enrolled`)
  const keys = new Set(roster.map((line) => encodeHex(line.signingKey)))
  breakIf(keys.size !== roster.length, 'roster_differs', 'a signing key stands on the roster twice')
  return digest
}

function checkedSurvivors(
  plan: Plan,
  claim: SessionClaim,
  session: { readonly record: SessionRecord; readonly digests: SessionDigests },
): readonly number[] {
  const { roster, certificate } = session.record
  const shared = decodeBitmap(certificate.shared, roster.length)
  const survivors = decodeBitmap(certificate.survivors, roster.length)
  if (shared === null || survivors === null) broken('survivors_differ', `no bitmaps over a roster of ${roster.length}`)
  const contained = new Set(shared)
  const stranger = survivors.find((index) => !contained.has(index))
  breakIf(stranger !== undefined, 'survivors_differ', `survivor ${stranger} never shared keys`)
  breakIf(
    survivors.join() !== claim.survivors.join(),
    'survivors_differ',
    `the quorum certified survivors ${survivors.join(', ')}, the statement names ${claim.survivors.join(', ')}`,
  )
  const statement = survivorsStatement(session.digests, certificate.shared, certificate.survivors)
  breakIf(
    !equalBytes(sha256(statement), claim.survivorsDigest),
    'survivors_differ',
    'the survivors have another digest',
  )
  const { colluders } = assumptionsOf(plan)
  const { minimumCohort } = plan.participants
  breakIf(
    survivors.length - colluders < minimumCohort,
    'cohort_too_small',
    `${survivors.length} survivors less ${colluders} possible colluders are fewer than ${minimumCohort}`,
  )
  return survivors
}

function checkQuorum(plan: Plan, session: HeldSession): void {
  const { roster, certificate } = session.record
  const quorum = quorumFor(plan, roster.length)
  const flaw = quorumCertificateFlaw(certificate, { digests: session.digests, roster, quorum })
  breakIf(flaw !== null, 'quorum_refused', `the quorum certificate does not hold: ${flaw}`)
}

function quorumFor(plan: Plan, participants: number): number {
  try {
    return sharingParameters(participants, assumptionsOf(plan)).quorum
  } catch (error) {
    if (error instanceof ProtocolError) broken('cohort_too_small', error.message)
    throw error
  }
}

/** The one trust domain of everyone enrolled (a rule of the plan). */
export function trustDomainOf(plan: Plan): string {
  return plan.participants.enrolled[0]?.split('/')[2] ?? ''
}
