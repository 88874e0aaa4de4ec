/**
 * How the coordinator's work grows with n at a fixed number of neighbours: CPU per participant, the routing of the n·k
 * ciphertexts left out. Deals are real but for their ciphertexts, which the coordinator cannot read: those are random.
 */
import { randomBytes } from 'node:crypto'
import { selfSeedCommitment, shareCommitment } from '../shared/crypto/commitments.ts'
import { sha256 } from '../shared/crypto/digest.ts'
import { splitSecret } from '../shared/crypto/shamir.ts'
import { sign } from '../shared/crypto/signatures.ts'
import { invariant } from '../shared/errors.ts'
import { type DealLeaf, dealRoot, dealStatement } from '../shared/protocol/deal.ts'
import { holdersOf } from '../shared/protocol/neighbour-graph.ts'
import { SEALED_SHARES_BYTES } from '../shared/protocol/sealed-shares.ts'
import { colluders, findParameters } from '../shared/protocol/threshold.ts'
import { systemRng } from '../shared/random.ts'
import { contextFor, type Identities } from './cohort.ts'
import { MeasuredCoordinator } from './coordinator.ts'
import { attest, contribute, enter, type Holder, type RosterFacts } from './others.ts'
import { Stopwatch } from './stopwatch.ts'

export interface ScalingRow {
  readonly n: number
  readonly neighbours: number
  /** CPU milliseconds per participant, by stage, without the search for k, which is remembered. */
  readonly msPerParticipant: ReadonlyMap<string, number>
}

/**
 * So few colluders and dropouts that the finder gives its least k, 64, at every n measured here; against a malicious coordinator
 * k would grow with n, which is not what this table is about.
 */
const RATE_PPM = 1000

export function measureScaling(n: number, identities: Identities): ScalingRow {
  const people = identities.all.slice(0, n)
  const enrolled = people.map(({ spiffeId }) => spiffeId)
  const rates = { gammaPpm: RATE_PPM, deltaPpm: RATE_PPM, colluders: colluders(n, RATE_PPM) }
  const assumptions = { ...rates, adversary: 'semi-honest', graph: 'auto', maxNeighbours: 64 } as const
  const context = contextFor(n, 8, assumptions)
  const watch = new Stopwatch()
  findParameters(n, assumptions)
  const coordinator = new MeasuredCoordinator(context, new Set(enrolled), { bundle: identities.bundle, watch })
  const entered = people.map((own) => enter(context, own, { enrolled, bundle: identities.bundle }))
  for (const [place, { advertisement }] of entered.entries()) {
    coordinator.receive('stage 0', enrolled[place] ?? '', () => ({ kind: 'advertise-keys', entry: advertisement }))
  }
  coordinator.close('stage 0')
  const { roster } = coordinator.at('share-keys')
  const dealt = entered.map((session, place) => dealBlindly(session.secrets.signing, place + 1, roster))
  for (const [place, { holder }] of dealt.entries()) {
    const read = () => ({ kind: 'share-keys', deal: holder.deal }) as const
    coordinator.receive('stage 1', enrolled[place] ?? '', read)
  }
  coordinator.close('stage 1')
  for (const [place, { holder }] of dealt.entries()) {
    const message = contribute(holder, roster.digests, systemRng(32))
    coordinator.receive('stage 2', enrolled[place] ?? '', () => message)
  }
  coordinator.close('stage 2')
  const { bitmaps } = coordinator.at('attest-survivors')
  for (const [place, { holder }] of dealt.entries()) {
    coordinator.instruct('stage 3', enrolled[place] ?? '')
    const message = attest(holder, roster.digests, bitmaps)
    coordinator.receive('stage 3', enrolled[place] ?? '', () => message)
  }
  coordinator.close('stage 3')
  for (const [place, id] of enrolled.entries()) {
    const shares = holdersOf(roster.graph, place + 1).map((owner) => {
      const share = dealt[owner - 1]?.shares.get(place + 1)
      invariant(share !== undefined, 'a share for every holder')
      return { owner, kind: 'self-mask-seed', share } as const
    })
    coordinator.receive('stage 4', id, () => ({ kind: 'reveal-shares', shares }))
  }
  coordinator.close('stage 4')
  coordinator.at('completed')
  return { n, neighbours: roster.parameters.neighbours, msPerParticipant: watch.milliseconds(n) }
}

/** A deal whose commitments and signature are good and whose ciphertexts are random. */
function dealBlindly(signingKey: Holder['signingKey'], owner: number, { digests, graph, parameters }: RosterFacts) {
  const holders = holdersOf(graph, owner)
  const { threshold } = parameters
  const seed = systemRng(32)
  const shares = splitSecret({ secret: seed, threshold, holders, rng: systemRng })
  const ciphertexts = holders
    .filter((holder) => holder !== owner)
    .map((holder) => ({ holder, ciphertext: new Uint8Array(randomBytes(SEALED_SHARES_BYTES)) }))
  const byHolder = new Map(ciphertexts.map(({ holder, ciphertext }) => [holder, ciphertext]))
  const leaves = holders.map((holder): DealLeaf => {
    const share = shares.get(holder) ?? new Uint8Array(32)
    return {
      holder,
      ciphertextDigest: sha256(byHolder.get(holder) ?? new Uint8Array(0)),
      selfShareCommitment: shareCommitment({ ...digests, owner, holder, kind: 'self-mask-seed', share }),
      maskKeyShareCommitment: new Uint8Array(randomBytes(32)),
    }
  })
  const commitment = selfSeedCommitment({ ...digests, owner, seed })
  const signature = sign(signingKey, dealStatement(digests, owner, commitment, dealRoot(leaves)))
  const deal = { owner, selfSeedCommitment: commitment, leaves, ciphertexts, signature }
  const holder: Holder = { index: owner, signingKey, deal, ownSelfShare: seed, incomingKeys: new Map() }
  return { holder, shares }
}
