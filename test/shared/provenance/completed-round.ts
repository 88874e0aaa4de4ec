/** One completed session as a coordinator would hold it, every signature real. A spec can make any site lie or fail. */
import { randomBytes } from 'node:crypto'
import { sha256 } from '../../../shared/crypto/digest.ts'
import { generateSigningKey, sign } from '../../../shared/crypto/signatures.ts'
import { signWithIdentity } from '../../../shared/identity/identity-signature.ts'
import { encodeBitmap } from '../../../shared/protocol/bitmap.ts'
import { contextDigest, type SessionContext } from '../../../shared/protocol/context.ts'
import { advertiseStatement, rosterDigest, rosterLine } from '../../../shared/protocol/roster.ts'
import { contributionStatement, survivorsStatement } from '../../../shared/protocol/statements.ts'
import type { CompletedSession } from '../../../shared/provenance/session-record.ts'
import type { Issuer, KeyPair } from '../identity/test-pki.ts'

export interface Site {
  readonly spiffeId: string
  readonly leaf: Issuer
  /** Signs the advertisement in the leaf's stead: a site without the key of its certificate. */
  readonly advertiseWith?: KeyPair
}

export interface RoundSpec {
  readonly version: number
  readonly context: SessionContext
  /** Whose line each is said to be; by default the n-th of the enrolled on line n. */
  readonly enrolments?: readonly number[]
  /** In roster order. */
  readonly sites: readonly Site[]
  /** Roster indices of U3; U2 is everybody. */
  readonly survivors: readonly number[]
  /** Signatures in the certificate. */
  readonly quorum: number
  readonly advertisedAtMs: number
  /** True to give every site the same session signing key. */
  readonly oneKey?: boolean
}

/** Plays stages 0 to 3 as far as they leave a trace. */
export function completedRound(spec: RoundSpec): CompletedSession {
  const { context, survivors } = spec
  const onlyKey = generateSigningKey()
  const members = spec.sites.map(({ spiffeId, leaf, advertiseWith }) => {
    const signingKey = spec.oneKey ? onlyKey : generateSigningKey()
    const stated = {
      spiffeId,
      channelKey: new Uint8Array(randomBytes(32)),
      maskKey: new Uint8Array(randomBytes(32)),
      signingKey: signingKey.publicKey,
      advertisedAtMs: spec.advertisedAtMs,
    }
    const { privateKey } = advertiseWith ?? leaf.keys
    const signature = signWithIdentity(privateKey, advertiseStatement(contextDigest(context), stated))
    return { signingKey, entry: { ...stated, certificateChain: [leaf.der], signature } }
  })
  const entries = members.map((member) => member.entry)
  const lines = entries.map((entry, place) => rosterLine(entry, spec.enrolments?.[place] ?? place + 1))
  const keyOf = (index: number) => members[index - 1]!.signingKey
  const digests = {
    contextDigest: contextDigest(context),
    rosterDigest: rosterDigest(contextDigest(context), lines),
  }
  const shared = encodeBitmap(
    entries.map((_, place) => place + 1),
    entries.length,
  )
  const survived = encodeBitmap(survivors, entries.length)
  const statement = survivorsStatement(digests, shared, survived)
  const signatures = survivors
    .slice(0, spec.quorum)
    .map((index) => ({ index, signature: sign(keyOf(index), statement) }))
  const contributions = survivors.map((index) => {
    const digest = sha256(Uint8Array.of(spec.version, index))
    return [index, { digest, signature: sign(keyOf(index), contributionStatement(digests, digest)) }] as const
  })
  return {
    context,
    entries,
    lines,
    certificate: { shared, survivors: survived, signatures },
    contributions: new Map(contributions),
  }
}
