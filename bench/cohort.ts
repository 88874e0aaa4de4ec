/**
 * The cohort of a measured session: identities under one authority, a plan whose rates give about the wished number of
 * neighbours, and the coordinator's and the participants' setups for it.
 */
import { randomBytes } from 'node:crypto'
import type { JournalView } from '../participant/protocol/journal.ts'
import type { ParticipantEnvironment, ParticipantSetup } from '../participant/protocol/session-state.ts'
import { signWithIdentity } from '../shared/identity/identity-signature.ts'
import type { TrustBundle } from '../shared/identity/trust-bundle.ts'
import { contextDigest, type SessionContext } from '../shared/protocol/context.ts'
import { type AdversaryAssumptions, colluders, findParameters } from '../shared/protocol/threshold.ts'
import { systemRng } from '../shared/random.ts'
import { certifyCohort } from '../simulation/identities.ts'

const TRUST_DOMAIN = 'bench.example'
const INPUT_BITS = 16
export const NOW_MS = 1_790_000_000_000

export interface Identity {
  readonly spiffeId: string
  readonly certificateChain: readonly Uint8Array[]
  readonly signWithCertificate: (statement: Uint8Array) => Uint8Array
}

export interface Identities {
  readonly bundle: TrustBundle
  readonly all: readonly Identity[]
}

/** `count` real certificates; ids sort in index order. */
export async function makeIdentities(count: number): Promise<Identities> {
  const ids = Array.from({ length: count }, (_, place) => {
    return `spiffe://${TRUST_DOMAIN}/site/${String(place + 1).padStart(5, '0')}`
  })
  const { bundle, all } = await certifyCohort(ids, { trustDomain: TRUST_DOMAIN, nowMs: NOW_MS })
  return {
    bundle,
    all: all.map(({ spiffeId, certificateChain, privateKey }) => {
      return { spiffeId, certificateChain, signWithCertificate: (statement) => signWithIdentity(privateKey, statement) }
    }),
  }
}

/** Equal rates γ = δ, in steps of 0.1 %, with which `n` participants have at least `k` neighbours, and as few as may be. */
export function assumptionsFor(n: number, k: number): AdversaryAssumptions {
  let [low, high] = [0, 250]
  const at = (step: number): AdversaryAssumptions => {
    const ppm = step * 1000
    const rates = { gammaPpm: ppm, deltaPpm: ppm, colluders: colluders(n, ppm) }
    return { ...rates, adversary: 'malicious', graph: 'auto', maxNeighbours: 1000 }
  }
  while (low < high) {
    const middle = (low + high) >> 1
    const found = findParameters(n, at(middle))
    if (found.ok && found.parameters.neighbours < k) low = middle + 1
    else high = middle
  }
  return at(low)
}

export function contextFor(n: number, lengthLanes: number, assumptions: AdversaryAssumptions): SessionContext {
  return {
    trustDomain: TRUST_DOMAIN,
    runId: 'bench',
    round: 1,
    sessionId: new Uint8Array(randomBytes(16)),
    planDigest: new Uint8Array(32).fill(1),
    modelDigest: new Uint8Array(32).fill(2),
    lengthLanes,
    laneWidth: 32,
    modulusBits: INPUT_BITS + Math.ceil(Math.log2(n)),
    minimumCohort: 3,
    enrolledCount: n,
    assumptions,
    aggregation: { inputBits: INPUT_BITS, clipNorm: 1, laneRange: 1, minWeight: 1, maxWeight: 1, scalars: [] },
  }
}

export function participantSetup(
  context: SessionContext,
  own: Identity,
  enrolled: readonly string[],
): ParticipantSetup {
  return {
    context,
    contextDigest: contextDigest(context),
    ...own,
    enrolled,
    permitsPeer: () => true,
    minimumCohort: context.minimumCohort,
    admissionWindowMs: 300_000,
    sessionsPerModel: 2,
    roundsPerDay: 200,
    minimumColluders: 0,
    minimumThresholdFraction: 0.5,
    updateDigest: new Uint8Array(randomBytes(32)),
  }
}

/** A journal that has never heard of anything. */
const EMPTY_JOURNAL: JournalView = {
  knowsSession: () => false,
  tookPartSince: () => false,
  isSpent: () => false,
  maskedSessionsOn: () => 0,
  maskedSessionsSince: () => 0,
  replyOf: () => null,
}

export function participantEnvironment(bundle: TrustBundle): ParticipantEnvironment {
  return { nowMs: NOW_MS, rng: systemRng, journal: EMPTY_JOURNAL, bundle }
}
