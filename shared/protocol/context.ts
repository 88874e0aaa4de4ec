/**
 * What one session is about. Its digest enters every signature, key derivation and associated data, and each participant
 * computes it from the plan it approved and the model bytes it hashed itself; so a coordinator that shows two participants
 * different models or plans gets masks that do not cancel and signatures that do not verify.
 */
import type { AdversaryAssumptions } from './threshold.ts'
import { digestTuple } from './tuple.ts'

/** How the vector is encoded: everything that changes the meaning of a lane. */
export interface AggregationParameters {
  readonly inputBits: number
  readonly clipNorm: number
  readonly laneRange: number
  readonly minWeight: number
  readonly maxWeight: number
  /** Names of the securely summed scalars with their fraction bits, in lane order, e.g. `examples:0`. */
  readonly scalars: readonly string[]
}

export interface SessionContext {
  readonly trustDomain: string
  readonly runId: string
  readonly round: number
  /** 16 random bytes. */
  readonly sessionId: Uint8Array
  readonly planDigest: Uint8Array
  /** SHA-256 of the global model's bytes. */
  readonly modelDigest: Uint8Array
  readonly lengthLanes: number
  readonly laneWidth: 16 | 32
  readonly modulusBits: number
  readonly minimumCohort: number
  readonly enrolledCount: number
  readonly assumptions: AdversaryAssumptions
  readonly aggregation: AggregationParameters
}

/** `contextDigest`: SHA-256 of the tuple "blindsum/v1/context"; reals travel as their shortest decimal text. */
export function contextDigest(context: SessionContext): Uint8Array {
  const { assumptions, aggregation } = context
  return digestTuple(
    'blindsum/v1/context',
    context.trustDomain,
    context.runId,
    context.round,
    context.sessionId,
    context.planDigest,
    context.modelDigest,
    context.lengthLanes,
    context.laneWidth,
    context.modulusBits,
    context.minimumCohort,
    context.enrolledCount,
    assumptions.graph,
    assumptions.gammaPpm,
    assumptions.deltaPpm,
    assumptions.colluders,
    assumptions.adversary,
    assumptions.maxNeighbours,
    aggregation.inputBits,
    String(aggregation.clipNorm),
    String(aggregation.laneRange),
    String(aggregation.minWeight),
    String(aggregation.maxWeight),
    aggregation.scalars.join(','),
  )
}
