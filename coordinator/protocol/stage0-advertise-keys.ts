/**
 * Stage 0, advertise keys. In: one signed entry per SPIFFE ID. Out: the roster (U1), or an abort below the minimum.
 */
import { Map as PersistentMap, Set as PersistentSet } from 'immutable'
import { equalBytes } from '../../shared/crypto/digest.ts'
import { isAcceptablePublicKey } from '../../shared/crypto/key-agreement.ts'
import { isAcceptableSigningKey } from '../../shared/crypto/signatures.ts'
import { verifyIdentitySignature } from '../../shared/identity/identity-signature.ts'
import type { TrustBundle } from '../../shared/identity/trust-bundle.ts'
import { validateSvid } from '../../shared/identity/validate-svid.ts'
import type { Deal } from '../../shared/protocol/deal.ts'
import { refuse, refuseIf } from '../../shared/protocol/refusal.ts'
import { advertiseStatement, compareIds, type RosterEntry } from '../../shared/protocol/roster.ts'
import { findParameters } from '../../shared/protocol/threshold.ts'
import {
  type Aborted,
  type AdvertisingKeys,
  abort,
  makeRoster,
  type SessionSetup,
  type SharingKeys,
  stillIn,
} from './session-state.ts'

/** How far a participant's clock may be off. */
export const CLOCK_TOLERANCE_MS = 300_000

/** The wall clock and the trust bundle of the participants' domain. */
export interface CoordinatorEnvironment {
  readonly nowMs: number
  readonly bundle: TrustBundle
}

export function open(setup: SessionSetup): AdvertisingKeys {
  const nobody = PersistentSet<string>()
  const awaited = PersistentSet(setup.expected)
  const nothing = { entries: PersistentMap<string, RosterEntry>(), keyOwners: PersistentMap<string, string>() }
  return { stage: 'advertise-keys', setup, withdrawn: nobody, named: nobody, awaited, ...nothing }
}

/** Refuses an entry unless it is that of the connection's SPIFFE ID, with fresh keys and a chain that verifies. */
export function checkEntry(
  session: AdvertisingKeys,
  from: string,
  entry: RosterEntry,
  environment: CoordinatorEnvironment,
): void {
  refuseIf(session.entries.size >= session.setup.targetCohort, 'late', 'the cohort is complete')
  refuseIf(
    entry.spiffeId !== from,
    'identity_mismatch',
    `an entry for ${entry.spiffeId} came over the connection of ${from}`,
  )
  refuseIf(
    !isAcceptablePublicKey(entry.channelKey) ||
      !isAcceptablePublicKey(entry.maskKey) ||
      !isAcceptableSigningKey(entry.signingKey),
    'unacceptable_key',
    'keys are X25519 (canonical, not of small order) and compressed P-256',
  )
  refuseIf(equalBytes(entry.channelKey, entry.maskKey), 'key_reused', 'channel and mask key are the same')
  const taken = keysOf(entry).find((key) => session.keyOwners.has(key))
  refuseIf(taken !== undefined, 'key_reused', `a key of ${session.keyOwners.get(taken ?? '')}`)
  const ageMs = environment.nowMs - entry.advertisedAtMs
  refuseIf(
    Math.abs(ageMs) > CLOCK_TOLERANCE_MS,
    'advertised_too_early_or_late',
    `advertised ${ageMs} ms ago by its own clock; clocks may differ by ${CLOCK_TOLERANCE_MS} ms`,
  )
  const verdict = validateSvid(entry.certificateChain, environment.bundle, entry.advertisedAtMs)
  if (!verdict.ok) refuse('certificate_refused', verdict.message)
  refuseIf(
    verdict.spiffeId !== from,
    'identity_mismatch',
    `the certificate is that of ${verdict.spiffeId}, not ${from}`,
  )
  refuseIf(
    !verifyIdentitySignature(
      verdict.publicKey,
      advertiseStatement(session.setup.contextDigest, entry),
      entry.signature,
    ),
    'bad_signature',
    'the advertisement is not signed by the certificate for this context: another plan, model or session?',
  )
}

/** Admits a checked entry. */
export function admit(session: AdvertisingKeys, entry: RosterEntry): AdvertisingKeys {
  const { spiffeId } = entry
  return {
    ...session,
    entries: session.entries.set(spiffeId, entry),
    keyOwners: session.keyOwners.concat(keysOf(entry).map((key) => [key, spiffeId])),
  }
}

/** Fixes the roster. */
export function close(session: AdvertisingKeys): SharingKeys | Aborted {
  const { setup } = session
  const { assumptions, minimumCohort } = setup.context
  // Whoever has withdrawn since would be a certain dropout.
  const entries = [...session.entries.values()]
    .filter(({ spiffeId }) => !session.withdrawn.has(spiffeId))
    .sort((a, b) => compareIds(a.spiffeId, b.spiffeId))
  const needed = Math.max(3, minimumCohort + assumptions.colluders)
  if (entries.length < needed) {
    return abort(session, 'too_few_participants', `${entries.length} advertised keys, ${needed} are needed`)
  }
  const found = findParameters(entries.length, assumptions)
  if (!found.ok) return abort(session, 'no_parameters', found.broken.message)
  const roster = makeRoster(entries, setup, found.parameters)
  const { withdrawn, named } = session
  const opened = { setup, withdrawn, named, roster, deals: PersistentMap<number, Deal>() }
  return { stage: 'share-keys', ...opened, awaited: stillIn(opened, roster.indices.values()) }
}

function keysOf({ channelKey, maskKey, signingKey }: RosterEntry): readonly string[] {
  return [channelKey, maskKey, signingKey].map((key) => Buffer.from(key).toString('base64'))
}
