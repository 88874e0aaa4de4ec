/**
 * The links that hold a session to its sites. `receipts`: every survivor, and nobody else, has signed its contribution
 * with the key the roster fixed. `certificates`: that key belongs to the site, by a certificate that was valid when it
 * was used, under roots the reader brought.
 */

import { equalBytes } from '../../crypto/digest.ts'
import { verify } from '../../crypto/signatures.ts'
import { verifyIdentitySignature } from '../../identity/identity-signature.ts'
import type { TrustBundle } from '../../identity/trust-bundle.ts'
import { validateSvid } from '../../identity/validate-svid.ts'
import type { Plan } from '../../plan/plan.ts'
import { advertiseStatement, enrolmentsOf, entryHash } from '../../protocol/roster.ts'
import { contributionStatement } from '../../protocol/statements.ts'
import { type Receipt, receiptSha256 } from '../receipt.ts'
import { breakIf, broken, type Holds } from './link.ts'
import { type HeldSession, type SessionVersion, trustDomainOf } from './session-link.ts'
import { CLOCK_TOLERANCE_MS } from './statement-link.ts'

/** The receipts are the survivors', each over its own contribution to this session. */
export function receiptsHold(plan: Plan, version: SessionVersion, session: HeldSession): Holds<null> {
  const { receipts } = session.record
  const indices = receipts.map((receipt) => receipt.index)
  breakIf(
    indices.join() !== session.survivors.join(),
    'receipts_differ',
    `receipts are of ${indices.join(', ')}, survivors are ${session.survivors.join(', ')}`,
  )
  const stated = version.session.receipts
  breakIf(stated.length !== receipts.length, 'receipts_differ', `the statement lists ${stated.length} receipts`)
  const enrolments = enrolmentsOf(plan.participants.enrolled)
  for (const [place, receipt] of receipts.entries()) {
    const { spiffeId } = receipt.entry
    const listed = stated[place]
    const same = listed?.spiffeId === spiffeId && listed.sha256 === receiptSha256(receipt)
    breakIf(!same, 'receipts_differ', `the receipt of ${spiffeId} is not the one the statement lists`)
    const enrolment = enrolments.get(spiffeId)
    breakIf(enrolment === undefined, 'not_enrolled', `${spiffeId} is not enrolled in the plan`)
    const line = session.record.roster[receipt.index - 1]
    breakIf(line?.enrolment !== enrolment, 'roster_differs', `line ${receipt.index} is not that of ${spiffeId}`)
    checkReceipt(version, session, receipt)
  }
  return { value: null, detail: `${receipts.length} receipts` }
}

function checkReceipt(version: SessionVersion, session: HeldSession, receipt: Receipt): void {
  const { entry, index } = receipt
  const line = session.record.roster[index - 1]
  const onRoster =
    line !== undefined && equalBytes(line.signingKey, entry.signingKey) && equalBytes(line.entryHash, entryHash(entry))
  breakIf(!onRoster, 'entry_off_roster', `the entry of ${entry.spiffeId} is not line ${index} of the roster`)
  const early = entry.advertisedAtMs < version.startedAtMs - CLOCK_TOLERANCE_MS
  const late = entry.advertisedAtMs > version.finishedAtMs + CLOCK_TOLERANCE_MS
  breakIf(early || late, 'times_implausible', `${entry.spiffeId} advertised its keys outside the round`)
  const statement = contributionStatement(session.digests, receipt.digest)
  const signed = verify(entry.signingKey, statement, receipt.signature)
  breakIf(!signed, 'contribution_refused', `the contribution signature of ${entry.spiffeId} does not verify`)
}

/** Every survivor's certificate chain and advertisement hold under `bundle`, as of the time it advertised. */
export function certificatesHold(plan: Plan, session: HeldSession, bundle: TrustBundle): Holds<null> {
  const domain = trustDomainOf(plan)
  breakIf(
    bundle.trustDomain !== domain,
    'trust_domain_differs',
    `the sites are of trust domain ${domain}, the trust bundle is of ${bundle.trustDomain}`,
  )
  for (const { entry } of session.record.receipts) {
    const verdict = validateSvid(entry.certificateChain, bundle, entry.advertisedAtMs)
    if (!verdict.ok) {
      broken('certificate_refused', `certificate of ${entry.spiffeId}: ${verdict.message} (${verdict.code})`)
    }
    breakIf(
      verdict.spiffeId !== entry.spiffeId,
      'certificate_refused',
      `the certificate of ${entry.spiffeId} is that of ${verdict.spiffeId}`,
    )
    const statement = advertiseStatement(session.digests.contextDigest, entry)
    const signed = verifyIdentitySignature(verdict.publicKey, statement, entry.signature)
    breakIf(!signed, 'advertisement_refused', `the certificate of ${entry.spiffeId} did not sign its keys`)
  }
  return { value: null, detail: `${session.record.receipts.length} certificates of ${domain}` }
}
