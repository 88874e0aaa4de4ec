/**
 * Everybody who is not measured: the messages an honest participant sends, made from its secrets with the functions of the
 * stages but without the checks, which only the sample makes. What the coordinator gets is no different.
 */
import { advertiseKeys } from '../participant/protocol/session.ts'
import type { AfterAdvertiseKeys } from '../participant/protocol/session-state.ts'
import { makeDeal } from '../participant/protocol/stage1-share-keys.ts'
import { sign } from '../shared/crypto/signatures.ts'
import { invariant } from '../shared/errors.ts'
import type { Deal, SessionDigests } from '../shared/protocol/deal.ts'
import { holdersOf, type NeighbourGraph, neighboursOf } from '../shared/protocol/neighbour-graph.ts'
import type { RevealedShare } from '../shared/protocol/reveal.ts'
import type { RosterEntry } from '../shared/protocol/roster.ts'
import { openSharePair } from '../shared/protocol/sealed-shares.ts'
import { contributionStatement, survivorsStatement } from '../shared/protocol/statements.ts'
import type { SharingParameters } from '../shared/protocol/threshold.ts'
import { systemRng } from '../shared/random.ts'
import { type Identity, participantEnvironment, participantSetup } from './cohort.ts'

export interface RosterFacts {
  readonly entries: readonly RosterEntry[]
  readonly digests: SessionDigests
  readonly parameters: SharingParameters
  readonly graph: NeighbourGraph
}

/** What one participant keeps to the end of the session. */
export interface Holder {
  readonly index: number
  readonly signingKey: AfterAdvertiseKeys['secrets']['signing']
  readonly deal: Deal
  readonly ownSelfShare: Uint8Array
  readonly incomingKeys: ReadonlyMap<number, Uint8Array>
}

/** Stage 0, checks included: they are few. */
export function enter(
  context: Parameters<typeof participantSetup>[0],
  own: Identity,
  cohort: { readonly enrolled: readonly string[]; readonly bundle: Parameters<typeof participantEnvironment>[0] },
): AfterAdvertiseKeys {
  const setup = participantSetup(context, own, cohort.enrolled)
  const { session } = advertiseKeys(setup, participantEnvironment(cohort.bundle))
  invariant(session.stage === 'advertised', 'everybody enters')
  return session
}

/** Stage 1 without the roster's checks. */
export function dealUnchecked(session: AfterAdvertiseKeys, index: number, roster: RosterFacts): Holder {
  const { digests, parameters, graph, entries } = roster
  const neighbours = new Map(
    neighboursOf(graph, index).flatMap((other) => {
      const entry = entries[other - 1]
      return entry === undefined ? [] : [[other, entry] as const]
    }),
  )
  const inputs = { session, ownIndex: index, selfSeed: systemRng(32), digests, parameters, graph, neighbours }
  return { index, signingKey: session.secrets.signing, ...makeDeal({ ...inputs, rng: systemRng }) }
}

export function contribute(holder: Holder, digests: SessionDigests, digest: Uint8Array) {
  const signature = sign(holder.signingKey, contributionStatement(digests, digest))
  return { kind: 'contribution', digest, signature, receivedDigest: digest } as const
}

export function attest(
  holder: Holder,
  digests: SessionDigests,
  bitmaps: { shared: Uint8Array; survivors: Uint8Array },
) {
  const signature = sign(holder.signingKey, survivorsStatement(digests, bitmaps.shared, bitmaps.survivors))
  return { kind: 'attest-survivors', signature } as const
}

/** Stage 4 of a session in which everybody dealt: opens what was dealt, and gives one kind of share per owner. */
export function reveal(
  holder: Holder,
  roster: RosterFacts,
  others: { readonly holders: ReadonlyMap<number, Holder>; readonly survivors: ReadonlySet<number> },
): readonly RevealedShare[] {
  return holdersOf(roster.graph, holder.index).map((owner): RevealedShare => {
    if (owner === holder.index) return { owner, kind: 'self-mask-seed', share: holder.ownSelfShare }
    const key = holder.incomingKeys.get(owner)
    const sealed = others.holders.get(owner)?.deal.ciphertexts.find((one) => one.holder === holder.index)
    invariant(key !== undefined && sealed !== undefined, 'every neighbour dealt')
    const pair = openSharePair({ digests: roster.digests, key, from: owner, to: holder.index }, sealed.ciphertext)
    invariant(pair !== null, 'what was sealed opens')
    return others.survivors.has(owner)
      ? { owner, kind: 'self-mask-seed', share: pair.selfSeedShare }
      : { owner, kind: 'mask-key', share: pair.maskKeyShare }
  })
}
